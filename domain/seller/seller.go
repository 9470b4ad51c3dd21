// Package seller holds the tenant: an organisation that sells leads and runs a partner program, and its API keys.
//
// Stability: experimental.
package seller

import (
	"regexp"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// Errors of sellers.
var (
	ErrNotFound  = fault.New(fault.NotFound, "seller_not_found", "Seller not found.")
	ErrCodeTaken = fault.ErrValidation.With(fault.Violation{Field: "code", Code: fault.Duplicate, Message: "is already used by another seller"})
	ErrSlugTaken = fault.ErrValidation.With(fault.Violation{Field: "slug", Code: fault.Duplicate, Message: "is already used by another seller"})
)

var (
	codePattern = regexp.MustCompile(`^[A-Z0-9]{8}$`)
	slugPattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`)
)

// Seller is the tenant. Its code never changes; its slug may.
type Seller struct {
	event.Recorder

	id, code, slug, name string
	currency             money.Currency
	timeZone             string
	website              string
	program              PartnerProgram
	createdAt, updatedAt time.Time
}

// Details are what an operator says about a seller. A nil member keeps the stored value.
type Details struct {
	Name, Slug, TimeZone, Website *string
}

// New makes a seller. It returns fault.ErrValidation with the members at fault (docs/marketplace.md).
func New(id, code string, currency money.Currency, d Details, now time.Time) (*Seller, error) {
	s := &Seller{id: id, code: code, currency: currency, timeZone: "UTC", program: DefaultProgram(), createdAt: now}
	var v fault.Violations
	if !codePattern.MatchString(code) {
		v.Add("code", fault.InvalidValue, "must be 8 characters of A-Z and 0-9")
	}
	if d.Name == nil {
		v.Add("name", fault.Required, "is required")
	}
	if d.Slug == nil {
		slug := strings.ToLower(code)
		d.Slug = &slug
	}
	s.apply(d, &v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	s.updatedAt = now
	s.Record(Created{ID: id, Code: code, TimeZone: s.timeZone, Currency: currency.Code(), At: now})
	return s, nil
}

// Update changes the seller's details. It reports whether the time zone changed, because contracts without a zone of their
// own count their caps in it. It returns fault.ErrValidation with the members at fault.
func (s *Seller) Update(d Details, now time.Time) (zoneChanged bool, err error) {
	next := *s
	var v fault.Violations
	next.apply(d, &v)
	if err := v.Err(); err != nil {
		return false, err
	}
	zoneChanged = next.timeZone != s.timeZone
	next.updatedAt = now
	next.Record(Updated{ID: s.id, Code: s.code, TimeZone: next.timeZone, Currency: s.currency.Code(), At: now})
	*s = next
	return zoneChanged, nil
}

func (s *Seller) apply(d Details, v *fault.Violations) {
	if d.Name != nil {
		name, err := contact.ParseRequiredText(strings.TrimSpace(*d.Name), 200)
		v.AddErr("name", err)
		s.name = name
	}
	if d.Slug != nil {
		if !slugPattern.MatchString(*d.Slug) {
			v.Add("slug", fault.InvalidValue, "must be 1 to 64 lower-case letters, digits or hyphens")
		}
		s.slug = *d.Slug
	}
	if d.TimeZone != nil {
		_, err := calendar.ParseZone(*d.TimeZone)
		v.AddErr("time_zone", err)
		s.timeZone = *d.TimeZone
	}
	if d.Website != nil && *d.Website != "" {
		_, err := contact.ParseURL(*d.Website)
		v.AddErr("website", err)
		s.website = *d.Website
	} else if d.Website != nil {
		s.website = ""
	}
}

// ID returns the seller's id.
func (s *Seller) ID() string { return s.id }

// Code returns the 8-character code that never changes.
func (s *Seller) Code() string { return s.code }

// Slug returns the readable name in URLs.
func (s *Seller) Slug() string { return s.slug }

// Currency returns the currency of everything the seller sells.
func (s *Seller) Currency() money.Currency { return s.currency }

// TimeZone returns the IANA name of the seller's time zone.
func (s *Seller) TimeZone() string { return s.timeZone }

// Website returns the seller's website, to which referral links point; empty when there is none.
func (s *Seller) Website() string { return s.website }

// Snapshot is a seller as it is stored.
type Snapshot struct {
	ID, Code, Slug, Name, Currency, TimeZone, Website string
	Program                                           PartnerProgram
	CreatedAt, UpdatedAt                              time.Time
	Version                                           int64
}

// Snapshot returns the seller as it is stored.
func (s *Seller) Snapshot() Snapshot {
	return Snapshot{
		ID: s.id, Code: s.code, Slug: s.slug, Name: s.name, Currency: s.currency.Code(), TimeZone: s.timeZone,
		Website: s.website, Program: s.program.clone(), CreatedAt: s.createdAt, UpdatedAt: s.updatedAt, Version: s.Version(),
	}
}

// FromSnapshot restores a stored seller. It fails when the stored currency is unknown.
func FromSnapshot(n Snapshot) (*Seller, error) {
	c, err := money.ParseCurrency(n.Currency)
	if err != nil {
		return nil, err
	}
	return &Seller{
		Recorder: event.Restored(n.Version), id: n.ID, code: n.Code, slug: n.Slug, name: n.Name, currency: c,
		timeZone: n.TimeZone, website: n.Website, program: n.Program.clone(), createdAt: n.CreatedAt, updatedAt: n.UpdatedAt,
	}, nil
}
