package telemetry

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// Market counts what becomes of leads. Test leads are not counted, because they have no events.
type Market struct {
	received                                                map[lead.Origin]prometheus.Counter
	sold, pending, unsold, duplicate, rejected, quarantined prometheus.Counter
	sales, soldFor, paidOut                                 *prometheus.CounterVec
	currencies                                              sync.Map // code of a currency: *ofCurrency
}

// ofCurrency are the counters of one currency, looked up once.
type ofCurrency struct{ sales, soldFor, paidOut prometheus.Counter }

// micros is how many micro-units make one unit of a currency.
const micros = 1e6

// NewMarket registers leadmill_leads_received_total, leadmill_leads_total, leadmill_sales_total, leadmill_sales_amount_total and
// leadmill_payouts_amount_total. It fails when the registry has a metric of such a name.
func NewMarket(registry prometheus.Registerer) (*Market, error) {
	received := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadmill_leads_received_total", Help: "Leads that were stored by this instance, by origin.",
	}, []string{"origin"})
	leads := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "leadmill_leads_total", Help: "What became of leads in this instance: one that was pending and then sold counts as both.",
	}, []string{"outcome"})
	m := &Market{
		received: map[lead.Origin]prometheus.Counter{},
		sold:     leads.WithLabelValues("sold"), pending: leads.WithLabelValues("pending"), unsold: leads.WithLabelValues("unsold"),
		duplicate: leads.WithLabelValues("duplicate"), rejected: leads.WithLabelValues("rejected"), quarantined: leads.WithLabelValues("quarantined"),
		sales: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_sales_total", Help: "Sales of leads by this instance, by currency.",
		}, []string{"currency"}),
		soldFor: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_sales_amount_total", Help: "What buyers were charged for leads by this instance, in units of the currency.",
		}, []string{"currency"}),
		paidOut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_payouts_amount_total", Help: "What suppliers are owed for leads sold by this instance, in units of the currency.",
		}, []string{"currency"}),
	}
	for _, origin := range []lead.Origin{lead.OriginSupplier, lead.OriginForm} {
		m.received[origin] = received.WithLabelValues(string(origin))
	}
	return m, errors.Join(registry.Register(received), registry.Register(leads), registry.Register(m.sales), registry.Register(m.soldFor), registry.Register(m.paidOut))
}

// Happened counts an event that was committed.
func (m *Market) Happened(e event.Event) {
	switch e := e.(type) {
	case lead.Submitted:
		if c := m.received[e.Origin]; c != nil {
			c.Inc()
		}
	case lead.Sold:
		m.sold.Inc()
		for i := range e.Sales {
			c := m.of(e.Sales[i].Currency)
			c.sales.Inc()
			c.soldFor.Add(units(e.Sales[i].Price))
			if i == 0 {
				c.paidOut.Add(units(e.Payout))
			}
		}
	case lead.Pending:
		m.pending.Inc()
	case lead.Unsold:
		m.unsold.Inc()
	case lead.Quarantined:
		m.quarantined.Inc()
	case lead.Duplicate:
		m.duplicate.Inc()
	case lead.Rejected, lead.ReviewRejected:
		m.rejected.Inc()
	}
}

// units is an amount in units of its currency; a counter takes no negative one, which no sale has.
func units(amount money.Micros) float64 { return float64(max(amount, 0)) / micros }

func (m *Market) of(currency string) *ofCurrency {
	if found, ok := m.currencies.Load(currency); ok {
		return found.(*ofCurrency) //nolint:forcetypeassert // nothing else is stored
	}
	made, _ := m.currencies.LoadOrStore(currency, &ofCurrency{
		m.sales.WithLabelValues(currency), m.soldFor.WithLabelValues(currency), m.paidOut.WithLabelValues(currency),
	})
	return made.(*ofCurrency) //nolint:forcetypeassert // nothing else is stored
}
