package leadmill

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	feedstore "github.com/leadmill/leadmill/adapters/sqlstore/feed"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/adapters/webhook"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/feed"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
	feedjob "github.com/leadmill/leadmill/application/feed/job"
	feedquery "github.com/leadmill/leadmill/application/feed/query"
	hook "github.com/leadmill/leadmill/domain/webhook"
	feedhttp "github.com/leadmill/leadmill/ports/http/feed"
)

// How webhooks are told of events: how many requests one gets at a time, how many all together, how often it is looked for what is due without being
// told of it while something happens and when nothing does, and for what is replayed. Events become deliveries in batches.
const (
	requestsPerWebhook = 8
	requestsInAll      = 256
	webhooksPoll       = 250 * time.Millisecond
	webhooksIdle       = 10 * time.Second
	replaysEvery       = 10 * time.Second
	webhooksEnd        = 30 * time.Second // it begins again a second later
	webhookEvents      = 64               // at the same time
	webhookReaction    = "webhooks"
)

// webhookSigner signs as Standard Webhooks says.
type webhookSigner struct{ deliverySigner }

// CheckSecret implements feed.Signer.
func (webhookSigner) CheckSecret(secret string) error { return webhook.CheckSecret(secret) }

// sellerLog reads the events of one seller.
type sellerLog struct{ reader *eventlog.Reader }

// SellerEvents implements feed.Log.
func (l sellerLog) SellerEvents(ctx context.Context, sellerID string, types []string, after int64, limit int) ([]application.StoredEvent, int64, error) {
	return l.reader.Page(ctx, after, limit, eventlog.Filter{SellerID: sellerID, Types: types})
}

func newFeedDeps(s *sqlstore.Store, clock application.Clock, ids application.IDs, inFlight *application.InFlight) feed.Deps {
	work := sqlstore.Work(s, func(t *sqlstore.Tx) feed.Tx { return t })
	return feed.Deps{Work: work, Clock: clock, IDs: ids, InFlight: inFlight}
}

func newFeedReader(_ migrated, db *dialect.DB) *feedstore.Reader { return feedstore.NewReader(db) }

func newWebhookPoster(outbound application.Outbound, sealer application.Sealer, clock application.Clock) feed.Poster {
	return feed.Poster{Outbound: outbound, Sealer: sealer, Signer: webhookSigner{}, Clock: clock}
}

func newWebhookBodies(at *publicAddress) feed.Bodies { return feed.Bodies{Base: at.base} }

// allEvents has a reaction told of all public events.
func allEvents(r *application.Reaction) { r.All = true }

// newWebhookEvents makes deliveries of many events at a time.
func newWebhookEvents(d feed.Deps, bodies feed.Bodies, r *feedstore.Reader) *bus.Batcher[application.StoredEvent, struct{}] {
	return bus.NewBatcher(bus.BatcherConfig{MaxBatch: webhookEvents, Lanes: 1, Queue: laneQueue, Timeout: batchTimeout},
		bus.BatchHandler[application.StoredEvent, struct{}](feedcommand.DeliverEventsHandler{
			Deps: d, Bodies: bodies, Reader: r, Backlogs: feedcommand.NewWebhookBacklogs(hook.MostPending),
		}), func(application.StoredEvent) string { return "" })
}

// tellWebhooks makes deliveries of events that webhooks listen to.
type tellWebhooks struct {
	events *bus.Batcher[application.StoredEvent, struct{}]
	reader feed.Reader
	logger *slog.Logger
	told   *sync.Map // webhooks of which the log says already that they cannot be read
}

func newTellWebhooks(events *bus.Batcher[application.StoredEvent, struct{}], r *feedstore.Reader, logger *slog.Logger) application.Reactor {
	return tellWebhooks{events, r, logger, &sync.Map{}}
}

// React implements application.Reactor.
func (t tellWebhooks) React(ctx context.Context, e application.StoredEvent) error {
	_, err := t.events.Handle(ctx, e)
	return err
}

// Choose implements application.Chooser. A webhook that is made or enabled later is not told of these events, or they are made up for it.
// One that cannot be read is told of nothing, which the log says once.
func (t tellWebhooks) Choose(ctx context.Context, events []application.StoredEvent) ([]application.StoredEvent, error) {
	listeners, unreadable, err := t.reader.Listening(ctx, feed.SellersOf(events))
	if err != nil {
		return nil, err
	}
	for _, ref := range unreadable {
		if _, said := t.told.LoadOrStore(ref, true); !said {
			t.logger.ErrorContext(ctx, "a webhook is told of nothing: the events that it listens to cannot be read", slog.String("webhook_id", ref.ID))
		}
	}
	return feed.Heard(listeners, events), nil
}

// forgetsWebhooks deletes what is left of deleted webhooks.
type forgetsWebhooks struct {
	bus.Handler[feedcommand.ForgetDeletedWebhooks, feedcommand.DeletedWebhooksForgotten]
}

func newForgetWebhooks(o *application.Operations, d feed.Deps, r *feedstore.Reader) forgetsWebhooks {
	return forgetsWebhooks{application.Command(o, feedcommand.ForgetDeletedWebhooksHandler{Deps: d, Reader: r})}
}

func newSendWebhooks(o *application.Operations, d feed.Deps, r *feedstore.Reader, l *eventLog, store *sqlstore.Store, poster feed.Poster, bodies feed.Bodies,
	registry *prometheus.Registry, logger *slog.Logger,
) (func(context.Context) error, error) {
	metrics, err := telemetry.NewWebhooks(registry)
	if err != nil {
		return nil, err
	}
	due := eventlog.NewSignal()
	store.OnWebhooks(due.Notify)
	sender := &feedjob.Sender{
		Reader: r, Record: application.Command(o, feedcommand.RecordWebhookAttemptsHandler{Deps: d}),
		Replay: application.Command(o, &feedcommand.RunWebhookReplaysHandler{Deps: d, Reader: r, Log: sellerLog{l.reader}, Bodies: bodies, Logger: logger}),
		Poster: poster, Clock: d.Clock, Due: due, Log: l.head.Moved(), Observer: metrics, Logger: logger,
		Shake:       func() int64 { return rand.Int64N(feedjob.MostShake + 1) }, //nolint:gosec // jitter is no secret
		PerEndpoint: requestsPerWebhook, InAll: requestsInAll, Poll: webhooksPoll, Idle: webhooksIdle, Replays: replaysEvery, End: webhooksEnd,
	}
	return func(ctx context.Context) error {
		defer metrics.Waiting(0, 0)
		return sender.Run(ctx)
	}, nil
}

func newWebhookHandlers(o *application.Operations, d feed.Deps, r *feedstore.Reader, c *eventsv1.Catalogue, poster feed.Poster, bodies feed.Bodies, random application.Secrets) feedhttp.WebhookHandlers {
	secrets := feedcommand.Secrets{Outbound: poster.Outbound, Sealer: poster.Sealer, Signer: poster.Signer, Random: random, Catalogue: c}
	return feedhttp.WebhookHandlers{
		CreateWebhook:          application.Command(o, feedcommand.CreateWebhookHandler{Deps: d, Secrets: secrets}),
		UpdateWebhook:          application.Command(o, feedcommand.UpdateWebhookHandler{Deps: d, Secrets: secrets}),
		DeleteWebhook:          application.Command(o, feedcommand.DeleteWebhookHandler{Deps: d}),
		EnableWebhook:          application.Command(o, feedcommand.EnableWebhookHandler{Deps: d, Sealer: poster.Sealer}),
		RotateWebhookSecret:    application.Command(o, feedcommand.RotateWebhookSecretHandler{Deps: d, Secrets: secrets}),
		ReplayWebhook:          application.Command(o, feedcommand.ReplayWebhookHandler{Deps: d, Catalogue: c}),
		TestWebhook:            application.Command(o, &feedcommand.TestWebhookHandler{Reader: r, Poster: poster, Bodies: bodies, Clock: d.Clock, IDs: d.IDs}),
		Webhooks:               application.Query(o, feedquery.WebhooksHandler{Read: r.Webhooks, Sealer: poster.Sealer}.Handle),
		WebhookByID:            application.Query(o, feedquery.WebhookByIDHandler{Reader: r, Sealer: poster.Sealer}.Handle),
		WebhookDeliveries:      application.Query(o, r.WebhookDeliveries),
		WebhookDeliveryByEvent: application.Query(o, r.WebhookDeliveryByEvent),
	}
}
