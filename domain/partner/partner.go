// Package partner holds the people and companies that refer customers and supply leads.
//
// Stability: experimental.
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
	ErrNotFound = fault.New(fault.NotFound, "partner_not_found", "Partner not found.")
	// ErrUnknown says that a partner named in a request's body does not exist; ErrNotFound is for one named in the path.
	ErrUnknown          = fault.New(fault.RuleViolated, "unknown_partner", "Partner not found in this program.")
	ErrUnknownReferring = fault.New(fault.RuleViolated, "unknown_referring_partner", "Referring partner not found.")
	// ErrAction says that a partner's status does not allow what was asked (docs/partner-program.md).
	ErrAction = fault.New(fault.RuleViolated, "partner_action_not_possible", "Action failed: the partner's status does not allow it.")
	// ErrInvitation says that an invitation was accepted already, or that the partner was rejected, archived or deleted.
	ErrInvitation = fault.New(fault.RuleViolated, "invitation_not_open", "The invitation is not open any more.")
	// ErrLinkNotFound says that no partner of the seller has this referral key.
	ErrLinkNotFound = fault.New(fault.NotFound, "referral_link_not_found", "Referral link not found.")
	// ErrLastLink says that a partner's only referral key cannot be removed: each partner keeps at least one.
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

// CustomField is a named value that an operator keeps with a partner.
type CustomField struct{ Name, Value string }

// Registration is the data of a new partner. Approved is false in a program that approves partners by hand.
type Registration struct {
	ID, Key, Email, Name, Surname string
	Tags                          []string
	CustomFields                  []CustomField
	TermsAccepted, Approved       bool
	ReferringPartnerID            string
	PasswordHash                  string
}

// Check returns fault.ErrValidation with the members at fault, without looking at stored data, or nil. An empty ID or Key is
// allowed, because it is made later.
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

// CheckInvitation is Check for an invited partner, which must have a name too.
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

// Register makes a partner: active when it is approved, else pending. It returns fault.ErrValidation with the members at
// fault (docs/partner-program.md).
func Register(sellerID string, r Registration, now time.Time) (*Partner, error) {
	p, err := newPartner(sellerID, r, now)
	if err != nil {
		return nil, err
	}
	p.created(now)
	return p, nil
}

// Invite makes a pending partner that joins when it accepts the invitation. It needs an email and a name
// (docs/partner-program.md). It returns fault.ErrValidation with the members at fault.
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

// SignUp makes a pending partner that signed up by itself. It joins when it accepts the invitation that is mailed to it, which shows that the address is
// its own. It returns fault.ErrValidation with the members at fault.
func SignUp(sellerID string, r Registration, now time.Time) (*Partner, error) {
	p, err := Invite(sellerID, r, now)
	if err != nil {
		return nil, err
	}
	p.s.SignedUp = true
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

// CheckHandle checks that a text can be a partner's id or referral key (docs/partner-program.md). Its error has the code
// fault.InvalidValue.
func CheckHandle(s string) error {
	if !handlePattern.MatchString(s) || s == "." || s == ".." {
		return fault.New(fault.Invalid, fault.InvalidValue, "must be 1 to 64 letters, digits, dots, underscores, tildes or hyphens")
	}
	return nil
}

// Details are what an operator says about a partner. A nil member keeps the stored value; an empty list clears it.
type Details struct {
	Email, Name, Surname *string
	PasswordHash         *string
	Key                  *string // becomes the default key; the others stay
	Tags                 *[]string
	CustomFields         *[]CustomField
	TermsAccepted        *bool
	Referring            *Lineage
}

// Given reports whether any member is given.
func (d Details) Given() bool { return d != Details{} }

// Check returns fault.ErrValidation with the members at fault, without looking at the partner, or nil.
func (d Details) Check() error {
	var v fault.Violations
	new(Snapshot).describe(d, &v)
	if d.Key != nil {
		v.AddErr("key", CheckHandle(*d.Key))
	}
	return v.Err()
}

// Lineage is a referring partner and the chain of partners that referred it. Chain holds their ids, the nearest first, and
// starts with ID.
type Lineage struct {
	ID    string
	Chain []string
}

// Update changes the partner's details; without any given member it does nothing. Errors: fault.ErrValidation with the
// members at fault, ErrCircle among them; ErrNotFound for a deleted partner, which must not get personal data again.
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

// Rename changes what the partner is called, as the partner itself says; it does nothing when that is so already. A name is needed. Errors:
// fault.ErrValidation with the members at fault; ErrNotFound for a deleted partner.
func (p *Partner) Rename(name, surname string, now time.Time) error {
	if p.s.Status == StatusDeleted {
		return ErrNotFound
	}
	next := p.Snapshot()
	var v fault.Violations
	Registration{Name: name}.requireName(&v)
	next.describe(Details{Name: &name, Surname: &surname}, &v)
	if err := v.Err(); err != nil {
		return err
	}
	if next.Name == p.s.Name && next.Surname == p.s.Surname {
		return nil
	}
	p.change(next, now)
	return nil
}

// change replaces the partner's state with next and records Updated.
func (p *Partner) change(next Snapshot, now time.Time) {
	next.UpdatedAt = now
	p.s = next
	p.Record(Updated{PartnerID: next.ID, Status: next.Status, ReferringPartnerID: next.ReferringPartnerID, At: now})
}

// describe sets the given texts, tags and custom fields, and adds what is wrong with them to v.
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

// addKey adds a key as the first or the last one. A key that the partner has already is moved there.
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

// AddLink gives the partner another referral key. Errors: fault.ErrValidation for a malformed key, for one that the partner
// has or had, and for more than 100 keys; ErrAction for a deleted partner.
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

// LinkChange is a change of a referral link. Key renames it, nil keeps its key; the old key is never used again. Default
// makes it the partner's default link.
type LinkChange struct {
	Key     *string
	Default bool
}

// ChangeLink renames a referral key or makes it the default; it does nothing when that is the case already. Errors:
// ErrLinkNotFound, Taken("key"), fault.ErrValidation for a malformed key.
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

// RemoveLink retires a referral key: it is never used again. Errors: ErrLinkNotFound, ErrLastLink.
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

// Approve makes a pending or rejected partner active: ErrAction for any other status.
func (p *Partner) Approve(now time.Time) error {
	if p.s.Status != StatusPending && p.s.Status != StatusRejected {
		return ErrAction
	}
	p.s.Status, p.s.Approved, p.s.UpdatedAt = StatusActive, true, now
	if p.s.Invited { // an invited partner joins when it accepts or when an operator approves it, whichever comes first
		p.s.Invited = false
		p.created(now)
	}
	p.Record(Approved{PartnerID: p.s.ID, At: now})
	return nil
}

// Reject rejects a pending partner: ErrAction for any other status.
func (p *Partner) Reject(now time.Time) error {
	if p.s.Status != StatusPending {
		return ErrAction
	}
	p.s.Status, p.s.Approved, p.s.UpdatedAt = StatusRejected, false, now
	p.Record(Rejected{PartnerID: p.s.ID, At: now})
	return nil
}

// Archive archives a pending or active partner: ErrAction for any other status.
func (p *Partner) Archive(now time.Time) error {
	if p.s.Status != StatusPending && p.s.Status != StatusActive {
		return ErrAction
	}
	p.s.Status, p.s.UpdatedAt = StatusArchived, now
	p.Record(Archived{PartnerID: p.s.ID, At: now})
	return nil
}

// Unarchive makes an archived partner active if it is approved, else pending: ErrAction for any other status.
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

// Delete erases the personal data. The id and the keys stay taken, so that customers keep their attribution and no old link
// leads to another partner. ErrNotFound when it is deleted already.
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

// InviteAgain invites a partner again that has not accepted yet. For any other partner it returns Taken("email"), also for
// an invited one that got a password from an operator: its link could not be used.
func (p *Partner) InviteAgain(now time.Time) error {
	if !p.s.Invited || !p.AcceptsInvitation() {
		return Taken("email")
	}
	p.s.UpdatedAt = now
	p.Record(Invited{PartnerID: p.s.ID, At: now})
	return nil
}

// Accept accepts an invitation: the partner gets its password and joins, unless an operator approved it before. terms says
// whether it accepts the program's terms. ErrInvitation when AcceptsInvitation is false.
func (p *Partner) Accept(passwordHash string, terms bool, now time.Time) error {
	return p.Join(passwordHash, terms, true, now)
}

// Join is Accept in a program that may approve partners by hand: without approved, a partner that signed up by itself joins pending. Somebody whom the
// program invited needs no more approval.
func (p *Partner) Join(passwordHash string, terms, approved bool, now time.Time) error {
	if !p.AcceptsInvitation() {
		return ErrInvitation
	}
	p.s.PasswordHash, p.s.TermsAccepted = passwordHash, terms || p.s.SignedUp && p.s.TermsAccepted
	if !p.s.Invited {
		p.change(p.Snapshot(), now)
		return nil
	}
	p.s.Invited, p.s.UpdatedAt = false, now
	if approved || !p.s.SignedUp {
		p.s.Status, p.s.Approved = StatusActive, true
	}
	p.created(now)
	return nil
}

// AcceptsInvitation reports whether the partner can still accept an invitation: it has no password and was not rejected,
// archived or deleted.
func (p *Partner) AcceptsInvitation() bool { return p.s.AcceptsInvitation() }

// AcceptsInvitation is Partner.AcceptsInvitation for a stored partner.
func (s Snapshot) AcceptsInvitation() bool {
	return s.PasswordHash == "" && (s.Status == StatusPending && s.Invited || s.Status == StatusActive)
}

// UnknownPassword is stored in place of a hash for a partner that was given no password. No password has this hash.
const UnknownPassword = "!"

// CheckPassword checks that a password is strong enough: 8 to 1000 characters with a lower-case letter, an upper-case letter
// and a digit (docs/partner-program.md).
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

// Snapshot is a partner as it is stored. EmailKey is the address in lower case, the form that is compared. Keys has the
// default key first; Retired are keys that must never be used again. Invited says that the partner was invited and has not
// joined yet, SignedUp that it came by the sign-up page.
type Snapshot struct {
	SellerID, ID, Email, EmailKey, Name, Surname string
	Status                                       Status
	Approved, TermsAccepted, Invited, SignedUp   bool
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
