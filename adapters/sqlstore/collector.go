package sqlstore

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
)

const (
	// scrapePatience is how long a scrape waits for the database.
	scrapePatience = 2 * time.Second
	// sellersAtOnce is how many sellers one statement of a scrape asks about.
	sellersAtOnce = 500
)

var (
	pendingDesc = prometheus.NewDesc("leadmill_pending_leads", "Leads that wait for a buyer, in the whole database; test leads too.", nil, nil)
	waitingDesc = prometheus.NewDesc("leadmill_mails_waiting", "Mails in the queue, in the whole database; those that are tried again too.", nil, nil)
)

// collector counts rows of the database as metrics.
type collector struct{ db *dialect.DB }

// NewCollector returns the metrics leadmill_pending_leads and leadmill_mails_waiting, which are read from the database at each scrape. While
// the database does not answer within 2 seconds, they are absent.
func NewCollector(db *dialect.DB) prometheus.Collector { return collector{db} }

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	out <- pendingDesc
	out <- waitingDesc
}

// Collect implements prometheus.Collector. An error here would take all other metrics of the scrape away.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	if n, err := c.pending(ctx); err == nil {
		out <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(n))
	}
	var n int64
	if err := c.db.Reader.GetContext(ctx, &n, "SELECT COUNT(*) FROM outgoing_mails"); err == nil {
		out <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(n))
	}
}

// pending counts the pending leads of all sellers by their index.
func (c collector) pending(ctx context.Context) (total int64, err error) {
	for after := ""; ; {
		var sellers []string
		if err := c.db.Reader.SelectContext(ctx, &sellers, "SELECT id FROM sellers WHERE id > ? ORDER BY id LIMIT ?", after, int64(sellersAtOnce)); err != nil || len(sellers) == 0 {
			return total, err
		}
		after = sellers[len(sellers)-1]
		var n int64
		if err := c.db.Reader.GetContext(ctx, &n, "SELECT COUNT(*) FROM unsold_leads"+c.db.UseKey("unsold_leads_status")+
			" WHERE seller_id IN ("+engine.Marks(len(sellers))+") AND status = 'pending'", engine.Anys(sellers)...); err != nil {
			return total, err
		}
		total += n
	}
}
