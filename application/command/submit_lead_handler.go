package command

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

// Submission is a SubmitLead whose campaign was found and whose fields were checked. Everything that does not need the
// transaction was done: ids drawn, claims hashed. It is not changed any more.
type Submission struct {
	SubmitLead

	leadID, saleID       string
	campaign             *campaign.Campaign
	fields               field.Set
	dedupe               []application.Claim // without expiry and lead
	request, idempotency application.ClaimKey
	external             application.ClaimKey
}

// Lane is what submissions that wait for the same locks have in common: their campaign.
func (s *Submission) Lane() string { return s.campaign.ID() }

// SubmitLeadHandler handles SubmitLead: it checks a lead by what is remembered of its campaign and hands it to the batch
// command.
type SubmitLeadHandler struct {
	Deps
	Replays   application.ReplayReader
	Directory *Directory
	Batch     bus.Handler[*Submission, Done]
}

// errStale says that a campaign was not what the directory remembered: the lead is checked again, once.
var errStale = errors.New("the campaign changed since it was remembered")

// Handle implements bus.Handler. Errors: field.ErrMissing, field.ErrInvalid, ErrWrongSeller, campaign.ErrNoMatching,
// ErrKeyReused, ErrInProgress, application.ErrUnavailable. Duplicates and rejections are results, not errors.
func (h *SubmitLeadHandler) Handle(ctx context.Context, c SubmitLead) (Done, error) {
	if c.IdempotencyKey != "" {
		release, err := h.InFlight.Enter(ctx, c.Actor.KeyID, c.IdempotencyKey)
		if err != nil {
			return Done{}, err
		}
		defer release()
		stored, found, err := h.Replays.FindResponse(ctx, idempotencyClaim(&c), h.Clock.Now())
		if err != nil || found {
			return replay(stored, &c, err)
		}
	}
	for try := 0; ; try++ {
		s, err := h.prepare(ctx, c)
		if err != nil {
			return h.orDoubleClick(ctx, &c, err)
		}
		done, err := h.Batch.Handle(ctx, s)
		if errors.Is(err, errStale) {
			h.Directory.forget(c.Actor.SellerID, c.Category)
			if try == 0 {
				continue
			}
			return h.orDoubleClick(ctx, &c, campaign.ErrNoMatching)
		}
		return done, err
	}
}

// orDoubleClick answers a request that is refused now as its twin was answered within the last minute, if there was one.
func (h *SubmitLeadHandler) orDoubleClick(ctx context.Context, c *SubmitLead, refused error) (Done, error) {
	if c.IdempotencyKey != "" || errors.Is(refused, ErrWrongSeller) || fault.KindOf(refused) != fault.Invalid {
		return Done{}, refused
	}
	stored, found, err := h.Replays.FindResponse(ctx, requestClaim(c), h.Clock.Now())
	if err != nil || !found {
		return Done{}, refused
	}
	return Done{Response: stored.Response, Replayed: true}, nil
}

func replay(stored application.StoredResponse, c *SubmitLead, err error) (Done, error) {
	switch {
	case err != nil:
		return Done{}, err
	case stored.Fingerprint != c.Fingerprint:
		return Done{}, ErrKeyReused
	default:
		return Done{Response: stored.Response, Replayed: true}, nil
	}
}

// prepare checks in the order of api/lead-ingestion.md, "Answers".
func (h *SubmitLeadHandler) prepare(ctx context.Context, c SubmitLead) (*Submission, error) {
	var missing []fault.Violation
	if field.TextValue(c.Seller).Empty() {
		missing = append(missing, fault.Violation{Field: "seller", Code: fault.Required, Message: "is required"})
	}
	if field.TextValue(c.Category).Empty() {
		missing = append(missing, fault.Violation{Field: "category", Code: fault.Required, Message: "is required"})
	}
	if len(missing) > 0 {
		return nil, field.ErrMissing.With(missing...)
	}
	if !c.Actor.IsSeller(c.Seller) {
		return nil, ErrWrongSeller
	}
	found, remembered, err := h.Directory.find(ctx, c.Actor.SellerID, c.Category)
	if err != nil {
		return nil, err
	}
	fields, err := found.CheckFields(c.Fields)
	if err != nil && remembered {
		// No transaction compares the version of a lead that is refused here: only the stored campaign may refuse it.
		if found, err = h.Directory.refresh(ctx, c.Actor.SellerID, c.Category); err != nil {
			return nil, err
		}
		fields, err = found.CheckFields(c.Fields)
	}
	if err != nil {
		return nil, err
	}
	s := &Submission{SubmitLead: c, leadID: h.IDs.New("lead"), saleID: h.IDs.New("sale"),
		campaign: found, fields: fields, dedupe: dedupeClaims(found, fields), request: requestClaim(&c)}
	if c.IdempotencyKey != "" {
		s.idempotency = idempotencyClaim(&c)
	}
	if c.ExternalID != "" {
		s.external = application.NewClaimKey(c.Actor.KeyID, application.ClaimExternalID, c.ExternalID)
	}
	return s, nil
}

func dedupeClaims(c *campaign.Campaign, fields field.Set) []application.Claim {
	keys := c.DedupeKeys(fields)
	claims := make([]application.Claim, 0, len(keys))
	for kind, value := range keys {
		claims = append(claims, application.Claim{Key: application.NewClaimKey(c.ID(), application.ClaimKind(kind), value),
			SellerID: c.SellerID(), Scope: c.ID(), Kind: application.ClaimKind(kind)})
	}
	return claims
}

func requestClaim(c *SubmitLead) application.ClaimKey {
	return application.NewClaimKey(c.Actor.KeyID, application.ClaimRequest, c.merged())
}

func idempotencyClaim(c *SubmitLead) application.ClaimKey {
	sum := sha256.Sum256([]byte(c.IdempotencyKey))
	return application.NewClaimKey(c.Actor.KeyID, application.ClaimIdempotency, string(sum[:]))
}

// How long the claims of a request last (api/lead-ingestion.md, "Once only"). An external id is never free again.
const (
	doubleClick = 60 * time.Second
	forever     = 200 * 365 * 24 * time.Hour
)
