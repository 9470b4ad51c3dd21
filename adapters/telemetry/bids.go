package telemetry

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bids counts pings of suppliers and what buyers bid for them. No metric names a seller, a buyer or a contract.
type Bids struct {
	bids     *prometheus.CounterVec
	took     prometheus.Histogram
	pings    *prometheus.CounterVec
	answered prometheus.Histogram
}

// NewBids registers leadmill_bids_total, leadmill_bid_duration_seconds, leadmill_pings_total and leadmill_ping_duration_seconds. It fails when the registry
// has a metric of such a name.
func NewBids(registry prometheus.Registerer) (*Bids, error) {
	b := &Bids{
		bids: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_bids_total", Help: "Buyers that were to bid for a ping, by outcome: bid, no_bid, why there was no answer, or busy and skipped for those that were not asked.",
		}, []string{"outcome"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadmill_bid_duration_seconds", Help: "How long buyers took that were asked to bid.", Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10},
		}),
		pings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_pings_total", Help: "Pings that were decided, by outcome: quoted, or no_match.",
		}, []string{"outcome"}),
		answered: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "leadmill_ping_duration_seconds", Help: "How long it took to decide pings, with the buyers that were asked to bid.", Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10},
		}),
	}
	return b, errors.Join(registry.Register(b.bids), registry.Register(b.took), registry.Register(b.pings), registry.Register(b.answered))
}

// Bid counts a buyer that was to bid. One that was not asked took no time.
func (b *Bids) Bid(outcome string, took time.Duration) {
	b.bids.WithLabelValues(outcome).Inc()
	if took > 0 {
		b.took.Observe(took.Seconds())
	}
}

// Pinged counts a ping.
func (b *Bids) Pinged(quoted bool, took time.Duration) {
	outcome := "no_match"
	if quoted {
		outcome = "quoted"
	}
	b.pings.WithLabelValues(outcome).Inc()
	b.answered.Observe(took.Seconds())
}
