// Package webhook holds webhooks: addresses of a seller that are told of its events, and what became of telling them.
//
// Stability: experimental.
package webhook

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

// Format is how a webhook's requests are written and signed.
type Format string

// The formats. Standard is a CloudEvent signed as Standard Webhooks says, Partnero what Partnero's API sends.
const (
	Standard Format = "standard"
	Partnero Format = "partnero"
)

// Formats returns all formats.
func Formats() []string { return []string{string(Standard), string(Partnero)} }

// Status says whether a webhook is told of events.
type Status string

// The statuses. An active one is told; a paused one is not because its seller says so, a disabled one because it failed; a deleted one is no more.
const (
	Active   Status = "active"
	Paused   Status = "paused"
	Disabled Status = "disabled"
	Deleted  Status = "deleted"
)

// DisabledReason says why a webhook was disabled.
type DisabledReason string

// The reasons for which a webhook is disabled.
const (
	ReceiverGone    DisabledReason = "gone"    // it answered 410
	ReceiverFailing DisabledReason = "failing" // nothing arrived for FailsFor
	ReceiverSlow    DisabledReason = "slow"    // more than MostPending deliveries wait for it
)

// FailsFor is how long nothing may arrive at a webhook while it is tried: with the failure after that it is disabled.
const FailsFor = 5 * 24 * time.Hour

// MostPending is how many deliveries may wait for a webhook, about: when there are more it is disabled.
const MostPending = 200_000

// OldSecretLasts is how long the secret before signs beside a new one. Of several it is the last: one that is older stops at once.
const OldSecretLasts = 24 * time.Hour

// MostOfSeller is how many webhooks a seller may have.
const MostOfSeller = 100

const (
	maxName   = 200
	maxKey    = 64
	maxEvents = 100
)

// Errors of webhooks.
var (
	ErrNotFound         = fault.New(fault.NotFound, "webhook_not_found", "Webhook not found.")
	ErrDeliveryNotFound = fault.New(fault.NotFound, "webhook_delivery_not_found", "The webhook has no delivery of this event.")
	ErrKeyTaken         = fault.New(fault.Conflict, "webhook_key_taken", "Another webhook has this key.")
	ErrTooMany          = fault.New(fault.Conflict, "too_many_webhooks", "The seller has 100 webhooks, and gets no more.")
	ErrNotActive        = fault.New(fault.Conflict, "webhook_not_active", "The webhook is not active: enable it first.")
)

// Definition is what a seller says of a webhook; nil members say nothing. Key is its name in Partnero's paths.
type Definition struct {
	Name, URL *string
	Events    *[]string
	Format    *Format
	Active    *bool
	Key       *string
}

// Snapshot is a webhook as it is stored. Events are types such as lead.sold.v1, sorted, whatever the format calls them. FailingSince is when the first
// attempt failed since one succeeded; zero when the last one did. StoppedAt is since when a disabled one is not told.
type Snapshot struct {
	ID, SellerID, Key, Name, URL string
	Events                       []string
	Format                       Format
	Status                       Status
	DisabledReason               DisabledReason
	StoppedAt, FailingSince      time.Time
	Secret, OldSecret            []byte
	OldSecretUntil               time.Time
	CreatedAt, UpdatedAt         time.Time
	Version                      int64
}

// Webhook is an address of a seller that is told of its events.
type Webhook struct {
	event.Recorder

	s Snapshot
}

// FromSnapshot restores a webhook.
func FromSnapshot(s Snapshot) *Webhook { return &Webhook{Recorder: event.Restored(s.Version), s: s} }

// Snapshot returns the webhook as it is stored.
func (w *Webhook) Snapshot() Snapshot {
	s := w.s
	s.Version = w.Version()
	return s
}

// New makes a webhook with a sealed secret. Key is its name in paths where the definition says none. Errors: fault.ErrValidation with the members at
// fault.
func New(id, sellerID, key string, d Definition, secret []byte, now time.Time) (*Webhook, error) {
	w := &Webhook{s: Snapshot{ID: id, SellerID: sellerID, Key: key, Format: Standard, Status: Active, Secret: secret, CreatedAt: now, UpdatedAt: now}}
	var v fault.Violations
	if d.Name == nil {
		v.Add("name", fault.Required, "is required")
	}
	if d.URL == nil {
		v.Add("url", fault.Required, "is required")
	}
	if d.Events == nil {
		v.Add("events", fault.Required, "is required")
	}
	w.apply(d, &v)
	if d.Key != nil {
		if w.s.Key = *d.Key; !isKey(w.s.Key) {
			v.Add("key", fault.InvalidValue, "must be 1 to 64 of a-z, A-Z, 0-9, _ and -")
		}
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	w.record(WasCreated, now)
	return w, nil
}

// isKey reports whether a text can be the key of a webhook: one that looks like an id is none, because both stand in the same place of a path.
func isKey(s string) bool {
	return s != "" && len(s) <= maxKey && !strings.HasPrefix(s, "webhook_") && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
}

// Update changes what a definition says; the key and the format stay as they are. A disabled webhook that is said to be active is enabled. Errors:
// fault.ErrValidation.
func (w *Webhook) Update(d Definition, now time.Time) error {
	next := *w
	var v fault.Violations
	if d.Format != nil && *d.Format != w.s.Format {
		v.Add("format", fault.InvalidValue, "cannot be changed; make another webhook")
	}
	next.apply(d, &v)
	if err := v.Err(); err != nil {
		return err
	}
	next.s.UpdatedAt = now
	*w = next
	w.record(WasUpdated, now)
	return nil
}

func (w *Webhook) apply(d Definition, v *fault.Violations) {
	if d.Name != nil {
		w.s.Name = strings.TrimSpace(*d.Name)
		if n := utf8.RuneCountInString(w.s.Name); n == 0 || n > maxName || strings.ContainsFunc(w.s.Name, unicode.IsControl) {
			v.Add("name", fault.InvalidValue, "must be 1 to 200 characters")
		}
	}
	if d.URL != nil {
		w.s.URL = strings.TrimSpace(*d.URL)
		_, err := contact.ParseURL(w.s.URL)
		v.AddErr("url", err)
	}
	if d.Events != nil {
		w.s.Events = slices.Compact(slices.Sorted(slices.Values(*d.Events)))
		if len(w.s.Events) == 0 || len(w.s.Events) > maxEvents {
			v.Add("events", fault.InvalidValue, "must be 1 to 100 types of events")
		}
	}
	if d.Format != nil {
		if w.s.Format = *d.Format; !slices.Contains(Formats(), string(w.s.Format)) {
			v.Add("format", fault.InvalidValue, "must be standard or partnero")
		}
	}
	if d.Active != nil && *d.Active != (w.s.Status == Active) {
		w.start()
		if !*d.Active {
			w.s.Status = Paused
		}
	}
}

func (w *Webhook) start() {
	w.s.Status, w.s.DisabledReason, w.s.StoppedAt, w.s.FailingSince = Active, "", time.Time{}, time.Time{}
}

// Enable has a webhook told again. It returns since when it was not, because it was disabled; zero when it was not. One that is active stays as it is.
func (w *Webhook) Enable(now time.Time) (stoppedAt time.Time) {
	if w.s.Status == Active {
		return time.Time{}
	}
	stoppedAt = w.s.StoppedAt
	w.start()
	w.s.UpdatedAt = now
	w.record(WasEnabled, now)
	return stoppedAt
}

// RotateSecret gives a webhook a new sealed secret. The one before signs beside it for OldSecretLasts.
func (w *Webhook) RotateSecret(sealed []byte, now time.Time) {
	w.s.OldSecret, w.s.OldSecretUntil = w.s.Secret, now.Add(OldSecretLasts)
	w.s.Secret, w.s.UpdatedAt = sealed, now
	w.record(WasSecretRotated, now)
}

// Delete ends a webhook: nothing that is secret, and no address, is kept of it.
func (w *Webhook) Delete(now time.Time) {
	w.start()
	w.s.Status, w.s.UpdatedAt, w.s.StoppedAt = Deleted, now, now
	w.s.Key, w.s.Name, w.s.URL, w.s.Secret, w.s.OldSecret, w.s.OldSecretUntil = w.s.ID, "", "", nil, nil, time.Time{}
	w.record(WasDeleted, now)
}

// Arrived notes that a request arrived, which ends a time of failure. It reports whether anything changed.
func (w *Webhook) Arrived() bool {
	failed := !w.s.FailingSince.IsZero()
	w.s.FailingSince = time.Time{}
	return failed
}

// Failed notes that an attempt failed at a time, and disables an active webhook that is gone, or at which nothing arrived for FailsFor. It reports
// whether anything changed.
func (w *Webhook) Failed(gone bool, at time.Time) bool {
	if w.s.Status == Deleted {
		return false
	}
	first := w.s.FailingSince.IsZero()
	if first {
		w.s.FailingSince = at
	}
	late := at.Sub(w.s.FailingSince) >= FailsFor
	if w.s.Status != Active || !gone && !late {
		return first
	}
	w.s.Status, w.s.DisabledReason, w.s.StoppedAt = Disabled, ReceiverFailing, at
	if gone {
		w.s.DisabledReason = ReceiverGone
	}
	w.record(WasDisabled, at)
	return true
}

// Overflowed disables an active webhook for which too much waits. It is told of nothing that happened since a time, but of what waits. It reports
// whether anything changed.
func (w *Webhook) Overflowed(since, at time.Time) bool {
	if w.s.Status != Active {
		return false
	}
	w.s.Status, w.s.DisabledReason, w.s.StoppedAt = Disabled, ReceiverSlow, since
	w.record(WasDisabled, at)
	return true
}

func (w *Webhook) record(c Change, at time.Time) {
	w.Record(Changed{WebhookID: w.s.ID, Change: c, Reason: w.s.DisabledReason, At: at})
}
