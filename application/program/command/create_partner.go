package command

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// CreatePartner makes a partner of the actor's seller: active, or pending in a program that approves by hand. ID and Key are
// generated when empty. Without a Password the partner cannot sign in by one: partner.UnknownPassword.
type CreatePartner struct {
	application.Actor

	ID, Key, Email, Name, Surname, Password string
	Tags                                    []string
	CustomFields                            []partner.CustomField
	TermsAccepted                           bool
	Referring                               application.PartnerHandle
	Once                                    application.Once[programquery.Partner]
}

// Needs implements application.Message.
func (CreatePartner) Needs() application.Scope { return application.Program }

func (c CreatePartner) registration() partner.Registration {
	return partner.Registration{
		ID: c.ID, Key: c.Key, Email: c.Email, Name: c.Name, Surname: c.Surname, Tags: c.Tags,
		CustomFields: c.CustomFields, TermsAccepted: c.TermsAccepted,
	}
}

// Check returns fault.ErrValidation with the members at fault, without looking at stored data, or nil.
func (c CreatePartner) Check() error {
	return fault.Together("password", checkPassword(c.Password), c.registration().Check())
}

// checkPassword is partner.CheckPassword, but allows an empty password, which means none for a new partner and no change for
// an existing one.
func checkPassword(password string) error {
	if password == "" {
		return nil
	}
	return partner.CheckPassword(password)
}

// CreatePartnerHandler handles CreatePartner.
type CreatePartnerHandler struct {
	program.Deps
	Secrets application.Secrets
	Hasher  application.PasswordHasher
}

// Handle implements bus.Handler. Errors: partner.Taken, partner.ErrUnknownReferring, fault.ErrValidation.
func (h CreatePartnerHandler) Handle(ctx context.Context, c CreatePartner) (application.Done, error) {
	now := h.Clock.Now()
	// Check first, because hashing the password is slow. It is hashed outside the transaction.
	if err := c.Check(); err != nil {
		return application.Done{}, err
	}
	r := c.registration()
	handles(&r, h.IDs, h.Secrets)
	r.PasswordHash = partner.UnknownPassword
	if c.Password != "" {
		hash, err := h.Hasher.Hash(c.Password)
		if err != nil {
			return application.Done{}, err
		}
		r.PasswordHash = hash
	}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx program.Tx) (programquery.Partner, error) {
		owner, err := tx.Sellers().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return programquery.Partner{}, err
		}
		r := r
		r.Approved = !owner.Program().ManualApproval
		if c.Referring != (application.PartnerHandle{}) {
			referring, err := program.FindPartner(ctx, tx.Partners().Find, c.Actor.SellerID, c.Referring, partner.ErrUnknownReferring)
			if err != nil {
				return programquery.Partner{}, err
			}
			r.ReferringPartnerID = referring.ID()
		}
		p, err := partner.Register(c.Actor.SellerID, r, now)
		if err != nil {
			return programquery.Partner{}, err
		}
		if err := tx.Partners().Add(ctx, p); err != nil {
			return programquery.Partner{}, err
		}
		return programquery.PartnerOf(p.Snapshot()), nil
	})
}

// handles fills an empty id and an empty key of a registration.
func handles(r *partner.Registration, ids application.IDs, secrets application.Secrets) {
	if r.ID == "" {
		r.ID = ids.New("partner")
	}
	if r.Key == "" {
		r.Key = shortSecret(secrets)
	}
}

// shortSecret makes the 12 characters of a referral key or of a converted lead's customer key.
func shortSecret(secrets application.Secrets) string { return secrets.New()[:12] }
