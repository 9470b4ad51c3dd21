// Package campaign holds campaigns: a category of leads with its field rules, its duplicate rule and the contracts under
// which its leads are sold.
//
// Stability: experimental.
package campaign

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
)

// Status says whether a campaign or a contract takes leads.
type Status string

// The statuses. StatusArchived is for campaigns, StatusDeleted for contracts; both are final.
const (
	StatusActive   Status = "active"
	StatusPaused   Status = "paused"
	StatusArchived Status = "archived"
	StatusDeleted  Status = "deleted"
)

// PriceShown says what a supplier sees as the price of a sold lead (docs/supplier-api.md).
type PriceShown string

// What a supplier can be shown.
const (
	ShowPayout PriceShown = "payout"
	ShowSale   PriceShown = "sale"
	ShowHidden PriceShown = "hidden"
)

// Match says how the fields of a duplicate rule are compared: any of them equal, or all of them together.
type Match string

// The ways to match.
const (
	MatchAny Match = "any"
	MatchAll Match = "all"
)

// The modes in which leads are sold: an exclusive lead to one buyer, a shared one to several.
const (
	Exclusive = "exclusive"
	Shared    = "shared"
)

// Dedupe is a duplicate rule over phone and email. Without Fields there is no rule. WindowDays is how many days after a lead
// an equal one is a duplicate.
type Dedupe struct {
	Fields     []string
	Match      Match
	WindowDays int
}

// PayoutType is how a supplier's payout is computed.
type PayoutType string

// The ways to compute a payout.
const (
	PayoutPercent PayoutType = "percent"
	PayoutFixed   PayoutType = "fixed"
)

// Payout is the rule for what a supplier earns from a sale. The zero value is no rule. Fixed is in micro-units of the
// seller's currency.
type Payout struct {
	Type    PayoutType
	Percent money.Percent
	Fixed   money.Micros
}

// Of returns the payout for a sale price: the percentage rounded half up to the minor unit, or the fixed amount.
// Without a rule it is zero and ok is false.
func (p Payout) Of(price money.Micros, c money.Currency) (payout money.Micros, ok bool) {
	switch p.Type {
	case PayoutPercent:
		return price.Percent(p.Percent, c), true
	case PayoutFixed:
		return p.Fixed, true
	default:
		return 0, false
	}
}

// Errors of campaigns.
var (
	ErrNotFound       = fault.New(fault.NotFound, "campaign_not_found", "Campaign not found.")
	ErrNoMatching     = fault.New(fault.Invalid, "no_matching_campaign", "No matching campaign")
	ErrAlreadyPaused  = fault.New(fault.RuleViolated, "campaign_already_paused", "The campaign is already paused.")
	ErrNotPaused      = fault.New(fault.RuleViolated, "campaign_not_paused", "The campaign is not paused.")
	ErrArchived       = fault.New(fault.RuleViolated, "campaign_archived", "The campaign is archived.")
	ErrCategoryTaken  = fault.ErrValidation.With(fault.Violation{Field: "category", Code: fault.Duplicate, Message: "has an active campaign already"})
	mustBeMode        = "must be exclusive or shared"
	mustBePriceShown  = "must be payout, sale or hidden"
	mustBePayoutType  = "must be percent or fixed"
	mustBeMatch       = "must be any or all"
	mustBeDedupeField = "must be phone or email"
)

// MostSales is the most buyers that a lead can be shared between.
const MostSales = 10

const (
	defaultTTL   = 72
	maxTTL       = 24 * 365
	maxWindow    = 3650
	maxName      = 200
	maxContracts = 10_000

	maxExternalID = 255 // characters
)

// Campaign is a category with its rules and contracts.
type Campaign struct {
	event.Recorder

	s     Snapshot
	rules field.Rules
	names field.Map

	suppresses bool
	touched    []string // see Touched
}

// Definition is what an operator says about a campaign. A nil member keeps the stored value or, for a new campaign, takes
// the default.
type Definition struct {
	Name, Category *string
	Fields         *[]field.Rule
	FieldMap       *map[string]string // see field.NewMap; empty: none
	Mode           *string
	MaxSales       *int
	Strategy       *string
	Dedupe         *Dedupe
	PendingTTL     *int // hours
	PriceShown     *PriceShown
	Payout         *Payout
	// ReturnWindowDays and ResellReturned are as of Returns.
	ReturnWindowDays *int
	ResellReturned   *bool
	Quarantine       *Quarantine
	Consent          *[]string // the consent fields that leads must have (field.ConsentNames); empty: none is asked for
	Caps             *[]Cap    // on what all contracts together take, a sale of a shared lead each
	RedirectURL      *string   // where a browser goes that posted a plain form; empty: nowhere
	// ReservePrice is the least price at which a lead is promised to a ping, in micro-units of the seller's currency; 0: any. AuctionTimeoutMS is how long
	// buyers that bid have to answer a ping.
	ReservePrice     *money.Micros
	AuctionTimeoutMS *int64
}

// Strategies tells whether a distribution strategy exists.
type Strategies interface{ Has(code string) bool }

// New makes a campaign. It returns fault.ErrValidation with the members at fault (docs/marketplace.md).
func New(id, sellerID string, status Status, d Definition, strategies Strategies, now time.Time) (*Campaign, error) {
	c := &Campaign{s: Snapshot{
		ID: id, SellerID: sellerID, Status: status, Mode: Exclusive, MaxSales: 1, Strategy: "priority",
		PendingTTLHours: defaultTTL, PriceShown: ShowPayout, Returns: DefaultReturns(), CreatedAt: now,
	}}
	var v fault.Violations
	if d.Name == nil {
		v.Add("name", fault.Required, "is required")
	}
	if d.Category == nil {
		v.Add("category", fault.Required, "is required")
	}
	if status != StatusActive && status != StatusPaused {
		v.Add("status", fault.InvalidValue, "must be active or paused")
	}
	c.apply(d, strategies, &v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	c.s.UpdatedAt = now
	c.Record(Created{CampaignID: id, Category: c.s.Category, Status: status, At: now})
	return c, nil
}

// Update changes a campaign's definition. Errors: ErrArchived, fault.ErrValidation with the members at fault.
func (c *Campaign) Update(d Definition, strategies Strategies, now time.Time) error {
	if c.s.Status == StatusArchived {
		return ErrArchived
	}
	next := *c
	var v fault.Violations
	next.apply(d, strategies, &v)
	if err := v.Err(); err != nil {
		return err
	}
	next.s.UpdatedAt = now
	next.Record(Updated{CampaignID: c.s.ID, Category: next.s.Category, At: now})
	*c = next
	return nil
}

func (c *Campaign) apply(d Definition, strategies Strategies, v *fault.Violations) {
	if d.Name != nil {
		c.s.Name = requiredText(*d.Name, "name", v)
	}
	if d.Category != nil {
		c.s.Category = requiredText(*d.Category, "category", v)
	}
	var wrongRules error
	if d.Fields != nil {
		rules, err := field.NewRules(*d.Fields)
		v.AddErr("", err)
		c.rules, wrongRules = rules, err
		c.s.Fields = rules.Own()
	} else {
		c.rules = field.RestoreRules(c.s.Fields)
	}
	if d.Consent != nil {
		c.s.Consent = checkConsent(*d.Consent, v)
	}
	if d.Quarantine != nil {
		c.s.Quarantine = checkQuarantine(*d.Quarantine, v)
	}
	c.rules = c.rules.WithConsent(c.s.Consent)
	if d.FieldMap != nil {
		c.s.FieldMap = *d.FieldMap
	}
	if wrongRules == nil && (d.FieldMap != nil || d.Fields != nil || d.Consent != nil) { // what a source leads to must still be a field
		names, err := field.NewMap(c.s.FieldMap, c.rules)
		v.AddErr("", err)
		c.names, c.s.FieldMap = names, names.Own()
	}
	c.applySharing(d, v)
	if d.Strategy != nil {
		if !strategies.Has(*d.Strategy) {
			v.Add("distribution.strategy", fault.InvalidValue, "is not a known strategy")
		}
		c.s.Strategy = *d.Strategy
	}
	if d.Dedupe != nil {
		c.s.Dedupe = checkDedupe(*d.Dedupe, v)
	}
	if d.PendingTTL != nil {
		if *d.PendingTTL < 1 || *d.PendingTTL > maxTTL {
			v.Add("pending_ttl_hours", fault.InvalidValue, "must be between 1 and 8760")
		}
		c.s.PendingTTLHours = *d.PendingTTL
	}
	if d.PriceShown != nil {
		if !slices.Contains([]PriceShown{ShowPayout, ShowSale, ShowHidden}, *d.PriceShown) {
			v.Add("price_shown", fault.InvalidValue, mustBePriceShown)
		}
		c.s.PriceShown = *d.PriceShown
	}
	if d.Payout != nil {
		checkPayout(*d.Payout, v)
		c.s.Payout = *d.Payout
	}
	c.s.Returns.apply(d, v)
	if d.Caps != nil {
		c.s.Caps, c.s.CapZone = quota.Check(*d.Caps, v), ""
	}
	c.applyAuction(d, v)
	if d.RedirectURL != nil {
		if *d.RedirectURL != "" {
			_, err := contact.ParseURL(*d.RedirectURL)
			v.AddErr("redirect_url", err)
		}
		c.s.RedirectURL = *d.RedirectURL
	}
}

// applySharing sets how many buyers may take a lead. A campaign that becomes exclusive needs not say that it is one.
func (c *Campaign) applySharing(d Definition, v *fault.Violations) {
	if d.Mode != nil {
		if *d.Mode != Exclusive && *d.Mode != Shared {
			v.Add("distribution.mode", fault.InvalidValue, mustBeMode)
			return
		}
		c.s.Mode = *d.Mode
		if c.s.Mode == Exclusive {
			c.s.MaxSales = 1
		}
	}
	switch {
	case d.MaxSales == nil:
	case c.s.Mode == Exclusive && *d.MaxSales != 1:
		v.Add("distribution.max_sales", fault.InvalidValue, "must be 1 for exclusive leads")
	case *d.MaxSales < 1 || *d.MaxSales > MostSales:
		v.Add("distribution.max_sales", fault.InvalidValue, "must be between 1 and 10")
	default:
		c.s.MaxSales = *d.MaxSales
	}
}

func requiredText(s, name string, v *fault.Violations) string {
	text, err := contact.ParseRequiredText(strings.TrimSpace(s), maxName)
	v.AddErr(name, err)
	return text
}

func checkDedupe(d Dedupe, v *fault.Violations) Dedupe {
	seen := []string{}
	for _, f := range d.Fields {
		if f != field.Phone && f != field.EmailName {
			v.Add("dedupe.fields", fault.InvalidValue, mustBeDedupeField)
			break
		}
		if !slices.Contains(seen, f) {
			seen = append(seen, f)
		}
	}
	none := len(d.Fields) == 0
	d.Fields = seen
	if d.Match == "" {
		d.Match = MatchAny
	}
	if d.Match != MatchAny && d.Match != MatchAll {
		v.Add("dedupe.match", fault.InvalidValue, mustBeMatch)
	}
	if unsaid := none && d.WindowDays == 0; !unsaid && (d.WindowDays < 1 || d.WindowDays > maxWindow) {
		v.Add("dedupe.window_days", fault.InvalidValue, "must be between 1 and 3650")
	}
	if none {
		return Dedupe{}
	}
	return d
}

// Pause stops the campaign: it takes no leads and sells none. Errors: ErrAlreadyPaused, ErrArchived.
func (c *Campaign) Pause(now time.Time) error {
	switch c.s.Status {
	case StatusPaused:
		return ErrAlreadyPaused
	case StatusArchived:
		return ErrArchived
	case StatusActive, StatusDeleted: // only contracts are deleted
	}
	c.s.Status, c.s.UpdatedAt = StatusPaused, now
	c.Record(Paused{CampaignID: c.s.ID, Category: c.s.Category, At: now})
	return nil
}

// Resume starts a paused campaign again. Errors: ErrNotPaused, ErrArchived.
func (c *Campaign) Resume(now time.Time) error {
	switch c.s.Status {
	case StatusActive:
		return ErrNotPaused
	case StatusArchived:
		return ErrArchived
	case StatusPaused, StatusDeleted: // only contracts are deleted
	}
	c.s.Status, c.s.UpdatedAt = StatusActive, now
	c.Record(Resumed{CampaignID: c.s.ID, Category: c.s.Category, At: now})
	return nil
}

// Archive ends the campaign for good: ErrArchived when it is archived already.
func (c *Campaign) Archive(now time.Time) error {
	if c.s.Status == StatusArchived {
		return ErrArchived
	}
	c.s.Status, c.s.UpdatedAt = StatusArchived, now
	c.Record(Archived{CampaignID: c.s.ID, Category: c.s.Category, At: now})
	return nil
}

// MapFields returns the fields of a supplier's lead as the campaign names them, and the supplier's own id of it if one of them is
// that; see field.Map.Apply. The error is field.ErrInvalid when it cannot be one.
func (c *Campaign) MapFields(in field.Set) (fields field.Set, externalID string, err error) {
	fields = c.names.Apply(in)
	if len(c.s.Consent) > 0 {
		fields = field.NameConsent(fields)
	}
	if id := fields[field.ExternalID]; !id.Empty() {
		if _, err := contact.ParseText(id.Text, maxExternalID); err != nil || id.Kind == field.Other {
			return nil, "", field.ErrInvalid.With(fault.Violation{Field: field.ExternalID, Code: fault.InvalidValue, Message: "must have 1 to 255 characters"})
		}
		externalID = id.Text
	}
	return fields, externalID, nil
}

// Rules returns the rules of the campaign's fields, the standard ones with them.
func (c *Campaign) Rules() field.Rules { return c.rules }

// CheckFields normalises the fields of a lead by the campaign's rules; see field.Rules.Check.
func (c *Campaign) CheckFields(in field.Set) (field.Set, error) { return c.rules.Check(in) }

// Dimensions returns what events tell of a lead with these fields, which CheckFields has normalised.
func (c *Campaign) Dimensions(fields field.Set) []field.Dimension { return c.rules.Dimensions(fields) }

// DedupeKeys returns the values of a lead that must be unique in the campaign, by the kind of their claim: one per field for
// MatchAny, one over all fields for MatchAll. Empty values never match (docs/marketplace.md).
func (c *Campaign) DedupeKeys(fields field.Set) map[string]string { return c.s.Dedupe.Keys(fields) }

// Keys returns the values of a lead that the rule makes unique; see Campaign.DedupeKeys.
func (d Dedupe) Keys(fields field.Set) map[string]string {
	keys := make(map[string]string, len(d.Fields))
	for _, name := range d.Fields {
		key := dedupeKey(name, fields.Text(name))
		if key == "" {
			if d.Match == MatchAll {
				return nil
			}
			continue
		}
		keys[name] = key
	}
	if d.Match != MatchAll || len(keys) == 0 {
		return keys
	}
	all := make([]string, 0, len(d.Fields))
	for _, name := range d.Fields {
		all = append(all, name+"="+keys[name])
	}
	slices.Sort(all)
	return map[string]string{"all": strings.Join(all, "\n")}
}

// DedupeRule returns the campaign's duplicate rule as a text that RestoreDedupe reads: "any 30 phone,email" without spaces but these two. It
// is empty when there is no rule, and has at most 64 bytes.
func (c *Campaign) DedupeRule() string { return c.s.Dedupe.rule() }

func (d Dedupe) rule() string {
	if len(d.Fields) == 0 {
		return ""
	}
	return string(d.Match) + " " + strconv.Itoa(d.WindowDays) + " " + strings.Join(d.Fields, ",")
}

// RestoreDedupe reads what DedupeRule wrote; ok is false for any other text.
func RestoreDedupe(rule string) (d Dedupe, ok bool) {
	parts := strings.Split(rule, " ")
	if len(parts) != 3 {
		return Dedupe{}, false
	}
	days, err := strconv.Atoi(parts[1])
	d = Dedupe{Match: Match(parts[0]), WindowDays: days, Fields: strings.Split(parts[2], ",")}
	return d, err == nil && (d.Match == MatchAny || d.Match == MatchAll)
}

// Window returns how long the claims of the rule last.
func (d Dedupe) Window() time.Duration { return time.Duration(d.WindowDays) * 24 * time.Hour }

func dedupeKey(name, value string) string {
	if value == "" {
		return ""
	}
	if name == field.Phone {
		p, err := contact.RestorePhone(value)
		if err != nil {
			return ""
		}
		return p.Key()
	}
	e, err := contact.ParseEmail(value)
	if err != nil {
		return ""
	}
	return e.Key()
}

// CategoryKey returns the form in which categories are compared: trimmed and case-folded.
func CategoryKey(category string) string { return strings.ToLower(strings.TrimSpace(category)) }

// ID returns the campaign's id.
func (c *Campaign) ID() string { return c.s.ID }

// SellerID returns the id of the campaign's seller.
func (c *Campaign) SellerID() string { return c.s.SellerID }

// Status says whether the campaign takes leads.
func (c *Campaign) Status() Status { return c.s.Status }

// Category returns the category as the operator wrote it.
func (c *Campaign) Category() string { return c.s.Category }

// MaxSales returns how many buyers may take a lead: 1 of an exclusive campaign.
func (c *Campaign) MaxSales() int {
	if c.s.Mode != Shared {
		return 1
	}
	return max(1, c.s.MaxSales)
}

// Cap returns the campaign's own cap of a window, if there is one.
func (c *Campaign) Cap(w calendar.Window) (Cap, bool) { return quota.Of(c.s.Caps, w) }

// Spans returns the spans in which the campaign's own caps are counted at t, one for each capped window.
func (c *Campaign) Spans(t time.Time) []calendar.Span { return quota.Spans(c.s.Caps, t, c.s.CapZone) }

// CountIn sets the zone in which the campaign's own caps are counted: that of the seller. It changes nothing of a campaign without caps,
// and reports whether it changed something.
func (c *Campaign) CountIn(sellerZone string, now time.Time) bool {
	if len(c.s.Caps) == 0 || c.s.CapZone == sellerZone {
		return false
	}
	c.s.CapZone, c.s.UpdatedAt = sellerZone, now
	return true
}

// RezoneCaps is CountIn for a seller whose zone changed: a campaign whose own caps are counted anew was updated.
func (c *Campaign) RezoneCaps(sellerZone string, now time.Time) bool {
	if !c.CountIn(sellerZone, now) {
		return false
	}
	c.Record(Updated{CampaignID: c.s.ID, Category: c.s.Category, At: now})
	return true
}

// Strategy returns the code of the distribution strategy.
func (c *Campaign) Strategy() string { return c.s.Strategy }

// DedupeWindow returns how long the claims of the duplicate rule last.
func (c *Campaign) DedupeWindow() time.Duration {
	return c.s.Dedupe.Window()
}

// PendingTTL returns how long a lead waits for a buyer.
func (c *Campaign) PendingTTL() time.Duration { return time.Duration(c.s.PendingTTLHours) * time.Hour }

// PriceShown says what a supplier sees as the price.
func (c *Campaign) PriceShown() PriceShown { return c.s.PriceShown }

// RedirectURL returns where a browser goes that posted a plain form; empty: nowhere.
func (c *Campaign) RedirectURL() string { return c.s.RedirectURL }

// Payout returns the rule for what a supplier earns.
func (c *Campaign) Payout() Payout { return c.s.Payout }

// Snapshot is a campaign as it is stored, its contracts with it.
type Snapshot struct {
	ID, SellerID, Name, Category string
	Status                       Status
	Fields                       []field.Rule
	FieldMap                     map[string]string
	Mode                         string
	MaxSales                     int
	Strategy                     string
	Dedupe                       Dedupe
	PendingTTLHours              int
	PriceShown                   PriceShown
	Payout                       Payout
	Returns                      Returns
	RedirectURL                  string
	Consent                      []string
	Quarantine                   Quarantine
	Caps                         []Cap
	CapZone                      string // the zone in which Caps are counted, the seller's; empty while it was never told
	ReservePrice                 money.Micros
	AuctionTimeout               time.Duration // 0: the default
	CreatedAt, UpdatedAt         time.Time
	Version                      int64
	Contracts                    []ContractSnapshot
}

// Snapshot returns the campaign as it is stored.
func (c *Campaign) Snapshot() Snapshot {
	s := c.s.clone()
	s.Version = c.Version()
	return s
}

// clone copies a snapshot with all that it refers to.
func (s Snapshot) clone() Snapshot {
	s.Fields = field.RestoreRules(s.Fields).Own()
	s.FieldMap = maps.Clone(s.FieldMap)
	s.Consent, s.Quarantine.Suppliers = slices.Clone(s.Consent), slices.Clone(s.Quarantine.Suppliers)
	s.Dedupe.Fields = slices.Clone(s.Dedupe.Fields)
	s.Caps = slices.Clone(s.Caps)
	s.Contracts = slices.Clone(s.Contracts)
	for i := range s.Contracts {
		s.Contracts[i].Caps = slices.Clone(s.Contracts[i].Caps)
		s.Contracts[i].Dedupe.Fields = slices.Clone(s.Contracts[i].Dedupe.Fields)
		s.Contracts[i].Schedule = s.Contracts[i].Schedule.Clone()
	}
	return s
}

// FromSnapshot restores a stored campaign.
func FromSnapshot(s Snapshot) *Campaign {
	s = s.clone()
	return &Campaign{Recorder: event.Restored(s.Version), s: s, rules: field.RestoreRules(s.Fields).WithConsent(s.Consent), names: field.RestoreMap(s.FieldMap)}
}
