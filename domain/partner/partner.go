// Package partner holds the people and companies that refer customers and supply leads.
package partner

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
)

// Status is where a partner stands (api/partner-program.md, "Rules").
type Status string

// The statuses of a partner.
const (
	Pending  Status = "pending"
	Active   Status = "active"
	Archived Status = "archived"
	Rejected Status = "rejected"
	Deleted  Status = "deleted"
)

// Errors of partners.
var (
	ErrNotFound         = fault.New(fault.NotFound, "partner_not_found", "Partner not found.")
	ErrUnknown          = fault.New(fault.RuleViolated, "unknown_partner", "Partner not found in this program.")
	ErrUnknownReferring = fault.New(fault.RuleViolated, "unknown_referring_partner", "Referring partner not found.")
)

// Taken returns the error that says which handle of a partner (email, id or key) is in use already.
func Taken(handle string) error {
	names := map[string]string{"email": "Email", "id": "ID", "key": "Key"}
	return fault.ErrValidation.With(fault.Violation{Field: handle, Code: fault.Duplicate, Message: names[handle] + " already exists"})
}

var handlePattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)

const (
	maxTags = 100
	maxTag  = 100
	maxName = 200
)

// Partner refers customers and supplies leads.
type Partner struct {
	event.Recorder

	s Snapshot
}

// Registration is what is said about a new partner.
type Registration struct {
	ID, Key, Email, Name, Surname string
	Tags                          []string
	ReferringPartnerID            string
	PasswordHash                  string
}

// Register makes an active partner. Errors name the members at fault (api/partner-program.md).
func Register(sellerID string, r Registration, now time.Time) (*Partner, error) {
	var v fault.Violations
	email, err := contact.ParseEmail(r.Email)
	if r.Email == "" {
		err = fault.New(fault.Invalid, fault.Required, "is required")
	}
	v.AddErr("email", err)
	for _, h := range []struct{ field, value string }{{"id", r.ID}, {"key", r.Key}} {
		if !handlePattern.MatchString(h.value) || h.value == "." || h.value == ".." {
			v.Add(h.field, fault.InvalidValue, "must be 1 to 64 letters, digits, dots, underscores, tildes or hyphens")
		}
	}
	name, err := contact.ParseText(r.Name, maxName)
	v.AddErr("name", err)
	surname, err := contact.ParseText(r.Surname, maxName)
	v.AddErr("surname", err)
	tags := checkTags(r.Tags, &v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	p := &Partner{s: Snapshot{SellerID: sellerID, ID: r.ID, Email: email.String(), EmailKey: email.Key(), Name: name,
		Surname: surname, Status: Active, Approved: true, Keys: []string{r.Key}, Tags: tags,
		ReferringPartnerID: r.ReferringPartnerID, PasswordHash: r.PasswordHash, CreatedAt: now, UpdatedAt: now}}
	p.Record(Created{PartnerID: r.ID, Status: Active, ReferralKey: r.Key, ReferringPartnerID: r.ReferringPartnerID, At: now})
	return p, nil
}

// CheckPassword says whether a password is strong enough: at least 8 characters with a lower-case letter, an upper-case
// letter and a digit (seeds/create-partner.txt).
func CheckPassword(password string) error {
	lower := strings.ContainsFunc(password, unicode.IsLower)
	upper := strings.ContainsFunc(password, unicode.IsUpper)
	digit := strings.ContainsFunc(password, unicode.IsDigit)
	n := utf8.RuneCountInString(password)
	if n < 8 || n > 1000 || !lower || !upper || !digit {
		return fault.New(fault.Invalid, fault.InvalidValue,
			"must have 8 to 1000 characters with a lower-case letter, an upper-case letter and a digit")
	}
	return nil
}

func checkTags(tags []string, v *fault.Violations) []string {
	if len(tags) > maxTags {
		v.Add("tags", fault.InvalidValue, "must have at most 100 tags")
		return nil
	}
	out := make([]string, 0, len(tags))
	for _, t := range tags {
		t, err := contact.ParseText(strings.TrimSpace(t), maxTag)
		if err == nil && t == "" {
			err = fault.New(fault.Invalid, fault.InvalidValue, "must not hold an empty tag")
		}
		if err != nil {
			v.AddErr("tags", err)
			return nil
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// ID returns the partner's id, unique within its seller.
func (p *Partner) ID() string { return p.s.ID }

// SellerID returns the id of the partner's seller.
func (p *Partner) SellerID() string { return p.s.SellerID }

// Status returns where the partner stands.
func (p *Partner) Status() Status { return p.s.Status }

// Snapshot is a partner as it is stored. EmailKey is the address as it is compared; Keys has the default key first.
type Snapshot struct {
	SellerID, ID, Email, EmailKey, Name, Surname string
	Status                                       Status
	Approved, TermsAccepted                      bool
	Keys, Tags                                   []string
	ReferringPartnerID, PasswordHash             string
	CreatedAt, UpdatedAt                         time.Time
	Version                                      int64
}

// Snapshot returns the partner as it is stored.
func (p *Partner) Snapshot() Snapshot {
	s := p.s
	s.Keys, s.Tags = slices.Clone(s.Keys), slices.Clone(s.Tags)
	s.Version = p.Version()
	return s
}

// FromSnapshot restores a stored partner.
func FromSnapshot(s Snapshot) *Partner {
	s.Keys, s.Tags = slices.Clone(s.Keys), slices.Clone(s.Tags)
	return &Partner{Recorder: event.Restored(s.Version), s: s}
}

// Created says that a partner joined. It becomes partner.created.v1.
type Created struct {
	PartnerID          string
	Status             Status
	ReferralKey        string
	ReferringPartnerID string
	At                 time.Time
}

// EventType implements event.Event.
func (Created) EventType() string { return "partner.created" }
