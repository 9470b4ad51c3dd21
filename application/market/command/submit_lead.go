package command

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// SubmitLead submits a supplier's lead, which is sold at once or becomes pending (docs/supplier-api.md). Fields are the
// merged fields of body and query without seller, category, test and external_id. Fingerprint identifies the whole request.
type SubmitLead struct {
	application.Actor

	Seller         string
	Category       string
	OnlyFor        string // the id of the campaign that the lead must be for; empty: whichever has the category
	Fields         field.Set
	ExternalID     string
	PingID         string // the ping that promised what is paid; empty: none
	Test           bool
	IdempotencyKey string
	Fingerprint    [sha256.Size]byte
	Trail          application.Trail
	Render         func(SubmitLeadResult) application.Response
	// Waits says that the supplier waits for buyers that are asked: for SupplierWaits at most, Done.Awaits says for what.
	Waits bool
}

// SupplierWaits is how long a supplier waits for buyers that are asked about its lead, from its submission on.
const SupplierWaits = 5 * time.Second

// Needs implements application.Message.
func (SubmitLead) Needs() application.Scope { return application.Supplier }

// content identifies all that was sent with an API key, independent of its encoding. The same within market.DoubleClick is a
// double click.
func (c *SubmitLead) content() market.RequestContent {
	h := sha256.New()
	var length [8]byte
	write := func(s string) {
		binary.BigEndian.PutUint64(length[:], uint64(len(s)))
		h.Write(length[:])
		h.Write([]byte(s))
	}
	write(c.Actor.KeyID)
	write(c.Seller)
	write(c.Category)
	write(c.ExternalID)
	if c.Test {
		write("test")
	}
	if c.PingID != "" {
		write("ping")
		write(c.PingID)
	}
	for _, name := range c.Fields.Names() {
		v := c.Fields[name]
		write(name)
		h.Write([]byte{byte(v.Kind)})
		write(v.Text)
	}
	return market.RequestContent(h.Sum(nil))
}

// SubmitLeadResult is what became of a lead. Price is what its supplier is shown, in micro-units of Currency; without
// HasPrice there is none.
type SubmitLeadResult struct {
	LeadID   string
	Status   string
	Test     bool
	Price    money.Micros
	HasPrice bool
	Currency money.Currency
	BuyerIDs []string
	Code     fault.Code // why the lead is a duplicate or rejected
	Reason   string
}

// ErrWrongSeller says that the request names another seller than that of its API key. It looks like an invalid key, so that
// nobody learns which sellers exist.
var ErrWrongSeller = application.ErrInvalidKey

// ErrNoMatching says that the category of a lead is that of no active campaign.
var ErrNoMatching = campaign.ErrNoMatching

// SubmitLeadHandler handles SubmitLead: it checks a lead by the rules of its remembered campaign and hands it to Batch.
type SubmitLeadHandler struct {
	market.Deps
	Replays   market.ReplayReader
	Directory *Directory
	Facts     application.FactProviders
	Batch     bus.Handler[*Submission, application.Done]
}

// Handle implements bus.Handler. Errors: field.ErrMissing, field.ErrInvalid, ErrWrongSeller, campaign.ErrNoMatching,
// application.ErrKeyReused, application.ErrInProgress, application.ErrUnavailable, lead.ErrRuleUnavailable, ping.ErrUsed, ping.ErrExpired,
// *distribution.RankingError. Duplicates and rejections are results, not errors.
func (h *SubmitLeadHandler) Handle(ctx context.Context, c SubmitLead) (application.Done, error) {
	if c.IdempotencyKey != "" {
		release, err := h.InFlight.Enter(ctx, c.Actor.KeyID, c.IdempotencyKey)
		if err != nil {
			return application.Done{}, err
		}
		defer release()
		stored, found, err := h.Replays.FindResponse(ctx, market.ClaimRef{SellerID: c.Actor.SellerID, Key: idempotencyClaim(&c)}, h.Clock.Now())
		if err != nil {
			return application.Done{}, err
		}
		if found {
			return replay(stored, &c)
		}
	}
	var outside map[string]field.Set
	for try := 0; ; try++ {
		s, err := h.prepare(ctx, c, h.Directory)
		if err != nil {
			return h.orDoubleClick(ctx, &c, err)
		}
		if try == 0 && h.Facts.Any() {
			outside = h.Facts.Ask(ctx, s.submit(s.campaign, s.fields, h.Clock.Now()).Facts())
		}
		s.outside = outside
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

// orDoubleClick returns the response to an equal request of the last minute, if there is one, in place of an error of the
// same request.
func (h *SubmitLeadHandler) orDoubleClick(ctx context.Context, c *SubmitLead, refused error) (application.Done, error) {
	if c.IdempotencyKey != "" || errors.Is(refused, ErrWrongSeller) || fault.KindOf(refused) != fault.Invalid {
		return application.Done{}, refused
	}
	request := market.RequestRef{SellerID: c.Actor.SellerID, Content: c.content()}
	stored, found, err := h.Replays.FindRecent(ctx, request, h.Clock.Now().Add(-market.DoubleClick))
	if err != nil || !found {
		return application.Done{}, refused
	}
	return stored.Replay(c.Actor.SellerID), nil
}

// finder finds the campaigns of categories, as a Directory does.
type finder interface {
	find(ctx context.Context, sellerID, category string) (c *campaign.Campaign, remembered bool, err error)
	refresh(ctx context.Context, sellerID, category string) (*campaign.Campaign, error)
}

// prepare checks a request in the order that docs/supplier-api.md promises.
func (h *SubmitLeadHandler) prepare(ctx context.Context, c SubmitLead, campaigns finder) (*Submission, error) {
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
	found, remembered, err := campaigns.find(ctx, c.Actor.SellerID, c.Category)
	if err != nil {
		return nil, err
	}
	if c.OnlyFor != "" && found.ID() != c.OnlyFor && remembered {
		if found, err = campaigns.refresh(ctx, c.Actor.SellerID, c.Category); err != nil {
			return nil, err
		}
		remembered = false
	}
	if c.OnlyFor != "" && found.ID() != c.OnlyFor {
		return nil, campaign.ErrNoMatching
	}
	fields, external, err := checkFields(found, &c)
	if err != nil && remembered {
		// A lead that is refused here never gets to the transaction that compares versions, so only the stored campaign may
		// refuse it.
		stored, changed := campaigns.refresh(ctx, c.Actor.SellerID, c.Category)
		if changed != nil {
			return nil, changed
		}
		if stored != found {
			found = stored
			fields, external, err = checkFields(found, &c)
		}
	}
	if err != nil {
		return nil, err
	}
	request := c.content()
	c.ExternalID = external
	s := &Submission{
		SubmitLead: c, leadID: h.IDs.New("lead"), saleID: h.IDs.New("sale"),
		campaign: found, fields: fields, dedupe: market.DedupeClaims(found, fields), request: request,
	}
	if c.IdempotencyKey != "" {
		s.idempotency = idempotencyClaim(&c)
	}
	if c.ExternalID != "" {
		s.external = market.NewClaimKey(c.Actor.KeyID, market.ClaimExternalID, c.ExternalID)
	}
	return s, nil
}

// checkFields returns the fields of a lead as a campaign names and normalises them, and the supplier's own id of it.
func checkFields(of *campaign.Campaign, c *SubmitLead) (fields field.Set, externalID string, err error) {
	mapped, externalID, err := of.MapFields(c.Fields)
	if err != nil {
		return nil, "", err
	}
	if c.ExternalID != "" {
		externalID = c.ExternalID
	}
	fields, err = of.CheckFields(mapped)
	return fields, externalID, err
}

// Submission is a SubmitLead whose campaign was found and whose fields were checked. Everything that needs no transaction is
// done: ids are made and claims are hashed. It must not be changed; only who decides it draws the ids of further sales.
type Submission struct {
	SubmitLead

	leadID, saleID        string
	campaign              *campaign.Campaign
	fields                field.Set
	dedupe                []market.Claim // without expiry and lead
	request               market.RequestContent
	idempotency, external market.ClaimKey
	outside               map[string]field.Set // what was answered from outside; also when the campaign changed since
	furtherSales          []string             // the ids of the second sale and those behind it, as far as they were drawn
}

// sale returns the id of the lead's nth sale: the same each time that the lead is decided.
func (s *Submission) sale(n int, ids application.IDs) string {
	if n == 0 {
		return s.saleID
	}
	for len(s.furtherSales) < n {
		s.furtherSales = append(s.furtherSales, ids.New("sale"))
	}
	return s.furtherSales[n-1]
}

// submit makes the submission's lead, with fields that were checked by the rules of c.
func (s *Submission) submit(c *campaign.Campaign, fields field.Set, at time.Time) *lead.Lead {
	return lead.Submit(lead.Submission{
		ID: s.leadID, SellerID: s.Actor.SellerID, SellerCode: s.Actor.SellerCode,
		KeyID: s.Actor.KeyID, PartnerID: s.Actor.PartnerID, CampaignID: c.ID(), Category: c.Category(), Fields: fields,
		Dimensions: c.Dimensions(fields), ExternalID: s.ExternalID, Test: s.Test, At: at,
	})
}

// Lane returns the campaign's id: submissions of one campaign wait for the same locks, so they share a lane.
func (s *Submission) Lane() string { return s.campaign.ID() }

// OfSeller returns the id of the seller that the lead is for.
func (s *Submission) OfSeller() string { return s.Actor.SellerID }

// errStale says that the stored campaign differs from the remembered one. The lead is then checked once more.
var errStale = errors.New("the campaign changed since it was remembered")

func replay(stored application.StoredResponse, c *SubmitLead) (application.Done, error) {
	if stored.Fingerprint != c.Fingerprint {
		return application.Done{}, application.ErrKeyReused
	}
	return stored.Replay(c.Actor.SellerID), nil
}

func idempotencyClaim(c *SubmitLead) market.ClaimKey {
	sum := sha256.Sum256([]byte(c.IdempotencyKey))
	return market.NewClaimKey(c.Actor.KeyID, market.ClaimIdempotency, string(sum[:]))
}

// forever is how long the claim of an external id lasts (docs/supplier-api.md).
const forever = 200 * 365 * 24 * time.Hour
