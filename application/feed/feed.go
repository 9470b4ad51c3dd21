// Package feed is the room of the events that integrators get: the log that they read, and webhooks, which are told. It says what the room's commands
// need of a transaction and from outside, and how its events are stored in the log.
//
// Stability: experimental.
package feed

import (
	"context"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/attempt"
	"github.com/leadmill/leadmill/domain/webhook"
)

// Tx is what the commands of this room see of a transaction.
type Tx interface {
	application.OnceTx

	Webhooks() WebhookRepository
	WebhookDeliveries() DeliveryRepository
	WebhookReplays() ReplayRepository
}

// UnitOfWork runs closures in transactions of this room.
type UnitOfWork = application.UnitOfWork[Tx]

// Deps is what the command handlers of this room need.
type Deps = application.Deps[Tx]

// SealWebhookSecret is what the secrets of webhooks are sealed for. The id is the webhook's.
const SealWebhookSecret = "webhook_secret"

// Signer signs requests as Standard Webhooks says.
type Signer interface {
	// NewSecret makes a secret that the receiver is given.
	NewSecret() string
	// CheckSecret reports what is wrong with a secret that somebody else made, without repeating it.
	CheckSecret(secret string) error
	// Sign returns the headers of a request with a body that is sent at a time. secrets are one secret, or several with spaces between them, of
	// which each signs it.
	Sign(secrets, id string, at time.Time, body []byte) map[string][]string
}

// WebhookRepository stores webhooks. They are locked before their deliveries.
type WebhookRepository interface {
	// Add stores a new webhook: webhook.ErrKeyTaken.
	Add(ctx context.Context, w *webhook.Webhook) error
	// Count returns how many webhooks a seller has.
	Count(ctx context.Context, sellerID string) (int64, error)
	// Lock loads a webhook by its id or key and locks it: webhook.ErrNotFound, also for one that was deleted.
	Lock(ctx context.Context, sellerID, handle string) (*webhook.Webhook, error)
	// LockAll loads and locks webhooks by id. Unknown ones are left out, those that were deleted are not.
	LockAll(ctx context.Context, refs []application.Ref) (map[string]*webhook.Webhook, error)
	// Save stores a locked webhook.
	Save(ctx context.Context, w *webhook.Webhook) error
	// Listening returns the active webhooks of sellers, and beside them those that cannot be read.
	Listening(ctx context.Context, sellerIDs []string) (all []Listener, unreadable []application.Ref, err error)
}

// Listener is an active webhook, and the code of its seller.
type Listener struct {
	SellerID, SellerCode, ID, Key, URL string
	Format                             webhook.Format
	Events                             []string
}

// SellersOf returns the sellers that events are of, each once.
func SellersOf(events []application.StoredEvent) []string {
	sellers := make([]string, len(events))
	for i := range events {
		sellers[i] = events[i].SellerID
	}
	slices.Sort(sellers)
	return slices.Compact(sellers)
}

// Heard returns the events that any listener listens to, in their order.
func Heard(listeners []Listener, events []application.StoredEvent) []application.StoredEvent {
	if len(listeners) == 0 {
		return nil
	}
	type heard struct{ sellerID, typ string }
	some := map[heard]bool{}
	for _, l := range listeners {
		for _, typ := range l.Events {
			some[heard{l.SellerID, typ}] = true
		}
	}
	var out []application.StoredEvent
	for i := range events {
		if some[heard{events[i].SellerID, events[i].Type}] {
			out = append(out, events[i])
		}
	}
	return out
}

// DeliveryRef names the delivery of an event to a webhook.
type DeliveryRef struct{ SellerID, WebhookID, EventID string }

// NewDelivery is a delivery that is to be made, with the body that is sent.
type NewDelivery struct {
	webhook.Delivery

	Body []byte
}

// Attempt is an attempt as it is kept. Answer holds nothing secret as far as that is known. Status is 0 without an answer; Reason is empty when it
// succeeded.
type Attempt struct {
	DeliveryRef

	Number int64
	At     time.Time
	Took   time.Duration
	Status int
	Reason attempt.Reason
	Answer []byte
}

// DeliveryRepository stores deliveries to webhooks.
type DeliveryRepository interface {
	// Add stores deliveries that are not there yet, due at once, and returns how many these were.
	Add(ctx context.Context, all []NewDelivery) (added int, err error)
	// LockAll loads and locks deliveries. Unknown ones are left out.
	LockAll(ctx context.Context, refs []DeliveryRef) (map[DeliveryRef]*webhook.Delivery, error)
	// SaveAll stores locked deliveries and when they are due.
	SaveAll(ctx context.Context, all []*webhook.Delivery) error
	// AddAttempts keeps attempts.
	AddAttempts(ctx context.Context, all []Attempt) error
	// Forget deletes up to limit deliveries of a webhook with their attempts, and returns how many it deleted.
	Forget(ctx context.Context, sellerID, webhookID string, limit int) (int, error)
}

// Replay is that a webhook is told again of events that are in the log: those of Types that happened from From to before Until, or only EventID. With
// Missing only of those that it was not told of. Position is how far the log was read; 0 before that began.
type Replay struct {
	SellerID, WebhookID, ID string
	Types                   []string
	EventID                 string
	From, Until             time.Time
	Missing                 bool
	Position                int64
	CreatedAt               time.Time
	// Unreadable says why what is stored of it cannot be read; nil when it can.
	Unreadable error
}

// ReplayRepository stores what is replayed.
type ReplayRepository interface {
	// Add stores a new replay.
	Add(ctx context.Context, r Replay) error
	// Count returns how many replays a webhook waits for.
	Count(ctx context.Context, sellerID, webhookID string) (int64, error)
	// Save stores how far a replay came, and reports whether it is still there.
	Save(ctx context.Context, r Replay) (bool, error)
	// Delete ends the replays of a webhook; one of them with an id.
	Delete(ctx context.Context, sellerID, webhookID, id string) error
}

// DueDelivery is a delivery that is due since NextAt, with what is sent.
type DueDelivery struct {
	EventID, Type   string
	Tries, Attempts int64
	NextAt          time.Time
	Body            []byte
}

// WantedDeliveries is how many deliveries of a webhook are wanted at most.
type WantedDeliveries struct {
	application.Ref

	Most int
}

// DueOfWebhook is what is due of an active webhook. Err says why the webhook cannot be read; nil when it can.
type DueOfWebhook struct {
	Webhook webhook.Snapshot
	Due     []DueDelivery
	Err     error
}

// Reader reads webhooks outside of a transaction.
type Reader interface {
	// Listening returns the active webhooks of sellers, and beside them those that cannot be read.
	Listening(ctx context.Context, sellerIDs []string) (all []Listener, unreadable []application.Ref, err error)
	// DueWebhooks returns the active webhooks of all sellers of which a delivery is due at a time, the longest due first.
	DueWebhooks(ctx context.Context, now time.Time) ([]application.Ref, error)
	// DueWebhookDeliveries returns what is due at a time of each of some webhooks, as much as is wanted of it, the longest due first. One that is not
	// active is left out. The error is about all of them, as when the database is away.
	DueWebhookDeliveries(ctx context.Context, wanted []WantedDeliveries, now time.Time) (map[application.Ref]DueOfWebhook, error)
	// WaitingWebhookDeliveries returns how many deliveries to active webhooks are pending, counted up to limit, and since when the oldest is due; zero
	// when none is.
	WaitingWebhookDeliveries(ctx context.Context, limit int64) (n int64, oldest time.Time, err error)
	// WebhookOf returns a webhook with its sealed secrets by its id or key: webhook.ErrNotFound.
	WebhookOf(ctx context.Context, sellerID, handle string) (webhook.Snapshot, error)
	// NextWebhookReplays returns up to limit replays of active webhooks of all sellers, the oldest first, from behind one of them on; the zero Replay is
	// before all.
	NextWebhookReplays(ctx context.Context, behind Replay, limit int) ([]Replay, error)
	// PendingOf returns how many deliveries of a webhook are pending, counted up to limit.
	PendingOf(ctx context.Context, ref application.Ref, limit int) (int, error)
	// DeletedWebhooks returns up to limit webhooks that were deleted and have deliveries.
	DeletedWebhooks(ctx context.Context, limit int) ([]application.Ref, error)
	// ListenerOf returns a webhook that is not deleted as who makes its deliveries needs it, whether it is active or not: webhook.ErrNotFound.
	ListenerOf(ctx context.Context, ref application.Ref) (Listener, error)
	// PositionBefore returns a position of a seller's events below which nothing happened at a time or later, but for a few minutes.
	PositionBefore(ctx context.Context, sellerID string, at time.Time) (int64, error)
}

// Log reads the log of events.
type Log interface {
	// SellerEvents returns up to limit events of some types of a seller behind a position, and the last position that it looked at: the same when there
	// is no more.
	SellerEvents(ctx context.Context, sellerID string, types []string, after int64, limit int) (events []application.StoredEvent, next int64, err error)
}
