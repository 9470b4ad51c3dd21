package telemetry

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/application"
)

// Mails counts mails by what became of them.
type Mails struct {
	sent    *prometheus.CounterVec
	givenUp prometheus.Counter
}

// NewMails registers leadmill_mails_total and leadmill_mails_given_up_total. It fails when the registry has a metric of such a name.
func NewMails(registry prometheus.Registerer) (*Mails, error) {
	m := &Mails{
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_mails_total", Help: "Attempts to send a mail, by outcome: ok or the error's code.",
		}, []string{"outcome"}),
		givenUp: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "leadmill_mails_given_up_total", Help: "Mails that are not tried again: somebody has to invite the partner anew.",
		}),
	}
	return m, errors.Join(registry.Register(m.sent), registry.Register(m.givenUp))
}

// Watch returns a mailer that does what next does and is counted.
func (m *Mails) Watch(next application.Mailer) application.Mailer { return countedMailer{next, m} }

// GivenUp counts mails that are not tried again.
func (m *Mails) GivenUp(n int) { m.givenUp.Add(float64(n)) }

type countedMailer struct {
	next  application.Mailer
	mails *Mails
}

// Send implements application.Mailer.
func (c countedMailer) Send(ctx context.Context, m application.Mail) error {
	err := c.next.Send(ctx, m)
	c.mails.sent.WithLabelValues(outcome(err)).Inc()
	return err
}
