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
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketjob "github.com/leadmill/leadmill/application/market/job"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/distribution"
	markethttp "github.com/leadmill/leadmill/ports/http/market"
)

// How buyers are told of leads: how many requests a contract gets at a time, how many all together, the same of buyers that are asked to confirm,
// for which somebody waits, how often it is looked for what is due without
// being told of it, and when the work ends in which nothing was due; it begins again a second later.
const (
	deliveriesPerContract = 8
	deliveriesInAll       = 256
	asksPerContract       = 128
	asksInAll             = 2048
	deliveriesPoll        = 250 * time.Millisecond // somebody may wait whose lead another instance took
	deliveriesQuiet       = 10 * time.Second
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

func newBidding(outbound application.Outbound, sealer application.Sealer, clock application.Clock, registry *prometheus.Registry, logger *slog.Logger) (*market.Bidding, error) {
	metrics, err := telemetry.NewBids(registry)
	return &market.Bidding{Outbound: outbound, Sealer: sealer, Signer: deliverySigner{}, Clock: clock, Observer: metrics, Logger: logger}, err
}

// settlesReservations settles what buyers answer that are asked to confirm, and tells those of it who wait in this process.
type settlesReservations bus.Handler[marketcommand.SettleReservations, marketcommand.ReservationsSettled]

func newSettleReservations(o *application.Operations, d market.Deps, r *marketstore.Reader, strategies distribution.Strategies, plans *marketcommand.Plans,
	facts application.FactProviders, answers *marketcommand.AwaitAnswerHandler, logger *slog.Logger,
) settlesReservations {
	return answers.Settled(application.Command(o, marketcommand.SettleReservationsHandler{
		Deps: d, Reader: r, Strategies: strategies, Plans: plans, Facts: facts, Render: markethttp.LeadAnswer(), Logger: logger,
	}))
}

func newAwaitAnswer(o *application.Operations, d market.Deps, r *marketstore.Reader) *marketcommand.AwaitAnswerHandler {
	return marketcommand.NewAwaitAnswerHandler(r, application.Command(o, marketcommand.AnswerSupplierHandler{Deps: d}), d.Clock)
}

func newDeliver(o *application.Operations, d market.Deps, r *marketstore.Reader, l *eventLog, store *sqlstore.Store, poster market.Poster, registry *prometheus.Registry,
	settle settlesReservations, logger *slog.Logger,
) (func(context.Context) error, error) {
	metrics, err := telemetry.NewDeliveries(registry)
	if err != nil {
		return nil, err
	}
	due := eventlog.NewSignal()
	store.OnDeliveries(due.Notify)
	sender := &marketjob.Sender{
		Reader: r, Overdue: r, Settle: settle, Record: application.Command(o, marketcommand.RecordDeliveriesHandler{Deps: d}), Poster: poster, Clock: d.Clock, Due: due, Log: l.head.Moved(), Observer: metrics,
		Logger: logger, Shake: func() int64 { return rand.Int64N(delivery.MostShake + 1) }, //nolint:gosec // jitter is no secret
		PerEndpoint: deliveriesPerContract, InAll: deliveriesInAll, AskPerEndpoint: asksPerContract, AskInAll: asksInAll, Poll: deliveriesPoll, Quiet: deliveriesQuiet, Idle: deliveriesIdle,
	}
	return func(ctx context.Context) error {
		defer metrics.Waiting(0, 0)
		return sender.Run(ctx)
	}, nil
}
