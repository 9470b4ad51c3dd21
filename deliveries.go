package leadmill

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/adapters/webhook"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketjob "github.com/leadmill/leadmill/application/market/job"
	"github.com/leadmill/leadmill/domain/delivery"
)

// How buyers are told of leads: how many requests a contract gets at a time, how many all together, how often it is looked for what is due without
// being told of it, and when the work ends in which nothing was due; it begins again a second later.
const (
	deliveriesPerContract = 8
	deliveriesInAll       = 256
	deliveriesPoll        = time.Second
	deliveriesIdle        = 30 * time.Second
)

// deliverySigner signs as Standard Webhooks says.
type deliverySigner struct{}

// NewSecret implements market.DeliverySigner.
func (deliverySigner) NewSecret() string { return webhook.NewSecret() }

// Sign implements market.DeliverySigner.
func (deliverySigner) Sign(secrets, id string, at time.Time, body []byte) map[string][]string {
	return webhook.Sign(secrets, id, at, body)
}

func newPoster(outbound application.Outbound, mailer application.Mailer, sealer application.Sealer, clock application.Clock) market.Poster {
	return market.Poster{Outbound: outbound, Mailer: mailer, Sealer: sealer, Signer: deliverySigner{}, Clock: clock}
}

func newDeliver(o *application.Operations, d market.Deps, r *marketstore.Reader, store *sqlstore.Store, poster market.Poster, registry *prometheus.Registry,
	logger *slog.Logger,
) (func(context.Context) error, error) {
	metrics, err := telemetry.NewDeliveries(registry)
	if err != nil {
		return nil, err
	}
	due := eventlog.NewSignal()
	store.OnDeliveries(due.Notify)
	sender := &marketjob.Sender{
		Reader: r, Record: application.Command(o, marketcommand.RecordDeliveriesHandler{Deps: d}), Poster: poster, Clock: d.Clock, Due: due, Observer: metrics,
		Logger: logger, Shake: func() int64 { return rand.Int64N(delivery.MostShake + 1) }, //nolint:gosec // jitter is no secret
		PerEndpoint: deliveriesPerContract, InAll: deliveriesInAll, Poll: deliveriesPoll, Idle: deliveriesIdle,
	}
	return func(ctx context.Context) error {
		defer metrics.Waiting(0, 0)
		return sender.Run(ctx)
	}, nil
}
