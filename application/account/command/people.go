package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
)

// Errors of signing in.
var (
	// ErrSignIn says that nobody could be signed in, without telling why.
	ErrSignIn = fault.New(fault.Unauthenticated, "sign_in_failed", "The email address or the password is wrong.")
	// ErrTooManyTries says that an address, or somebody for one account, tried too often.
	ErrTooManyTries = fault.New(fault.TooMany, "too_many_tries", "Too many tries. Wait a few minutes and try again.")
	// ErrSignInFirst says that an invitation is for somebody who signs in already, and is accepted in a session of that person alone.
	ErrSignInFirst = fault.New(fault.Unauthenticated, "sign_in_first", "Somebody signs in with this email address already. Sign in with it, then accept the invitation.")
	// ErrCurrentPassword says that the present password, which a change asks for, is wrong.
	ErrCurrentPassword = fault.ErrValidation.With(fault.Violation{Field: "current", Code: fault.InvalidValue, Message: "is not your password"})
)

// Browser is where a person signs in from. Address is what a client is counted by, Agent what the browser calls itself; both are shown to the
// person in the list of sessions.
type Browser struct{ Address, Agent string }

// SignedIn is what a browser keeps of a session. With SecondFactor the session opens nothing until the second factor is shown. Cookie is empty
// where nobody was signed in.
type SignedIn struct {
	PersonID     string
	Cookie       string
	ExpiresAt    time.Time
	SecondFactor bool
}

// SigningIn is what the handlers of this file's kind need: commands of people who sign in.
type SigningIn struct {
	account.Deps
	Reader    account.PersonReader
	Secrets   application.Secrets
	Passwords *Passwords
	Limiter   application.RateLimiter
}

// Passwords hashes and verifies passwords, and spends as much on one of nobody as on one of somebody.
type Passwords struct {
	hasher  application.PasswordHasher
	secrets application.Secrets

	mu     sync.Mutex
	nobody string // the hash of what is nobody's password; empty until one was made
}

// NewPasswords makes Passwords over a hasher.
func NewPasswords(hasher application.PasswordHasher, secrets application.Secrets) *Passwords {
	return &Passwords{hasher: hasher, secrets: secrets}
}

// hashOfNobody returns a hash that no password has. A hasher that is busy is asked again the next time.
func (p *Passwords) hashOfNobody() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.nobody == "" {
		hash, err := p.hasher.Hash(p.secrets.New())
		if err != nil {
			return "", err
		}
		p.nobody = hash
	}
	return p.nobody, nil
}

var errNoVerifier = errors.New("the password hasher of this build verifies no passwords")

// verify reports whether a password has a hash. An empty hash is that of nobody: the same work is done, and the answer is no.
func (p *Passwords) verify(password, hash string) (bool, error) {
	verifier, ok := p.hasher.(application.PasswordVerifier)
	if !ok {
		return false, errNoVerifier
	}
	somebody := hash != ""
	if !somebody {
		var err error
		if hash, err = p.hashOfNobody(); err != nil {
			return false, err
		}
	}
	same, err := verifier.Verify(password, hash)
	return same && somebody && err == nil, err
}

// The limits of tries, by address and by account.
var (
	triesOfAddress  = application.RateLimit{Requests: 30, Window: 15 * time.Minute}
	triesOfAccount  = application.RateLimit{Requests: 20, Window: 15 * time.Minute}
	resetsOfAddress = application.RateLimit{Requests: 10, Window: time.Hour}
	resetsOfAccount = application.RateLimit{Requests: 5, Window: time.Hour}
	invitations     = application.RateLimit{Requests: 60, Window: time.Hour}
)

// within counts a try under a name and reports ErrTooManyTries. What is personal of the name is counted by its hash.
func (s SigningIn) within(what, personal string, limit application.RateLimit) error {
	sum := sha256.Sum256([]byte(personal))
	if !s.Limiter.Take("people:"+what+":"+hex.EncodeToString(sum[:16]), limit).Allowed {
		return ErrTooManyTries
	}
	return nil
}

// emailKey is the email as it is compared; empty for what is none.
func emailKey(email string) string {
	address, err := contact.ParseEmail(email)
	if err != nil {
		return ""
	}
	return address.Key()
}

// maxPassword bounds what is hashed, in bytes: more than 200 characters of any script need.
const maxPassword = 1000

// session makes a session for a person, in place of the one that the browser had. sellerID is whose pages open.
func (s SigningIn) session(ctx context.Context, tx account.Tx, p *operator.Person, sellerID, former string, b Browser, token, id string, now time.Time) (SignedIn, error) {
	if err := endFormer(ctx, tx, former); err != nil {
		return SignedIn{}, err
	}
	n := operator.Session{
		ID: id, Hash: account.PersonTokenHash(token), PersonID: p.ID(), SellerID: sellerID, Half: p.HasSecondFactor(), Address: b.Address, Agent: b.Agent,
	}.Begin(now)
	lasts := now.Add(operator.SessionLife)
	if n.Half {
		lasts = n.ExpiresAt
	}
	return SignedIn{PersonID: p.ID(), Cookie: token, ExpiresAt: lasts, SecondFactor: n.Half}, tx.PersonSessions().Add(ctx, n)
}

// endFormer ends the session that a browser had before it signed in again.
func endFormer(ctx context.Context, tx account.Tx, former string) error {
	if former == "" {
		return nil
	}
	_, err := tx.PersonSessions().End(ctx, account.PersonTokenHash(former))
	return err
}

// endAll ends all sessions and all links of a person.
func endAll(ctx context.Context, tx account.Tx, personID string) error {
	if err := tx.PersonSessions().EndOf(ctx, personID, ""); err != nil {
		return err
	}
	return tx.PersonLinks().RevokeOf(ctx, personID, operator.InvitationLink, operator.SignInLink, operator.ResetLink)
}

// record writes into the trails of sellers what somebody did whom no key and no session names, or what was done about several sellers.
func record(ctx context.Context, tx account.Tx, e application.AuditEntry, sellerIDs ...string) error {
	for _, id := range sellerIDs {
		e.SellerID = id
		if err := tx.Trail().WriteAudit(ctx, e.From(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// acceptedOf returns the sellers whose invitation a person accepted.
func acceptedOf(ctx context.Context, tx account.Tx, personID string) (sellerIDs []string, err error) {
	of, err := tx.Staff().SellersOf(ctx, personID)
	for _, m := range of {
		if m.Accepted() {
			sellerIDs = append(sellerIDs, m.SellerID)
		}
	}
	return sellerIDs, err
}

// opens returns the seller whose pages a person is shown first; empty for who may not sign in: who is not active, or is nobody's.
func opens(ctx context.Context, tx account.Tx, p *operator.Person) (sellerID string, err error) {
	if !p.IsActive() {
		return "", nil
	}
	of, err := acceptedOf(ctx, tx, p.ID())
	if len(of) == 0 {
		return "", err
	}
	return of[0], err
}
