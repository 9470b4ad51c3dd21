package command

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/partner"
)

// OpenSession signs a partner in by the token of a sign-in link, which works once.
type OpenSession struct{ Token string }

// Needs implements application.Message.
func (OpenSession) Needs() application.Scope { return application.Visitor }

// Session is what a signed-in partner's browser keeps.
type Session struct {
	Token     string
	ExpiresAt time.Time
}

// OpenSessionHandler handles OpenSession.
type OpenSessionHandler struct {
	program.Deps
	Secrets application.Secrets
}

// Handle implements bus.Handler. Errors: program.ErrTokenUnknown, also when the partner is not active.
func (h OpenSessionHandler) Handle(ctx context.Context, c OpenSession) (Session, error) {
	now, token := h.Clock.Now(), h.Secrets.New()
	session := Session{token, now.Add(SessionLife)}
	err := h.Work.Do(ctx, func(ctx context.Context, tx program.Tx) error {
		used, err := tx.Tokens().Consume(ctx, program.TokenHash(c.Token), program.SignInToken, now)
		if err != nil {
			return err
		}
		// The partner stays locked, so that a command that revokes the partner's tokens also finds this session.
		p, err := program.FindPartner(ctx, tx.Partners().Lock, used.SellerID, application.PartnerHandle{ID: used.PartnerID}, program.ErrTokenUnknown)
		if err != nil {
			return err
		}
		if p.Status() != partner.StatusActive {
			return program.ErrTokenUnknown
		}
		return openSession(ctx, tx, p, session)
	})
	if err != nil {
		return Session{}, err
	}
	return session, nil
}

func openSession(ctx context.Context, tx program.Tx, p *partner.Partner, s Session) error {
	return tx.Tokens().Add(ctx, program.Token{
		Hash: program.TokenHash(s.Token), Kind: program.SessionToken,
		SellerID: p.SellerID(), PartnerID: p.ID(), ExpiresAt: s.ExpiresAt,
	})
}

// SessionLife is how long a partner stays signed in.
const SessionLife = 12 * time.Hour
