// Package customer holds the people and companies that partners brought, each with its attribution.
//
// Stability: experimental.
package customer

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
)

// Status is where a customer stands.
type Status string

// The statuses of a customer.
const (
	StatusActive   Status = "active"
	StatusArchived Status = "archived"
	StatusDeleted  Status = "deleted"
)

// Errors of customers.
var (
	ErrNotFound = fault.New(fault.NotFound, "customer_not_found", "Customer not found.")
	// ErrKeyTaken says that the seller has another customer with this key (docs/partner-program.md).
	ErrKeyTaken = fault.ErrValidation.With(fault.Violation{Field: "key", Code: fault.Duplicate, Message: "Customer with this key already exists"})
	// ErrEmailTaken says that the seller has another customer with this email, and that its program lets none share one.
	ErrEmailTaken = fault.ErrValidation.With(fault.Violation{Field: "email", Code: fault.Duplicate, Message: emailTaken})
	// ErrTaken is ErrKeyTaken and ErrEmailTaken at once.
	ErrTaken = fault.ErrValidation.With(ErrKeyTaken.Violations[0], ErrEmailTaken.Violations[0])
	// ErrLeadEmailTaken is ErrEmailTaken for a lead that is converted, whose request has no email.
	ErrLeadEmailTaken = fault.New(fault.RuleViolated, "customer_email_taken", "Another customer has the lead's email.").
				With(fault.Violation{Field: "email", Code: fault.Duplicate, Message: emailTaken})
	// ErrAction says that a customer's status does not allow what was asked.
	ErrAction = fault.New(fault.RuleViolated, "customer_action_not_possible", "Action failed: the customer's status does not allow it.")
)

const emailTaken = "Customer with this email already exists"

const (
	maxKey  = 255
	maxName = 200
)

// Customer is somebody a partner brought.
type Customer struct {
	event.Recorder

	s      Snapshot
	former []Former
}

// Former is an attribution that ended when another partner got the customer, at Until; Version is the customer's after that.
type Former struct {
	Attribution

	Until   time.Time
	Version int64
}

// Attribution says which partner brought a customer, through which of the partner's referral keys (empty when unknown), and
// which policy decided so at At. TouchedAt is when the partner's touch happened, such as the visitor's click.
type Attribution struct {
	PartnerID, ReferralKey, Policy string
	At, TouchedAt                  time.Time
}

// Registration is the data of a new customer.
type Registration struct {
	SellerID, ID, Key, Email, Name, Surname string
	Tags                                    []string
}

// Check returns fault.ErrValidation with the members at fault (docs/partner-program.md), or nil.
func (r Registration) Check() error {
	var v fault.Violations
	var s Snapshot
	s.describe(r.details(), &v)
	return v.Err()
}

func (r Registration) details() Details {
	return Details{Key: &r.Key, Email: &r.Email, Name: &r.Name, Surname: &r.Surname, Tags: &r.Tags}
}

// Register makes an active customer with its attribution; no customer exists without one. It returns fault.ErrValidation
// with the members at fault.
func Register(r Registration, a Attribution, now time.Time) (*Customer, error) {
	c := &Customer{s: Snapshot{SellerID: r.SellerID, ID: r.ID, Status: StatusActive, CreatedAt: now, UpdatedAt: now}}
	var v fault.Violations
	c.s.describe(r.details(), &v)
	if err := v.Err(); err != nil {
		return nil, err
	}
	c.Record(Created{CustomerID: r.ID, CustomerKey: c.PublicKey(), PartnerID: a.PartnerID, At: now})
	c.AttributeTo(a)
	return c, nil
}

// AttributeTo gives the customer to the partner of a, at the time a.At, and reports whether that changed something. Nothing
// changes when the partner has the customer already or the customer is deleted.
func (c *Customer) AttributeTo(a Attribution) bool {
	previous := c.s.Attribution.PartnerID
	if previous == a.PartnerID || c.s.Status == StatusDeleted {
		return false
	}
	if previous != "" {
		c.former = append(c.former, Former{Attribution: c.s.Attribution, Until: a.At, Version: c.Version() + 1})
	}
	c.s.Attribution, c.s.UpdatedAt = a, a.At
	c.Record(Attributed{
		CustomerID: c.s.ID, CustomerKey: c.PublicKey(), PartnerID: a.PartnerID, PreviousPartnerID: previous,
		Policy: a.Policy, ReferralKey: a.ReferralKey, At: a.At,
	})
	return true
}

// Touch keeps the time of a later touch by the customer's own partner, so that an earlier touch by another partner is
// recognised as earlier. It records no event. It reports whether the customer must be stored.
func (c *Customer) Touch(at time.Time) bool {
	if c.s.Status == StatusDeleted || !at.After(c.s.Attribution.TouchedAt) {
		return false
	}
	c.s.Attribution.TouchedAt = at
	return true
}

// Details are what an operator says about a customer. A nil member keeps the stored value; an empty list clears it.
type Details struct {
	Key, Email, Name, Surname *string
	Tags                      *[]string
}

// Given reports whether any member is given.
func (d Details) Given() bool { return d != Details{} }

// Check returns fault.ErrValidation with the members at fault, or nil.
func (d Details) Check() error {
	var v fault.Violations
	new(Snapshot).describe(d, &v)
	return v.Err()
}

// Update changes the customer's details. Errors: fault.ErrValidation with the members at fault; ErrNotFound for a deleted
// customer, which must not get personal data again.
func (c *Customer) Update(d Details, now time.Time) error {
	if c.s.Status == StatusDeleted {
		return ErrNotFound
	}
	next := c.Snapshot()
	var v fault.Violations
	next.describe(d, &v)
	if err := v.Err(); err != nil {
		return err
	}
	c.change(next, now)
	return nil
}

func (c *Customer) change(next Snapshot, now time.Time) {
	next.UpdatedAt = now
	c.s = next
	c.Record(Updated{CustomerID: next.ID, CustomerKey: c.PublicKey(), PartnerID: next.Attribution.PartnerID, Status: next.Status, At: now})
}

func (s *Snapshot) describe(d Details, v *fault.Violations) {
	if d.Key != nil {
		v.AddErr("key", CheckKey(*d.Key))
		s.Key = *d.Key
	}
	if d.Email != nil {
		before := s.EmailKey
		s.Email, s.EmailKey = "", ""
		if *d.Email != "" {
			email, err := contact.ParseEmail(*d.Email)
			v.AddErr("email", err)
			s.Email, s.EmailKey = email.String(), email.Key()
		}
		s.EmailHeld = s.EmailHeld && s.EmailKey == before
	}
	contact.TakeText("name", d.Name, maxName, &s.Name, v)
	contact.TakeText("surname", d.Surname, maxName, &s.Surname, v)
	if d.Tags != nil {
		tags, err := contact.ParseTags(*d.Tags)
		v.AddErr("tags", err)
		s.Tags = tags
	}
}

// CheckKey checks that a text can be a customer's key: 1 to 255 characters without control characters
// (docs/partner-program.md). Its error has the code fault.Required for an empty key, else fault.InvalidValue.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fault.New(fault.Invalid, fault.Required, "is required")
	case !utf8.ValidString(key), utf8.RuneCountInString(key) > maxKey, strings.ContainsFunc(key, unicode.IsControl):
		return fault.New(fault.Invalid, fault.InvalidValue, "must be 1 to 255 characters without control characters")
	}
	return nil
}

// Archive archives an active customer: ErrAction for any other status.
func (c *Customer) Archive(now time.Time) error {
	if c.s.Status != StatusActive {
		return ErrAction
	}
	c.s.Status, c.s.UpdatedAt = StatusArchived, now
	c.Record(Archived{CustomerID: c.s.ID, CustomerKey: c.PublicKey(), PartnerID: c.s.Attribution.PartnerID, At: now})
	return nil
}

// Unarchive makes an archived customer active again: ErrAction for any other status.
func (c *Customer) Unarchive(now time.Time) error {
	if c.s.Status != StatusArchived {
		return ErrAction
	}
	next := c.Snapshot()
	next.Status = StatusActive
	c.change(next, now)
	return nil
}

// Delete erases the personal data and frees the key; the attribution stays. ErrNotFound when it is deleted already.
func (c *Customer) Delete(now time.Time) error {
	if c.s.Status == StatusDeleted {
		return ErrNotFound
	}
	c.Record(Deleted{CustomerID: c.s.ID, CustomerKey: c.PublicKey(), PartnerID: c.s.Attribution.PartnerID, At: now})
	s := &c.s
	s.Status, s.UpdatedAt, s.DeletedAt = StatusDeleted, now, now
	s.Key, s.Email, s.EmailKey, s.EmailHeld, s.Name, s.Surname, s.Tags = "", "", "", false, "", "", nil
	return nil
}

// HoldEmail makes the customer's email one that no other customer of the seller may have, until the email changes. The store
// refuses a second one that holds it; customers that do not hold theirs may share it. Without an email nothing is held.
func (c *Customer) HoldEmail() { c.s.EmailHeld = c.s.EmailKey != "" }

// PublicKey returns how events name the customer: by its key, or by its id when the key looks like an email address or a phone number, which
// is personal data (docs/events.md).
func (c *Customer) PublicKey() string {
	if contact.LooksPersonal(c.s.Key) {
		return c.s.ID
	}
	return c.s.Key
}

// ID returns the customer's id.
func (c *Customer) ID() string { return c.s.ID }

// SellerID returns the id of the customer's seller.
func (c *Customer) SellerID() string { return c.s.SellerID }

// Status returns where the customer stands.
func (c *Customer) Status() Status { return c.s.Status }

// Attribution returns which partner brought the customer.
func (c *Customer) Attribution() Attribution { return c.s.Attribution }

// Former returns the attributions that ended since the customer was made or restored.
func (c *Customer) Former() []Former { return slices.Clone(c.former) }

// Snapshot is a customer as it is stored. EmailKey is the address in lower case, the form that is compared, and EmailHeld says
// that no other customer may have it. DeletedAt is zero until it is deleted.
type Snapshot struct {
	SellerID, ID, Key, Email, EmailKey, Name, Surname string
	EmailHeld                                         bool
	Tags                                              []string
	Status                                            Status
	Attribution                                       Attribution
	CreatedAt, UpdatedAt, DeletedAt                   time.Time
	Version                                           int64
}

// Snapshot returns the customer as it is stored.
func (c *Customer) Snapshot() Snapshot {
	s := c.s
	s.Tags = slices.Clone(s.Tags)
	s.Version = c.Version()
	return s
}

// FromSnapshot restores a stored customer.
func FromSnapshot(s Snapshot) *Customer {
	s.Tags = slices.Clone(s.Tags)
	return &Customer{Recorder: event.Restored(s.Version), s: s}
}
