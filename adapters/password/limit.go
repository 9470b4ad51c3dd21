package password

import (
	"errors"
	"sync/atomic"

	"github.com/leadmill/leadmill/application"
)

// Limited hashes few passwords at a time, because each takes much memory and a whole core, and lets few wait.
type Limited struct {
	next    application.PasswordHasher
	running chan struct{}
	waiting atomic.Int64
	most    int64
}

// errTooManyPasswords is why a password is refused, for the log.
var errTooManyPasswords = errors.New("too many passwords wait to be hashed")

// Limit returns a hasher that has next hash atOnce passwords at a time while up to waiting others wait; both are at least 1.
func Limit(next application.PasswordHasher, atOnce, waiting int) *Limited {
	return &Limited{next: next, running: make(chan struct{}, max(atOnce, 1)), most: int64(max(waiting, 1))}
}

// Hash implements application.PasswordHasher. application.ErrUnavailable when too many wait already: the client tries again.
func (l *Limited) Hash(password string) (string, error) {
	leave, err := l.enter()
	if err != nil {
		return "", err
	}
	defer leave()
	return l.next.Hash(password)
}

// Verify implements application.PasswordVerifier, within the same limit. It fails as Hash does, and when next cannot verify passwords.
func (l *Limited) Verify(password, hash string) (bool, error) {
	verifier, ok := l.next.(application.PasswordVerifier)
	if !ok {
		return false, errNoVerifier
	}
	leave, err := l.enter()
	if err != nil {
		return false, err
	}
	defer leave()
	return verifier.Verify(password, hash)
}

var errNoVerifier = errors.New("the password hasher of this build verifies no passwords")

// enter takes a place among those that run.
func (l *Limited) enter() (leave func(), err error) {
	select {
	case l.running <- struct{}{}:
	default:
		if l.waiting.Add(1) > l.most {
			l.waiting.Add(-1)
			return nil, application.ErrUnavailable.Because(errTooManyPasswords)
		}
		l.running <- struct{}{}
		l.waiting.Add(-1)
	}
	return func() { <-l.running }, nil
}
