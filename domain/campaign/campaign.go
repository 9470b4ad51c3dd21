// Package campaign holds campaigns: a category of leads with its field rules, its duplicate rule and the contracts under
// which its leads are sold.
//
// Stability: experimental.
package campaign

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
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

// The modes in which leads are sold: an exclusive lead is sold once. Shared leads are not supported yet.
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
	mustBeExclusive   = "must be exclusive; other modes are not supported yet"
	mustBePriceShown  = "must be payout, sale or hidden"
	mustBePayoutType  = "must be percent or fixed"
	mustBeMatch       = "must be any or all"
	mustBeDedupeField = "must be phone or email"
)

const (
	defaultTTL   = 72
	maxTTL       = 24 * 365
	maxWindow    = 3650
	maxName      = 200
	maxContracts = 500

	maxExternalID = 255 // characters
)

// Campaign is a category with its rules and contracts.
type Campaign struct {
	event.Recorder

	s     Snapshot
	rules field.Rules
	names field.Map
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
	RedirectURL    *string // where a browser goes that posted a plain form; empty: nowhere
}

// Strategies tells whether a distribution strategy exists.
type Strategies interface{ Has(code string) bool }

// New makes a campaign. It returns fault.ErrValidation with the members at fault (docs/marketplace.md).
func New(id, sellerID string, status Status, d Definition, strategies Strategies, now time.Time) (*Campaign, error) {
	c := &Campaign{s: Snapshot{
		ID: id, SellerID: sellerID, Status: status, Mode: Exclusive, MaxSales: 1, Strategy: "priority",
		PendingTTLHours: defaultTTL, PriceShown: ShowPayout, CreatedAt: now,
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
	if d.FieldMap != nil {
		c.s.FieldMap = *d.FieldMap
	}
	if wrongRules == nil && (d.FieldMap != nil || d.Fields != nil) { // what a source leads to must still be a field
		names, err := field.NewMap(c.s.FieldMap, c.rules)
		v.AddErr("", err)
		c.names, c.s.FieldMap = names, names.Own()
	}
	if d.Mode != nil && *d.Mode != Exclusive {
		code := fault.InvalidValue
		if *d.Mode == Shared {
			code = fault.NotSupported
		}
		v.Add("distribution.mode", code, mustBeExclusive)
	}
	if d.MaxSales != nil && *d.MaxSales != 1 {
		v.Add("distribution.max_sales", fault.InvalidValue, "must be 1 for exclusive leads")
	}
	if d.Strategy != nil {
		if !strategies.Has(*d.Strategy) {
			code, message := fault.InvalidValue, "is not a known strategy"
			if *d.Strategy == "round_robin" || *d.Strategy == "weighted" {
				code, message = fault.NotSupported, "is not supported yet"
			}
			v.Add("distribution.strategy", code, message)
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
	if d.RedirectURL != nil {
		if *d.RedirectURL != "" {
			_, err := contact.ParseURL(*d.RedirectURL)
			v.AddErr("redirect_url", err)
		}
		c.s.RedirectURL = *d.RedirectURL
	}
}

func requiredText(s, name string, v *fault.Violations) string {
	text, err := contact.ParseRequiredText(strings.TrimSpace(s), maxName)
	v.AddErr(name, err)
	return text
}

func checkDedupe(d Dedupe, v *fault.Violations) Dedupe {
	if len(d.Fields) == 0 {
		return Dedupe{}
	}
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
	d.Fields = seen
	if d.Match == "" {
		d.Match = MatchAny
	}
	if d.Match != MatchAny && d.Match != MatchAll {
		v.Add("dedupe.match", fault.InvalidValue, mustBeMatch)
	}
	if d.WindowDays < 1 || d.WindowDays > maxWindow {
		v.Add("dedupe.window_days", fault.InvalidValue, "must be between 1 and 3650")
	}
	return d
}

func checkPayout(p Payout, v *fault.Violations) {
	switch p.Type {
	case "":
	case PayoutPercent:
		if p.Percent < 0 || p.Percent > money.Hundred {
			v.Add("supplier_payout.value", fault.InvalidValue, "must be between 0 and 100")
		}
	case PayoutFixed:
		if p.Fixed < 0 {
			v.Add("supplier_payout.value", fault.InvalidValue, "must not be negative")
		}
	default:
		v.Add("supplier_payout.type", fault.InvalidValue, mustBePayoutType)
	}
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
	if id := fields[field.ExternalID]; !id.Empty() {
		if _, err := contact.ParseText(id.Text, maxExternalID); err != nil || id.Kind == field.Other {
			return nil, "", field.ErrInvalid.With(fault.Violation{Field: field.ExternalID, Code: fault.InvalidValue, Message: "must have 1 to 255 characters"})
		}
		externalID = id.Text
	}
	return fields, externalID, nil
}

// CheckFields normalises the fields of a lead by the campaign's rules; see field.Rules.Check.
func (c *Campaign) CheckFields(in field.Set) (field.Set, error) { return c.rules.Check(in) }

// Dimensions returns what events tell of a lead with these fields, which CheckFields has normalised.
func (c *Campaign) Dimensions(fields field.Set) []field.Dimension { return c.rules.Dimensions(fields) }

// DedupeKeys returns the values of a lead that must be unique in the campaign, by the kind of their claim: one per field for
// MatchAny, one over all fields for MatchAll. Empty values never match (docs/marketplace.md).
func (c *Campaign) DedupeKeys(fields field.Set) map[string]string {
	d := c.s.Dedupe
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

// Strategy returns the code of the distribution strategy.
func (c *Campaign) Strategy() string { return c.s.Strategy }

// DedupeWindow returns how long the claims of the duplicate rule last.
func (c *Campaign) DedupeWindow() time.Duration {
	return time.Duration(c.s.Dedupe.WindowDays) * 24 * time.Hour
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
	RedirectURL                  string
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
	s.Dedupe.Fields = slices.Clone(s.Dedupe.Fields)
	s.Contracts = slices.Clone(s.Contracts)
	for i := range s.Contracts {
		s.Contracts[i].Caps = slices.Clone(s.Contracts[i].Caps)
	}
	return s
}

// FromSnapshot restores a stored campaign.
func FromSnapshot(s Snapshot) *Campaign {
	s = s.clone()
	return &Campaign{Recorder: event.Restored(s.Version), s: s, rules: field.RestoreRules(s.Fields), names: field.RestoreMap(s.FieldMap)}
}
