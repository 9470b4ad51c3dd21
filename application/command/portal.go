package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// How long what a partner holds is good for (api/partner-program.md, "Rules").
const (
	invitationLife = 7 * 24 * time.Hour
	sessionLife    = 12 * time.Hour

	// DefaultSignIn, MinSignIn and MaxSignIn are how long a sign-in URL lasts (research/partner-programs.md §1.3).
	DefaultSignIn = 120 * time.Second
	MinSignIn     = 30 * time.Second
	MaxSignIn     = 900 * time.Second
)

// CreateSignInURL makes a link by which a partner signs in once.
type CreateSignInURL struct {
	application.Actor

	Partner application.PartnerHandle
	Lasts   time.Duration
	Once    Once[SignIn]
}

// SignIn is the token of a sign-in link.
type SignIn struct {
	Token     string
	ExpiresAt time.Time
}

// CreateSignInURLHandler handles CreateSignInURL.
type CreateSignInURLHandler struct {
	Deps
	Secrets application.Secrets
}

// Handle implements bus.Handler. Errors: partner.ErrUnknown, partner.ErrAction for a partner that is not active, validation.
func (h CreateSignInURLHandler) Handle(ctx context.Context, c CreateSignInURL) (Done, error) {
	now, token := h.Clock.Now(), h.Secrets.New()
	var v fault.Violations
	if c.Lasts < MinSignIn || c.Lasts > MaxSignIn {
		v.Add("expires_in", fault.InvalidValue, "must be between 30 and 900 seconds")
	}
	if c.Partner == (application.PartnerHandle{}) {
		v.Add("key", fault.Required, "must be given, or an id or an email")
	}
	if err := v.Err(); err != nil {
		return Done{}, err
	}
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (SignIn, error) {
		p, err := findPartner(ctx, tx.Partners().Lock, c.Actor.SellerID, c.Partner, partner.ErrUnknown)
		if err != nil {
			return SignIn{}, err
		}
		if p.Status() != partner.StatusActive {
			return SignIn{}, partner.ErrAction
		}
		expires := now.Add(c.Lasts)
		return SignIn{token, expires}, tx.Tokens().Add(ctx, application.Token{Hash: application.TokenHash(token),
			Kind: application.SignInToken, SellerID: p.SellerID(), PartnerID: p.ID(), ExpiresAt: expires})
	})
}

// Session is what a signed-in partner's browser keeps.
type Session struct {
	Token     string
	ExpiresAt time.Time
}

// OpenSession signs a partner in by the token of a sign-in link, which works once.
type OpenSession struct{ Token string }

// OpenSessionHandler handles OpenSession.
type OpenSessionHandler struct {
	Deps
	Secrets application.Secrets
}

// Handle implements bus.Handler. Errors: application.ErrTokenUnknown, also when the partner is not active any more.
func (h OpenSessionHandler) Handle(ctx context.Context, c OpenSession) (Session, error) {
	now, token := h.Clock.Now(), h.Secrets.New()
	session := Session{token, now.Add(sessionLife)}
	err := h.Work.Do(ctx, func(ctx context.Context, tx application.Tx) error {
		used, err := tx.Tokens().Consume(ctx, application.TokenHash(c.Token), application.SignInToken, now)
		if err != nil {
			return err
		}
		// The lock keeps whoever revokes the partner's tokens from missing the session.
		p, err := findPartner(ctx, tx.Partners().Lock, used.SellerID, application.PartnerHandle{ID: used.PartnerID}, application.ErrTokenUnknown)
		if err != nil {
			return err
		}
		if p.Status() != partner.StatusActive {
			return application.ErrTokenUnknown
		}
		return openSession(ctx, tx, p, session)
	})
	if err != nil {
		return Session{}, err
	}
	return session, nil
}

func openSession(ctx context.Context, tx application.Tx, p *partner.Partner, s Session) error {
	return tx.Tokens().Add(ctx, application.Token{Hash: application.TokenHash(s.Token), Kind: application.SessionToken,
		SellerID: p.SellerID(), PartnerID: p.ID(), ExpiresAt: s.ExpiresAt})
}

// CloseSession signs a partner out.
type CloseSession struct{ Token string }

// CloseSessionHandler handles CloseSession.
type CloseSessionHandler struct{ Deps }

// Handle implements bus.Handler. Errors: application.ErrTokenUnknown.
func (h CloseSessionHandler) Handle(ctx context.Context, c CloseSession) (struct{}, error) {
	now := h.Clock.Now()
	return struct{}{}, h.Work.Do(ctx, func(ctx context.Context, tx application.Tx) error {
		_, err := tx.Tokens().Consume(ctx, application.TokenHash(c.Token), application.SessionToken, now)
		return err
	})
}

// AcceptInvitation is an invited partner's yes: its password, and whether it accepts the terms. It is signed in at once.
type AcceptInvitation struct {
	Token, Password string
	TermsAccepted   bool
}

// AcceptInvitationHandler handles AcceptInvitation.
type AcceptInvitationHandler struct {
	Deps
	Secrets application.Secrets
	Hasher  application.PasswordHasher
	Portal  application.PortalReader
}

// Handle implements bus.Handler. Errors: application.ErrTokenUnknown, partner.ErrInvitation, validation of "password".
func (h AcceptInvitationHandler) Handle(ctx context.Context, c AcceptInvitation) (Session, error) {
	now, hash := h.Clock.Now(), application.TokenHash(c.Token)
	// Looked at first, so that nobody without a token makes this process hash passwords.
	open, err := h.Portal.TokenOf(ctx, hash, application.InvitationToken, now)
	if err != nil {
		return Session{}, err
	}
	var v fault.Violations
	v.AddErr("password", partner.CheckPassword(c.Password))
	if err := v.Err(); err != nil {
		return Session{}, err
	}
	password, err := h.Hasher.Hash(c.Password)
	if err != nil {
		return Session{}, err
	}
	session := Session{h.Secrets.New(), now.Add(sessionLife)}
	err = h.Work.Do(ctx, func(ctx context.Context, tx application.Tx) error {
		p, err := findPartner(ctx, tx.Partners().Lock, open.SellerID, application.PartnerHandle{ID: open.PartnerID}, application.ErrTokenUnknown)
		if err != nil {
			return err
		}
		if _, err := tx.Tokens().Consume(ctx, hash, application.InvitationToken, now); err != nil {
			return err
		}
		if err := p.Accept(password, c.TermsAccepted, now); err != nil {
			return err
		}
		if err := tx.Partners().Save(ctx, p); err != nil {
			return err
		}
		if err := tx.Tokens().RevokeOfPartner(ctx, p.SellerID(), p.ID(), application.InvitationToken); err != nil {
			return err
		}
		return openSession(ctx, tx, p, session)
	})
	if err != nil {
		return Session{}, err
	}
	return session, nil
}
