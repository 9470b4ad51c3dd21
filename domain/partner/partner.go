// Package partner holds the people and companies that refer customers and supply leads.
package partner

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
)

// Status is where a partner stands (docs/partner-program.md).
type Status string

// The statuses of a partner.
const (
	StatusPending  Status = "pending"
	StatusActive   Status = "active"
	StatusArchived Status = "archived"
	StatusRejected Status = "rejected"
	StatusDeleted  Status = "deleted"
)

// Errors of partners.
var (
	ErrNotFound         = fault.New(fault.NotFound, "partner_not_found", "Partner not found.")
	ErrUnknown          = fault.New(fault.RuleViolated, "unknown_partner", "Partner not found in this program.")
	ErrUnknownReferring = fault.New(fault.RuleViolated, "unknown_referring_partner", "Referring partner not found.")
	// ErrAction says that a partner's status does not allow what was asked (docs/partner-program.md).
	ErrAction = fault.New(fault.RuleViolated, "partner_action_not_possible", "Action failed: the partner's status does not allow it.")
	// ErrInvitation says that an invitation was accepted already or that the partner was decided upon meanwhile.
	ErrInvitation = fault.New(fault.RuleViolated, "invitation_not_open", "The invitation is not open any more.")
	// ErrLinkNotFound says that no partner of the seller has a referral link of that key.
	ErrLinkNotFound = fault.New(fault.NotFound, "referral_link_not_found", "Referral link not found.")
	// ErrLastLink keeps every partner reachable by at least one referral key.
	ErrLastLink = fault.New(fault.RuleViolated, "last_referral_link", "A partner's last referral link cannot be deleted.")
	// ErrCircle says that a partner would be referred by itself, directly or through others.
	ErrCircle = fault.New(fault.Invalid, "referral_circle", "would make the partner its own referring partner")
)

// Taken returns the error that says which handle of a partner (email, id or key) is in use already.
func Taken(handle string) error {
	names := map[string]string{"email": "Email", "id": "ID", "key": "Key"}
	return fault.ErrValidation.With(fault.Violation{Field: handle, Code: fault.Duplicate, Message: names[handle] + " already exists"})
}

var handlePattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)

const (
	maxName       = 200
	maxKeys       = 100
	maxFields     = 50
	maxFieldName  = 64
	maxFieldValue = 1000
)

// Partner refers customers and supplies leads.
type Partner struct {
	event.Recorder

	s Snapshot
}

// CustomField is one member of what an operator keeps about a partner besides what Leadmill knows.
type CustomField struct{ Name, Value string }

// Registration is what is said about a new partner. Approved is false in a program that approves partners by hand.
type Registration struct {
	ID, Key, Email, Name, Surname string
	Tags                          []string
	CustomFields                  []CustomField
	TermsAccepted, Approved       bool
	ReferringPartnerID            string
	PasswordHash                  string
}

// Check returns which members are at fault whatever is stored. An empty ID or Key is one that is still to be made.
func (r Registration) Check() error {
	var v fault.Violations
	for _, h := range []struct{ field, value string }{{"id", r.ID}, {"key", r.Key}} {
		if h.value != "" {
			v.AddErr(h.field, CheckHandle(h.value))
		}
	}
	v.AddErr("", r.details().Check())
	return v.Err()
}

// CheckInvitation is Check for somebody who is invited: a name is required of it too.
func (r Registration) CheckInvitation() error {
	var v fault.Violations
	r.requireName(&v)
	v.AddErr("", r.Check())
	return v.Err()
}

func (r Registration) requireName(v *fault.Violations) {
	if strings.TrimSpace(r.Name) == "" {
		v.Add("name", fault.Required, "is required")
	}
}

func (r Registration) details() Details {
	return Details{Email: &r.Email, Name: &r.Name, Surname: &r.Surname, Tags: &r.Tags, CustomFields: &r.CustomFields}
}

// Register makes a partner: active when it is approved, else pending. Errors name the members at fault
// (docs/partner-program.md).
func Register(sellerID string, r Registration, now time.Time) (*Partner, error) {
	p, err := newPartner(sellerID, r, now)
	if err != nil {
		return nil, err
	}
	p.created(now)
	return p, nil
}

// Invite makes a pending partner that joins once it accepts. What is required of it is an email and a name
// (docs/partner-program.md).
func Invite(sellerID string, r Registration, now time.Time) (*Partner, error) {
	r.Approved, r.PasswordHash = false, ""
	var v fault.Violations
	r.requireName(&v)
	p, err := newPartner(sellerID, r, now)
	v.AddErr("", err)
	if err := v.Err(); err != nil {
		return nil, err
	}
	p.s.Invited = true
	p.Record(Invited{PartnerID: r.ID, At: now})
	return p, nil
}

func newPartner(sellerID string, r Registration, now time.Time) (*Partner, error) {
	var v fault.Violations
	p := &Partner{s: Snapshot{
		SellerID: sellerID, ID: r.ID, Status: StatusPending, Approved: r.Approved, TermsAccepted: r.TermsAccepted,
		Keys: []string{r.Key}, ReferringPartnerID: r.ReferringPartnerID, PasswordHash: r.PasswordHash, CreatedAt: now, UpdatedAt: now,
	}}
	if r.Approved {
		p.s.Status = StatusActive
	}
	for _, h := range []struct{ field, value string }{{"id", r.ID}, {"key", r.Key}} {
		v.AddErr(h.field, CheckHandle(h.value))
	}
	p.s.describe(r.details(), &v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Partner) created(now time.Time) {
	p.Record(Created{PartnerID: p.s.ID, Status: p.s.Status, ReferralKey: p.s.Keys[0], ReferringPartnerID: p.s.ReferringPartnerID, At: now})
}

// CheckHandle says whether a text can be a partner's id or referral key (docs/partner-program.md).
func CheckHandle(s string) error {
	if !handlePattern.MatchString(s) || s == "." || s == ".." {
		return fault.New(fault.Invalid, fault.InvalidValue, "must be 1 to 64 letters, digits, dots, underscores, tildes or hyphens")
	}
	return nil
}

// Details are what an operator says about a partner. Nil members keep what is there; an empty list clears.
type Details struct {
	Email, Name, Surname *string
	PasswordHash         *string
	Key                  *string // becomes the default key; the others stay
	Tags                 *[]string
	CustomFields         *[]CustomField
	TermsAccepted        *bool
	Referring            *Lineage
}

// Given reports whether the details say anything.
func (d Details) Given() bool { return d != Details{} }

// Check returns which of the details are at fault whatever the partner is.
func (d Details) Check() error {
	var v fault.Violations
	new(Snapshot).describe(d, &v)
	if d.Key != nil {
		v.AddErr("key", CheckHandle(*d.Key))
	}
	return v.Err()
}

// Lineage is a referring partner and whoever referred it, the nearest first; Chain starts with ID.
type Lineage struct {
	ID    string
	Chain []string
}

// Update changes what an operator says about the partner; details that say nothing change nothing. Errors name the members
// at fault; ErrNotFound for a deleted one, of which nothing personal may come back.
func (p *Partner) Update(d Details, now time.Time) error {
	if p.s.Status == StatusDeleted {
		return ErrNotFound
	}
	if !d.Given() {
		return nil
	}
	next := p.Snapshot()
	var v fault.Violations
	next.describe(d, &v)
	if d.Key != nil {
		if err := CheckHandle(*d.Key); err != nil {
			v.AddErr("key", err)
		} else {
			v.AddErr("key", next.addKey(*d.Key, true))
		}
	}
	if d.Referring != nil {
		if slices.Contains(d.Referring.Chain, p.s.ID) || d.Referring.ID == p.s.ID {
			v.AddErr("referring_partner", ErrCircle)
		}
		next.ReferringPartnerID = d.Referring.ID
	}
	if err := v.Err(); err != nil {
		return err
	}
	p.change(next, now)
	return nil
}

// change takes over what was decided, with the event that says so.
func (p *Partner) change(next Snapshot, now time.Time) {
	next.UpdatedAt = now
	p.s = next
	p.Record(Updated{PartnerID: next.ID, Status: next.Status, ReferringPartnerID: next.ReferringPartnerID, At: now})
}

// describe takes over texts, tags and custom fields as far as they are in order.
func (s *Snapshot) describe(d Details, v *fault.Violations) {
	if d.Email != nil {
		email, err := contact.ParseEmail(*d.Email)
		if *d.Email == "" {
			err = fault.New(fault.Invalid, fault.Required, "is required")
		}
		v.AddErr("email", err)
		s.Email, s.EmailKey = email.String(), email.Key()
	}
	contact.TakeText("name", d.Name, maxName, &s.Name, v)
	contact.TakeText("surname", d.Surname, maxName, &s.Surname, v)
	if d.Tags != nil {
		tags, err := contact.ParseTags(*d.Tags)
		v.AddErr("tags", err)
		s.Tags = tags
	}
	if d.CustomFields != nil {
		s.CustomFields = checkFields(*d.CustomFields, v)
	}
	if d.PasswordHash != nil {
		s.PasswordHash = *d.PasswordHash
	}
	if d.TermsAccepted != nil {
		s.TermsAccepted = *d.TermsAccepted
	}
}

func checkFields(fields []CustomField, v *fault.Violations) []CustomField {
	if len(fields) > maxFields {
		v.Add("custom_fields", fault.InvalidValue, "must have at most 50 fields")
		return nil
	}
	out := make([]CustomField, 0, len(fields))
	for i, f := range fields {
		at := "custom_fields." + strconv.Itoa(i)
		name, err := contact.ParseRequiredText(strings.TrimSpace(f.Name), maxFieldName)
		v.AddErr(at+".name", err)
		value, err := contact.ParseMultiline(f.Value, maxFieldValue)
		v.AddErr(at+".value", err)
		if name != "" && slices.ContainsFunc(out, func(o CustomField) bool { return o.Name == name }) {
			v.Add(at+".name", fault.Duplicate, "is given twice")
		}
		out = append(out, CustomField{name, value})
	}
	return out
}

// addKey adds a key, or moves one of the partner's own, to the front of the others or behind them.
func (s *Snapshot) addKey(key string, first bool) error {
	if slices.Contains(s.Retired, key) {
		return fault.New(fault.Invalid, fault.Duplicate, "Key already exists")
	}
	keys := slices.DeleteFunc(slices.Clone(s.Keys), func(k string) bool { return k == key })
	if len(keys) >= maxKeys {
		return fault.New(fault.Invalid, fault.InvalidValue, "must not be more than 100 keys of one partner")
	}
	at := len(keys)
	if first {
		at = 0
	}
	s.Keys = slices.Insert(keys, at, key)
	return nil
}

// AddLink gives the partner a further referral key: Taken("key") for one it has or had.
func (p *Partner) AddLink(key string, now time.Time) error {
	if p.s.Status == StatusDeleted {
		return ErrAction
	}
	next := p.Snapshot()
	var v fault.Violations
	v.AddErr("key", CheckHandle(key))
	if err := v.Err(); err != nil {
		return err
	}
	if slices.Contains(next.Keys, key) {
		return Taken("key")
	}
	v.AddErr("key", next.addKey(key, false))
	if err := v.Err(); err != nil {
		return err
	}
	p.change(next, now)
	return nil
}

// LinkChange is what an operator says about a referral link. A renamed key is never used again.
type LinkChange struct {
	Key     *string
	Default bool
}

// ChangeLink renames a referral key or makes it the default: ErrLinkNotFound, Taken("key"). What is so already changes
// nothing.
func (p *Partner) ChangeLink(key string, c LinkChange, now time.Time) error {
	next := p.Snapshot()
	at := slices.Index(next.Keys, key)
	if at < 0 || next.Status == StatusDeleted {
		return ErrLinkNotFound
	}
	renamed, moved := c.Key != nil && *c.Key != key, c.Default && at > 0
	if !renamed && !moved {
		return nil
	}
	if renamed {
		var v fault.Violations
		v.AddErr("key", CheckHandle(*c.Key))
		if err := v.Err(); err != nil {
			return err
		}
		if slices.Contains(next.Keys, *c.Key) || slices.Contains(next.Retired, *c.Key) {
			return Taken("key")
		}
		next.Keys[at] = *c.Key
		next.Retired = append(next.Retired, key)
	}
	if moved {
		first := next.Keys[at]
		next.Keys = slices.Insert(slices.Delete(next.Keys, at, at+1), 0, first)
	}
	p.change(next, now)
	return nil
}

// RemoveLink retires a referral key: it is never used again. ErrLinkNotFound, ErrLastLink.
func (p *Partner) RemoveLink(key string, now time.Time) error {
	next := p.Snapshot()
	at := slices.Index(next.Keys, key)
	switch {
	case at < 0, next.Status == StatusDeleted:
		return ErrLinkNotFound
	case len(next.Keys) == 1:
		return ErrLastLink
	}
	next.Keys = slices.Delete(next.Keys, at, at+1)
	next.Retired = append(next.Retired, key)
	p.change(next, now)
	return nil
}

// Approve lets a pending or rejected partner in: ErrAction for any other.
func (p *Partner) Approve(now time.Time) error {
	if p.s.Status != StatusPending && p.s.Status != StatusRejected {
		return ErrAction
	}
	p.s.Status, p.s.Approved, p.s.UpdatedAt = StatusActive, true, now
	if p.s.Invited { // an invited partner joins by what comes first: its own acceptance or the operator's word
		p.s.Invited = false
		p.created(now)
	}
	p.Record(Approved{PartnerID: p.s.ID, At: now})
	return nil
}

// Reject turns a pending partner down: ErrAction for any other.
func (p *Partner) Reject(now time.Time) error {
	if p.s.Status != StatusPending {
		return ErrAction
	}
	p.s.Status, p.s.Approved, p.s.UpdatedAt = StatusRejected, false, now
	p.Record(Rejected{PartnerID: p.s.ID, At: now})
	return nil
}

// Archive puts a pending or active partner aside: ErrAction for any other.
func (p *Partner) Archive(now time.Time) error {
	if p.s.Status != StatusPending && p.s.Status != StatusActive {
		return ErrAction
	}
	p.s.Status, p.s.UpdatedAt = StatusArchived, now
	p.Record(Archived{PartnerID: p.s.ID, At: now})
	return nil
}

// Unarchive brings an archived partner back to where it was: ErrAction for any other.
func (p *Partner) Unarchive(now time.Time) error {
	if p.s.Status != StatusArchived {
		return ErrAction
	}
	next := p.Snapshot()
	next.Status = StatusPending
	if next.Approved {
		next.Status = StatusActive
	}
	p.change(next, now)
	return nil
}

// Delete erases what is personal. The id and the keys stay taken, so that customers keep their attribution and no old link
// ever leads to somebody else (docs/partner-program.md).
func (p *Partner) Delete(now time.Time) error {
	if p.s.Status == StatusDeleted {
		return ErrNotFound
	}
	s := &p.s
	joined := !s.Invited
	s.Status, s.Approved, s.TermsAccepted, s.Invited, s.UpdatedAt = StatusDeleted, false, false, false, now
	s.Email, s.EmailKey, s.Name, s.Surname, s.PasswordHash = "", "", "", "", ""
	s.Tags, s.CustomFields = nil, nil
	p.Record(Deleted{PartnerID: s.ID, Joined: joined, At: now})
	return nil
}

// InviteAgain asks a partner that did not accept yet once more. Any other known email is taken, that of an invited partner
// to which the operator gave a password too: its link would open nothing.
func (p *Partner) InviteAgain(now time.Time) error {
	if !p.s.Invited || !p.AcceptsInvitation() {
		return Taken("email")
	}
	p.s.UpdatedAt = now
	p.Record(Invited{PartnerID: p.s.ID, At: now})
	return nil
}

// Accept is the partner's own yes to an invitation: its password, and whether it accepts the terms. It joins, unless the
// operator let it in before. ErrInvitation when it has a password already or was decided upon otherwise.
func (p *Partner) Accept(passwordHash string, terms bool, now time.Time) error {
	if !p.AcceptsInvitation() {
		return ErrInvitation
	}
	p.s.PasswordHash, p.s.TermsAccepted = passwordHash, terms
	if !p.s.Invited {
		p.change(p.Snapshot(), now)
		return nil
	}
	p.s.Invited, p.s.Status, p.s.Approved, p.s.UpdatedAt = false, StatusActive, true, now
	p.created(now)
	return nil
}

// AcceptsInvitation reports whether an invitation of the partner can still be accepted.
func (p *Partner) AcceptsInvitation() bool { return p.s.AcceptsInvitation() }

// AcceptsInvitation is Partner.AcceptsInvitation of a partner as it is stored.
func (s Snapshot) AcceptsInvitation() bool {
	return s.PasswordHash == "" && (s.Status == StatusPending && s.Invited || s.Status == StatusActive)
}

// UnknownPassword is stored for a partner whose password nobody was told: no password has this hash.
const UnknownPassword = "!"

// CheckPassword says whether a password is strong enough: at least 8 characters with a lower-case letter, an upper-case
// letter and a digit (docs/partner-program.md).
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

// ID returns the partner's id, unique within its seller.
func (p *Partner) ID() string { return p.s.ID }

// SellerID returns the id of the partner's seller.
func (p *Partner) SellerID() string { return p.s.SellerID }

// Status returns where the partner stands.
func (p *Partner) Status() Status { return p.s.Status }

// HasKey reports whether a referral key leads to the partner.
func (p *Partner) HasKey(key string) bool { return slices.Contains(p.s.Keys, key) }

// Snapshot is a partner as it is stored. EmailKey is the address as it is compared; Keys has the default key first and
// Retired those that must never be used again. Invited says that its invitation is open: it did not join yet.
type Snapshot struct {
	SellerID, ID, Email, EmailKey, Name, Surname string
	Status                                       Status
	Approved, TermsAccepted, Invited             bool
	Keys, Retired, Tags                          []string
	CustomFields                                 []CustomField
	ReferringPartnerID, PasswordHash             string
	CreatedAt, UpdatedAt                         time.Time
	Version                                      int64
}

// Snapshot returns the partner as it is stored.
func (p *Partner) Snapshot() Snapshot {
	s := p.s.clone()
	s.Version = p.Version()
	return s
}

func (s Snapshot) clone() Snapshot {
	s.Keys, s.Retired, s.Tags, s.CustomFields = slices.Clone(s.Keys), slices.Clone(s.Retired), slices.Clone(s.Tags), slices.Clone(s.CustomFields)
	return s
}

// FromSnapshot restores a stored partner.
func FromSnapshot(s Snapshot) *Partner {
	return &Partner{Recorder: event.Restored(s.Version), s: s.clone()}
}
