package command

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

// CreateAPIKey makes a key of the actor's seller: a program, supplier, form or site key, or one with the scope of a team. Partner is
// required for a supplier key, the partner in whose name it sends leads, may be given for a form key, and is refused for all others.
// CampaignID is required for a form key, and Origins, where the pages are that may use the key, for form and site keys; they are
// refused for all others. An actor with the scope of a team makes keys of that scope only, so that no key leads to one that may do
// more.
type CreateAPIKey struct {
	application.Actor

	Request APIKeyRequest
	Once    application.Once[APIKeyCreated]
}

// APIKeyRequest is the key that is asked for.
type APIKeyRequest struct {
	Scope      string
	Name       string
	Partner    application.PartnerHandle
	CampaignID string
	Origins    []string
	Limit      *seller.RateLimit // nil: the default; zero: none
	ExpiresAt  time.Time         // zero: never
}

// Needs implements application.Message.
func (CreateAPIKey) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding: keys are an owner's.
func (CreateAPIKey) NeedsRole() operator.Role { return operator.Owner }

// APIKeyCreated is a new key and its text, which is shown only once. Of a key that takes the place of another, Replaces and ReplacedUntil say
// which one and when that one ends.
type APIKeyCreated struct {
	APIKey        accountquery.APIKey
	Key           string
	Replaces      string
	ReplacedUntil time.Time
}

// CreateAPIKeyHandler handles CreateAPIKey.
type CreateAPIKeyHandler struct {
	account.Deps
	Secrets application.Secrets
	Scopes  application.Scopes
}

// Handle implements bus.Handler. Errors: partner.ErrUnknown, fault.ErrValidation.
func (h CreateAPIKeyHandler) Handle(ctx context.Context, c CreateAPIKey) (application.Done, error) {
	k := newKey(h.Deps, h.Secrets, c.Request)
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx account.Tx) (APIKeyCreated, error) {
		return k.add(ctx, tx, c.Actor.SellerID, h.Scopes.GrantedBy(c.Actor))
	})
}

// keyToAdd is a key that is asked for, with the id, the text and the time that it gets.
type keyToAdd struct {
	APIKeyRequest
	id, token string
	now       time.Time
}

func newKey(d account.Deps, secrets application.Secrets, r APIKeyRequest) keyToAdd {
	id := plainID(d.IDs)
	return keyToAdd{r, id, seller.Token(seller.Scope(r.Scope), id, secrets.New()), d.Clock.Now()}
}

// add stores the key for a seller. scopes are those that it may have.
func (k keyToAdd) add(ctx context.Context, tx account.Tx, sellerID string, scopes []seller.Scope) (APIKeyCreated, error) {
	request := seller.KeyRequest{
		Scope: seller.Scope(k.Scope), Scopes: scopes, Name: k.Name, CampaignID: k.CampaignID, Origins: k.Origins, Limit: k.Limit, ExpiresAt: k.ExpiresAt,
	}
	if k.Partner != (application.PartnerHandle{}) {
		p, err := program.FindPartner(ctx, tx.Partners().Lock, sellerID, k.Partner, partner.ErrUnknown)
		if err != nil {
			return APIKeyCreated{}, err
		}
		request.PartnerID = p.ID()
	}
	key, err := seller.NewKey(k.id, sellerID, k.token, request, k.now)
	if err != nil {
		return APIKeyCreated{}, err
	}
	if key.CampaignID != "" {
		if err := findCampaign(ctx, tx, sellerID, key.CampaignID); err != nil {
			return APIKeyCreated{}, err
		}
	}
	if err := tx.Keys().Add(ctx, key); err != nil {
		return APIKeyCreated{}, err
	}
	return APIKeyCreated{APIKey: accountquery.APIKeyOf(key), Key: k.token}, nil
}

// findCampaign returns fault.ErrValidation for what is no campaign that can still take leads.
func findCampaign(ctx context.Context, tx account.Tx, sellerID, id string) error {
	c, err := tx.Campaigns().Get(ctx, sellerID, id)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		return fault.ErrValidation.With(fault.Violation{Field: "campaign_id", Code: fault.InvalidValue, Message: "is that of no campaign"})
	case err != nil:
		return err
	case c.Status() == campaign.StatusArchived:
		return fault.ErrValidation.With(fault.Violation{Field: "campaign_id", Code: fault.InvalidValue, Message: "is that of an archived campaign"})
	}
	return nil
}

// plainID makes an id without a prefix, for API keys, whose text has a prefix of its own.
func plainID(ids application.IDs) string {
	_, id, _ := strings.Cut(ids.New("k"), "_")
	return strings.ToLower(id)
}
