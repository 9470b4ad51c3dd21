package telemetry

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
)

// Batches measures the transactions that leads share, and what waits for them.
type Batches struct {
	clock    application.Clock
	size     prometheus.Histogram
	duration prometheus.Histogram
}

// NewBatches registers leadmill_batch_leads and leadmill_batch_duration_seconds. It fails when the registry has a metric of such a name.
func NewBatches(registry prometheus.Registerer, clock application.Clock) (*Batches, error) {
	b := &Batches{
		clock: clock,
		size: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadmill_batch_leads", Help: "How many leads shared a transaction.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2000},
		}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadmill_batch_duration_seconds", Help: "How long a transaction of leads took, its repetitions included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}),
	}
	return b, errors.Join(registry.Register(b.size), registry.Register(b.duration))
}

// Begin is called when a transaction of some leads begins, and what it returns when that ended.
func (b *Batches) Begin(leads int) (ended func()) {
	start := application.Elapsed(b.clock)
	return func() {
		b.size.Observe(float64(leads))
		b.duration.Observe((application.Elapsed(b.clock) - start).Seconds())
	}
}

// MeasureBatches returns a handler that does what next does and is measured.
func MeasureBatches[C, R any](b *Batches, next bus.BatchHandler[C, R]) bus.BatchHandler[C, R] {
	return measured[C, R]{b, next}
}

type measured[C, R any] struct {
	batches *Batches
	next    bus.BatchHandler[C, R]
}

// HandleBatch implements bus.BatchHandler.
func (m measured[C, R]) HandleBatch(ctx context.Context, batch []C) []bus.Outcome[R] {
	ended := m.batches.Begin(len(batch))
	defer ended()
	return m.next.HandleBatch(ctx, batch)
}

// WatchQueue registers leadmill_queue_leads and leadmill_queue_capacity_leads: how many leads wait for a transaction, and how many may in one
// lane before the next are refused. It fails when the registry has a metric of such a name.
func WatchQueue(registry prometheus.Registerer, longest func() int, capacity int) error {
	return errors.Join(
		registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "leadmill_queue_leads", Help: "Leads that wait for a transaction, in the longest lane.",
		}, func() float64 { return float64(longest()) })),
		registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "leadmill_queue_capacity_leads", Help: "How many leads may wait in a lane; the next are refused.",
		}, func() float64 { return float64(capacity) })),
	)
}
