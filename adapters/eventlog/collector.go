package eventlog

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/application"
)

// scrapePatience is how long a scrape waits for the database.
const scrapePatience = 2 * time.Second

var (
	lagDesc = prometheus.NewDesc("leadmill_consumer_lag_events",
		"Events between a consumer's position and the head of the log.", []string{"consumer"}, nil)
	parkedDesc = prometheus.NewDesc("leadmill_consumer_parked_events",
		"Events that a consumer could not handle, with those that wait behind them.", []string{"consumer"}, nil)
	oldestDesc = prometheus.NewDesc("leadmill_consumer_oldest_waiting_seconds",
		"How long the first event behind a consumer's position has been in the log; 0 when there is none.", []string{"consumer"}, nil)
)

// collector is the state of all consumers as metrics.
type collector struct {
	consumers *Consumers
	clock     application.Clock
}

// NewCollector returns the metrics leadmill_consumer_lag_events, leadmill_consumer_parked_events and
// leadmill_consumer_oldest_waiting_seconds, which are read from the database at each scrape. While the database does not answer within 2
// seconds, they are absent.
func NewCollector(c *Consumers, clock application.Clock) prometheus.Collector {
	return collector{c, clock}
}

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	out <- lagDesc
	out <- parkedDesc
	out <- oldestDesc
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	list, err := c.consumers.Status(ctx)
	if err != nil {
		return // an error here would take all other metrics of the scrape away
	}
	for _, s := range list {
		out <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(s.Lag), s.Consumer)
		out <- prometheus.MustNewConstMetric(parkedDesc, prometheus.GaugeValue, float64(s.Parked), s.Consumer)
		waits := 0.0
		if !s.Oldest.IsZero() {
			waits = max(c.clock.Now().Sub(s.Oldest).Seconds(), 0)
		}
		out <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, waits, s.Consumer)
	}
}
