package command

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/partner"
)

// CreatePartner makes a partner of the actor's seller: active, or pending in a program that approves by hand. ID and Key are
// made when empty; without a Password the partner has one that nobody knows.
type CreatePartner struct {
	application.Actor

	ID, Key, Email, Name, Surname, Password string
	Tags                                    []string
	CustomFields                            []partner.CustomField
	TermsAccepted                           bool
	Referring                               application.PartnerHandle
	Once                                    Once[query.Partner]
}

func (c CreatePartner) registration() partner.Registration {
	return partner.Registration{ID: c.ID, Key: c.Key, Email: c.Email, Name: c.Name, Surname: c.Surname, Tags: c.Tags,
		CustomFields: c.CustomFields, TermsAccepted: c.TermsAccepted}
}

// Check returns which members are at fault whatever is stored.
func (c CreatePartner) Check() error {
	r := c.registration()
	r.ID, r.Key = cmp.Or(r.ID, "made"), cmp.Or(r.Key, "made")
	_, err := partner.Register(c.Actor.SellerID, r, time.Time{})
	return together("password", checkPassword(c.Password), err)
}

// checkPassword allows an empty password, which is made or kept.
func checkPassword(password string) error {
	if password == "" {
		return nil
	}
	return partner.CheckPassword(password)
}

// CreatePartnerHandler handles CreatePartner.
type CreatePartnerHandler struct {
	Deps
	Secrets application.Secrets
	Hasher  application.PasswordHasher
}

// Handle implements bus.Handler. Errors: partner.Taken, partner.ErrUnknownReferring, validation.
func (h CreatePartnerHandler) Handle(ctx context.Context, c CreatePartner) (Done, error) {
	now := h.Clock.Now()
	// A first look spares the slow hash, which is taken outside the transaction.
	if err := c.Check(); err != nil {
		return Done{}, err
	}
	r := c.registration()
	handles(&r, h.IDs, h.Secrets)
	r.PasswordHash = partner.UnknownPassword
	if c.Password != "" {
		hash, err := h.Hasher.Hash(c.Password)
		if err != nil {
			return Done{}, err
		}
		r.PasswordHash = hash
	}
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Partner, error) {
		owner, err := tx.Sellers().Get(ctx, c.Actor.SellerID)
		if err != nil {
			return query.Partner{}, err
		}
		r := r
		r.Approved = !owner.Program().ManualApproval
		if c.Referring != (application.PartnerHandle{}) {
			referring, err := findPartner(ctx, tx.Partners().Find, c.Actor.SellerID, c.Referring, partner.ErrUnknownReferring)
			if err != nil {
				return query.Partner{}, err
			}
			r.ReferringPartnerID = referring.ID()
		}
		p, err := partner.Register(c.Actor.SellerID, r, now)
		if err != nil {
			return query.Partner{}, err
		}
		if err := tx.Partners().Add(ctx, p); err != nil {
			return query.Partner{}, err
		}
		return query.PartnerOf(p.Snapshot()), nil
	})
}

// handles makes the id and the key that a registration does not name.
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

// findPartner answers missing when the handle names nobody: in a body an unknown partner is 400, not 404. find is Find of
// the partners, or Lock for what must not outlive the partner: a deletion waits, or is seen.
func findPartner(ctx context.Context, find func(ctx context.Context, sellerID string, h application.PartnerHandle) (*partner.Partner, error),
	sellerID string, handle application.PartnerHandle, missing *fault.Error) (*partner.Partner, error) {
	p, err := find(ctx, sellerID, handle)
	if errors.Is(err, partner.ErrNotFound) {
		return nil, missing
	}
	return p, err
}

// UpdatePartner changes what is said about a partner. Nil members keep what is there; Password is empty to keep it.
type UpdatePartner struct {
	application.Actor

	Handle    application.PartnerHandle
	Details   partner.Details
	Password  string
	Referring application.PartnerHandle
	Once      Once[query.Partner]
}

// Check returns which members are at fault whatever is stored.
func (c UpdatePartner) Check() error {
	return together("password", checkPassword(c.Password), c.Details.Check())
}

// UpdatePartnerHandler handles UpdatePartner.
type UpdatePartnerHandler struct {
	Deps
	Hasher application.PasswordHasher
}

// Handle implements bus.Handler. Errors: partner.ErrNotFound, partner.ErrUnknownReferring, partner.Taken, validation with
// partner.ErrCircle.
func (h UpdatePartnerHandler) Handle(ctx context.Context, c UpdatePartner) (Done, error) {
	now := h.Clock.Now()
	passwordErr := checkPassword(c.Password)
	if c.Password != "" && passwordErr == nil {
		hash, err := h.Hasher.Hash(c.Password)
		if err != nil {
			return Done{}, err
		}
		c.Details.PasswordHash = &hash
	}
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Partner, error) {
		details := c.Details
		if c.Referring != (application.PartnerHandle{}) {
			// The seller's lock keeps two changes from closing a circle together.
			if _, err := tx.Sellers().Lock(ctx, c.Actor.SellerID); err != nil {
				return query.Partner{}, err
			}
			referring, err := findPartner(ctx, tx.Partners().Find, c.Actor.SellerID, c.Referring, partner.ErrUnknownReferring)
			if err != nil {
				return query.Partner{}, err
			}
			chain, err := tx.Partners().Chain(ctx, c.Actor.SellerID, referring.ID())
			if err != nil {
				return query.Partner{}, err
			}
			details.Referring = &partner.Lineage{ID: referring.ID(), Chain: chain}
		}
		var before, after partner.Snapshot
		updated, err := changePartner(ctx, tx, c.Actor, c.Handle, func(p *partner.Partner) error {
			before = p.Snapshot()
			err := together("password", passwordErr, p.Update(details, now))
			after = p.Snapshot()
			return err
		})
		if err != nil {
			return query.Partner{}, err
		}
		switch {
		case before.EmailKey != after.EmailKey: // whoever has the old address must not come in by what was mailed there
			err = tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, updated.ID)
		case details.PasswordHash != nil:
			err = tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, updated.ID, application.SignInToken, application.SessionToken)
		}
		return updated, err
	})
}

// changePartner loads a partner with its lock, changes it and stores it if something changed.
func changePartner(ctx context.Context, tx application.Tx, actor application.Actor, handle application.PartnerHandle, change func(*partner.Partner) error) (query.Partner, error) {
	p, err := tx.Partners().Lock(ctx, actor.SellerID, handle)
	if err != nil {
		return query.Partner{}, err
	}
	if err := change(p); err != nil {
		return query.Partner{}, err
	}
	if p.Version() == p.StoredVersion() {
		return query.PartnerOf(p.Snapshot()), nil
	}
	if err := tx.Partners().Save(ctx, p); err != nil {
		return query.Partner{}, err
	}
	return query.PartnerOf(p.Snapshot()), nil
}

// PartnerStep is one way a partner's status changes.
type PartnerStep string

// The steps of a partner (api/partner-program.md, "Endpoints").
const (
	ApprovePartner       PartnerStep = "approve"
	RejectPartner        PartnerStep = "reject"
	ArchivePartner       PartnerStep = "archive"
	RevokeArchivePartner PartnerStep = "revoke-archive"
)

// SteerPartner takes one step with a partner. One that is put out has no way into the portal left: neither a session nor a
// link.
type SteerPartner struct {
	application.Actor

	Handle application.PartnerHandle
	Step   PartnerStep
	Once   Once[query.Partner]
}

// SteerPartnerHandler handles SteerPartner.
type SteerPartnerHandler struct{ Deps }

// Handle implements bus.Handler. Errors: partner.ErrNotFound, partner.ErrAction.
func (h SteerPartnerHandler) Handle(ctx context.Context, c SteerPartner) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Partner, error) {
		p, err := changePartner(ctx, tx, c.Actor, c.Handle, func(p *partner.Partner) error {
			switch c.Step {
			case ApprovePartner:
				return p.Approve(now)
			case RejectPartner:
				return p.Reject(now)
			case ArchivePartner:
				return p.Archive(now)
			case RevokeArchivePartner:
				return p.RevokeArchive(now)
			}
			return partner.ErrAction
		})
		if err == nil && (c.Step == RejectPartner || c.Step == ArchivePartner) {
			err = tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, p.ID)
		}
		return p, err
	})
}

// DeletePartner erases a partner: it is not found any more, its supplier keys end and it is signed out.
type DeletePartner struct {
	application.Actor

	Handle application.PartnerHandle
	Once   Once[struct{}]
}

// DeletePartnerHandler handles DeletePartner.
type DeletePartnerHandler struct{ Deps }

// Handle implements bus.Handler. Errors: partner.ErrNotFound.
func (h DeletePartnerHandler) Handle(ctx context.Context, c DeletePartner) (Done, error) {
	now := h.Clock.Now()
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (struct{}, error) {
		p, err := changePartner(ctx, tx, c.Actor, c.Handle, func(p *partner.Partner) error { return p.Delete(now) })
		if err != nil {
			return struct{}{}, err
		}
		if err := tx.Keys().RevokeOfPartner(ctx, c.Actor.SellerID, p.ID, now); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, tx.Tokens().RevokeOfPartner(ctx, c.Actor.SellerID, p.ID)
	})
}

// InvitePartner asks somebody to become a partner; the mail goes out after the commit. Inviting one that did not accept yet
// sends another mail.
type InvitePartner struct {
	application.Actor

	Email, Name, Surname string
	Once                 Once[query.Partner]
}

// Check returns which members are at fault whatever is stored.
func (c InvitePartner) Check() error {
	_, err := partner.Invite(c.Actor.SellerID, partner.Registration{ID: "made", Key: "made", Email: c.Email, Name: c.Name, Surname: c.Surname}, time.Time{})
	return err
}

// InvitePartnerHandler handles InvitePartner.
type InvitePartnerHandler struct {
	Deps
	Secrets application.Secrets
}

// Handle implements bus.Handler. Errors: partner.Taken("email") for the email of a partner that joined, validation.
func (h InvitePartnerHandler) Handle(ctx context.Context, c InvitePartner) (Done, error) {
	now := h.Clock.Now()
	if err := c.Check(); err != nil {
		return Done{}, err
	}
	r := partner.Registration{Email: c.Email, Name: c.Name, Surname: c.Surname}
	handles(&r, h.IDs, h.Secrets)
	return do(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx application.Tx) (query.Partner, error) {
		again := func() (query.Partner, error) {
			return changePartner(ctx, tx, c.Actor, application.PartnerHandle{Email: c.Email}, func(p *partner.Partner) error {
				return p.InviteAgain(now)
			})
		}
		if known, err := again(); !errors.Is(err, partner.ErrNotFound) {
			return known, err
		}
		p, err := partner.Invite(c.Actor.SellerID, r, now)
		if err != nil {
			return query.Partner{}, err
		}
		err = tx.Partners().Add(ctx, p)
		if refused := fault.As(err); refused != nil && slices.Contains(refused.Fields(), "email") {
			// Somebody else invited it since the first look.
			known, err := again()
			if errors.Is(err, partner.ErrNotFound) {
				err = refused
			}
			return known, err
		}
		if err != nil {
			return query.Partner{}, err
		}
		return query.PartnerOf(p.Snapshot()), nil
	})
}
