package command

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/operator"
)

// FinishOIDC signs in who comes back from the identity provider with a state and a code. Cookie is what the browser kept of BeginOIDC, Former
// what it kept of the session it had before, which ends.
type FinishOIDC struct {
	State, Code, Cookie string
	Former              string
	Browser             Browser
}

// Needs implements application.Message.
func (FinishOIDC) Needs() application.Scope { return application.Visitor }

// OIDCFinished is a session, with what BeginOIDC was given.
type OIDCFinished struct {
	SignedIn

	Next, Kept string
}

// FinishOIDCHandler handles FinishOIDC. Who came from the provider before is known by what it calls them, whatever their email is now. Others
// are known by their email, if the provider vouches for it: people who sign in already, and who were invited, who accept by signing in. A
// verified email shows that the address is theirs: see operator.Person.Prove for what that ends the first time. A
// second factor that somebody has here is asked for too: not every provider asks for one, and whoever set it up here relies on it.
type FinishOIDCHandler struct{ Provided }

// Handle implements bus.Handler. Errors: ErrNoProvider, account.ErrProviderAway, account.ErrProviderRefused, ErrTooManyTries.
func (h FinishOIDCHandler) Handle(ctx context.Context, c FinishOIDC) (OIDCFinished, error) {
	if h.Provider == nil {
		return OIDCFinished{}, ErrNoProvider
	}
	if err := h.within("provider-back-from", c.Browser.Address, triesOfAddress); err != nil {
		return OIDCFinished{}, err
	}
	t, err := h.open(c.Cookie)
	if err != nil {
		return OIDCFinished{}, err
	}
	if subtle.ConstantTimeCompare([]byte(t.State), []byte(c.State)) != 1 || c.Code == "" {
		return OIDCFinished{}, account.ErrProviderRefused
	}
	who, err := h.Provider.Finish(ctx, t.ProviderTrip, c.Code)
	if err != nil {
		return OIDCFinished{}, err
	}
	known, err := h.known(ctx, who)
	if err != nil {
		return OIDCFinished{}, err
	}
	signed, err := h.signIn(ctx, known, who, c)
	return OIDCFinished{signed, t.Next, t.Kept}, err
}

// known returns whom a provider means: account.ErrProviderRefused for nobody.
func (h FinishOIDCHandler) known(ctx context.Context, who account.Identity) (operator.Snapshot, error) {
	subject := operator.SubjectOf(who.Issuer, who.Subject)
	known, err := h.Reader.PersonBySubject(ctx, subject)
	if errors.Is(err, operator.ErrNotFound) {
		key := emailKey(who.Email)
		if !who.EmailVerified || key == "" {
			return operator.Snapshot{}, account.ErrProviderRefused
		}
		known, err = h.Reader.PersonByEmail(ctx, key)
	}
	return known, nobody(err)
}

// nobody makes account.ErrProviderRefused of a person that is not there.
func nobody(err error) error {
	if errors.Is(err, operator.ErrNotFound) || errors.Is(err, operator.ErrSubject) || errors.Is(err, operator.ErrLink) {
		return account.ErrProviderRefused
	}
	return err
}

// signIn makes a session for a person who was read before, and keeps what the provider calls them.
func (h FinishOIDCHandler) signIn(ctx context.Context, known operator.Snapshot, who account.Identity, c FinishOIDC) (SignedIn, error) {
	name := operator.Cut(who.Name, maxProviderName)
	now, token, id, entry := h.Clock.Now(), h.Secrets.New(), h.IDs.New("session"), h.IDs.New("audit")
	var signed SignedIn
	err := h.Work.Do(ctx, func(ctx context.Context, tx account.Tx) error {
		if known.Status != operator.StatusActive {
			joined, err := acceptAll(ctx, tx, known.ID, now)
			if err != nil {
				return err
			}
			if err := record(ctx, tx, application.AuditEntry{ID: entry, At: now, By: known.ID, Command: "FinishOIDC", Objects: []string{known.ID}}, joined...); err != nil {
				return err
			}
		}
		p, err := tx.People().Lock(ctx, known.ID)
		if err != nil {
			return err
		}
		n := p.Snapshot()
		if n.EmailKey != known.EmailKey || n.Subject != known.Subject || n.Status != known.Status { // it changed meanwhile
			return account.ErrProviderRefused
		}
		if n.Name != "" {
			name = ""
		}
		if who.EmailVerified && emailKey(who.Email) == n.EmailKey && p.Prove(now) {
			if err := endAll(ctx, tx, p.ID()); err != nil {
				return err
			}
		}
		if !p.IsActive() {
			p.Activate(name, "", now)
		}
		if err := p.ComeFrom(who.Issuer, who.Subject, now); err != nil {
			return err
		}
		if err := tx.People().Save(ctx, p); err != nil {
			return err
		}
		first, err := opens(ctx, tx, p)
		if err != nil {
			return err
		}
		if first == "" {
			return account.ErrProviderRefused
		}
		signed, err = h.session(ctx, tx, p, first, c.Former, c.Browser, token, id, now)
		return err
	})
	if err != nil {
		return SignedIn{}, nobody(err)
	}
	return signed, nil
}

// maxProviderName is how much of a name that a provider tells is taken, in characters.
const maxProviderName = 200

// acceptAll has a person accept the invitations of all sellers that are open still, by their ids, and returns these.
func acceptAll(ctx context.Context, tx account.Tx, personID string, now time.Time) (sellerIDs []string, err error) {
	of, err := tx.Staff().SellersOf(ctx, personID)
	if err != nil {
		return nil, err
	}
	for _, m := range of {
		staff, err := tx.Staff().Lock(ctx, m.SellerID)
		if err != nil {
			return nil, gone(err)
		}
		invited, err := staff.Member(personID)
		if err != nil {
			return nil, err
		}
		if !invited.Open(now) {
			continue
		}
		if err := staff.Accept(personID, now); err != nil {
			return nil, err
		}
		if err := tx.Staff().Save(ctx, staff); err != nil {
			return nil, err
		}
		if err := tx.PersonLinks().RevokeInvitations(ctx, personID, m.SellerID); err != nil {
			return nil, err
		}
		sellerIDs = append(sellerIDs, m.SellerID)
	}
	return sellerIDs, nil
}
