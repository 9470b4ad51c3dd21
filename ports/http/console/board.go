package consolehttp

import (
	"context"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
)

const (
	// boardPace is how often at most a board is made, however much happens and however many look at it.
	boardPace = livePace
	// mostBoards is how many are kept.
	mostBoards = 1_000
)

// boards are the parts of pages that are the same for everybody of a role who looks at a seller: one for each seller and role.
type boards struct {
	mu sync.Mutex
	of map[boardOf]*board
}

// boardOf is what a board depends on: a role sees what another does not.
type boardOf struct {
	sellerID string
	role     application.Role
}

func (s *boards) board(who application.Actor) *board {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := boardOf{who.SellerID, who.Role}
	b := s.of[of]
	if b == nil {
		if s.of == nil || len(s.of) >= mostBoards {
			s.of = map[boardOf]*board{} // whoever waits for one keeps it
		}
		b = &board{}
		s.of[of] = b
	}
	return b
}

// board is a part of a page that an instance makes once for all who look at it. Those who are told that something happened are never given
// what was made before: they wait, until it may be made again.
type board struct {
	mu     sync.Mutex
	text   []byte
	head   int64           // up to which it has what happened
	rest   <-chan struct{} // closed when it may be made again; nil before the first time
	making chan struct{}   // closed when whoever makes it is done; nil when nobody does
}

// read returns the board with all that has happened by now, as far as head knows. compose makes it.
func (b *board) read(ctx context.Context, head func() int64, compose func() ([]byte, error)) ([]byte, error) {
	for wanted := head(); ; {
		text, making, mine := b.look(wanted)
		if text != nil {
			return text, nil
		}
		if mine {
			return b.renew(ctx, making, head, compose)
		}
		select {
		case <-making: // and see what came of it
		case <-ctx.Done():
			return nil, application.ErrUnavailable.Because(context.Cause(ctx))
		}
	}
}

// look returns the board as it is, if that will do; otherwise what says that it is made, and whether that is up to the caller.
func (b *board) look(wanted int64) (text []byte, making chan struct{}, mine bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.text != nil && b.head >= wanted && !b.rested() {
		return b.text, nil, false
	}
	if b.making == nil {
		b.making, mine = make(chan struct{}), true
	}
	return nil, b.making, mine
}

func (b *board) rested() bool {
	select {
	case <-b.rest:
		return true
	default:
		return b.rest == nil
	}
}

func (b *board) renew(ctx context.Context, making chan struct{}, head func() int64, compose func() ([]byte, error)) (text []byte, err error) {
	at := int64(0)
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if text != nil && err == nil {
			rest := make(chan struct{})
			time.AfterFunc(boardPace, func() { close(rest) })
			b.text, b.head, b.rest = text, at, rest
		}
		b.making = nil
		close(making)
	}()
	if b.rest != nil { // nobody else changes it now
		select {
		case <-b.rest:
		case <-ctx.Done():
			return nil, application.ErrUnavailable.Because(context.Cause(ctx))
		}
	}
	at = head()
	return compose()
}
