package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

// ErrSignedOut says that nobody is signed in: a session never was, has ended, or its person may no longer sign in.
var ErrSignedOut = fault.New(fault.Unauthenticated, "signed_out", "You are not signed in.")

// sessionTTL is how long a session that was read is trusted: one that is ended on another instance opens pages for that long.
const sessionTTL = 3 * time.Second

// maxCachedSessions bounds the cache; a full cache is emptied.
const maxCachedSessions = 10_000

// maxCookie bounds what a browser may send as its session, in bytes.
const maxCookie = 100

// Sessions implements application.Sessions over the store. It remembers sessions by the hash of what the browser keeps for 3 seconds, and
// stores that one is used once a minute.
type Sessions struct {
	reader PersonReader
	work   UnitOfWork
	clock  application.Clock
	logger *slog.Logger

	mu    sync.RWMutex
	known map[[sha256.Size]byte]knownSession
	// forgot counts the calls of Forget: what was read before one is not remembered behind it.
	forgot int
}

type knownSession struct {
	person application.Person
	operator.Session
	readAt time.Duration // by application.Elapsed
}

var _ application.Sessions = (*Sessions)(nil)

// NewSessions makes the Sessions of an instance.
func NewSessions(reader PersonReader, work UnitOfWork, clock application.Clock, logger *slog.Logger) *Sessions {
	return &Sessions{reader: reader, work: work, clock: clock, logger: logger, known: map[[sha256.Size]byte]knownSession{}}
}

// PersonOf implements application.Sessions.
func (s *Sessions) PersonOf(ctx context.Context, cookie string) (application.Person, error) {
	return s.find(ctx, cookie, operator.Session.Used)
}

// Look implements application.Sessions.
func (s *Sessions) Look(ctx context.Context, cookie string) (application.Person, error) {
	return s.find(ctx, cookie, func(of operator.Session, _ time.Time) (operator.Session, bool) { return of, false })
}

// find returns whose session it is, and stores what becomes of the session by that.
func (s *Sessions) find(ctx context.Context, cookie string, use func(operator.Session, time.Time) (operator.Session, bool)) (application.Person, error) {
	if cookie == "" || len(cookie) > maxCookie {
		return application.Person{}, ErrSignedOut
	}
	hash, now, elapsed := PersonTokenHash(cookie), s.clock.Now(), application.Elapsed(s.clock)
	s.mu.RLock()
	known, ok := s.known[hash]
	forgot := s.forgot
	s.mu.RUnlock()
	if ok && elapsed-known.readAt < sessionTTL && now.Before(known.ExpiresAt) {
		if _, due := use(known.Session, now); !due {
			return known.person, nil
		}
	}
	found, err := s.reader.SessionByHash(ctx, hash)
	if errors.Is(err, operator.ErrNotFound) || err == nil && (found.Half || found.Ended(now) || found.Person.Status != operator.StatusActive || len(found.Sellers) == 0) {
		s.forget(hash)
		return application.Person{}, ErrSignedOut
	}
	if err != nil {
		return application.Person{}, err
	}
	person, err := personOf(found, cookie)
	if err != nil {
		return application.Person{}, err
	}
	if used, changed := use(found.Session, now); changed {
		ended := false
		err := s.work.Do(ctx, func(ctx context.Context, tx Tx) (err error) {
			ended, err = tx.PersonSessions().Use(ctx, used)
			return err
		})
		switch {
		case err == nil && ended:
			s.forget(hash)
			return application.Person{}, ErrSignedOut
		case err == nil:
			found.Session = used
		case ctx.Err() != nil: // who asked went away
		default: // the page opens although its use could not be stored; the next one tries again
			s.logger.WarnContext(ctx, "the use of a session was not stored", slog.String("code", string(fault.CodeOf(err))), slog.Any("cause", errors.Unwrap(err)))
		}
	}
	s.mu.Lock()
	if len(s.known) >= maxCachedSessions {
		clear(s.known)
	}
	if s.forgot == forgot {
		s.known[hash] = knownSession{person, found.Session, elapsed}
	}
	s.mu.Unlock()
	return person, nil
}

// personOf makes what pages are told of a session. The pages of a seller that the person has no longer are those of the first one there is.
func personOf(s SignedSession, cookie string) (application.Person, error) {
	at := s.Sellers[0]
	sellers := make([]application.PersonSeller, len(s.Sellers))
	for i, of := range s.Sellers {
		sellers[i] = application.PersonSeller{Code: of.Seller.Code, Name: of.Seller.Name, Role: string(of.Role)}
		if of.Seller.ID == s.SellerID {
			at = of
		}
	}
	actor, err := actorOfPerson(s.PersonID, at.Role, at.BuyerID, at.Seller)
	return application.Person{
		ID: s.PersonID, Name: s.Person.Name, Email: s.Person.Email, Actor: actor, SessionID: s.ID, FormToken: formToken(cookie, at.Seller.ID), Zone: at.Seller.TimeZone, Sellers: sellers,
	}, err
}

func actorOfPerson(personID string, role operator.Role, buyerID string, of seller.Snapshot) (application.Actor, error) {
	currency, err := money.ParseCurrency(of.Currency)
	return application.Actor{
		Scope: seller.Program, KeyID: personID, PersonID: personID, Role: role, BuyerID: buyerID, SellerID: of.ID, SellerCode: of.Code, SellerSlug: of.Slug, Website: of.Website,
		LinkParameter: of.Program.LinkParameter, CookieDays: of.Program.CookieDays, Currency: currency,
	}, err
}

// Forget drops all remembered sessions, so that a change made by this process takes effect at once.
func (s *Sessions) Forget() {
	s.mu.Lock()
	clear(s.known)
	s.forgot++
	s.mu.Unlock()
}

func (s *Sessions) forget(hash [sha256.Size]byte) {
	s.mu.Lock()
	delete(s.known, hash)
	s.mu.Unlock()
}

// Actors says who acts later for what was asked for now: a key, or a person who may have lost a role meanwhile.
type Actors struct {
	Keys   *application.Keyring
	People PersonReader
}

// ActorOf returns who a key or a person of a seller stands for now: application.ErrInvalidKey when neither does any more.
func (a Actors) ActorOf(ctx context.Context, sellerID, id string) (application.Actor, error) {
	if !operator.IsPersonID(id) {
		return a.Keys.ActorOf(ctx, sellerID, id)
	}
	m, of, err := a.People.MemberOf(ctx, sellerID, id)
	if errors.Is(err, operator.ErrNotFound) || err == nil && !m.Accepted() {
		return application.Actor{}, application.ErrInvalidKey
	}
	if err != nil {
		return application.Actor{}, err
	}
	return actorOfPerson(id, m.Role, m.BuyerID, of)
}
