package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// CreateSignInURL makes the token of a link by which a partner signs in once. Lasts is MinSignIn to MaxSignIn.
type CreateSignInURL struct {
	application.Actor

	Partner application.PartnerHandle
	Lasts   time.Duration
	Once    application.Once[SignIn]
}

// Needs implements application.Message.
func (CreateSignInURL) Needs() application.Scope { return application.Program }

// AuditObject implements application.Audited.
func (c CreateSignInURL) AuditObject() string { return c.Partner.ID }

// SignIn is the token of a sign-in link.
type SignIn struct {
	Token     string
	ExpiresAt time.Time
}

// CreateSignInURLHandler handles CreateSignInURL.
type CreateSignInURLHandler struct {
	program.Deps
	Secrets application.Secrets
}

// Handle implements bus.Handler. Errors: partner.ErrUnknown, partner.ErrAction for a partner that is not active,
// fault.ErrValidation.
func (h CreateSignInURLHandler) Handle(ctx context.Context, c CreateSignInURL) (application.Done, error) {
	now, token := h.Clock.Now(), h.Secrets.New()
	var v fault.Violations
	if c.Lasts < MinSignIn || c.Lasts > MaxSignIn {
		v.Add("expires_in", fault.InvalidValue, "must be between 30 and 900 seconds")
	}
	if c.Partner == (application.PartnerHandle{}) {
		v.Add("key", fault.Required, "must be given, or an id or an email")
	}
	if err := v.Err(); err != nil {
		return application.Done{}, err
	}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (SignIn, error) {
		p, err := program.FindPartner(ctx, tx.Partners().Lock, c.Actor.SellerID, c.Partner, partner.ErrUnknown)
		if err != nil {
			return SignIn{}, err
		}
		if p.Status() != partner.StatusActive {
			return SignIn{}, partner.ErrAction
		}
		expires := now.Add(c.Lasts)
		return SignIn{token, expires}, tx.Tokens().Add(ctx, program.Token{
			Hash: program.TokenHash(token),
			Kind: program.SignInToken, SellerID: p.SellerID(), PartnerID: p.ID(), ExpiresAt: expires,
		})
	})
}

// How long a sign-in link works: by default, at least and at most.
const (
	DefaultSignIn = 120 * time.Second
	MinSignIn     = 30 * time.Second
	MaxSignIn     = 900 * time.Second
)
