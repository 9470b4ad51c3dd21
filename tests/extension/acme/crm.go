package acme

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// errCRMAway makes Leadmill try again until the CRM is back: errors of kind fault.Unavailable never count as attempts.
var errCRMAway = fault.New(fault.Unavailable, "acme_crm_away", "The CRM does not answer.")

// crm is a reaction: it tells Acme's CRM of every lead that waits for a buyer or is sold. Leadmill calls it at least once for each event, one after the
// other for one lead, and goes on where it was after a crash.
type crm struct {
	client *http.Client
	url    string
}

func newCRM(c *http.Client, s Settings) crm { return crm{c, s.CRM} }

// React implements application.Reactor. The event's id is the same at every attempt, so that the CRM takes it once.
func (r crm) React(ctx context.Context, e application.StoredEvent) error {
	if r.url == "" {
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(e.Payload))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", e.ID)
	request.Header.Set("Event-Type", e.Type)
	response, err := r.client.Do(request)
	if err != nil {
		return errCRMAway.Because(err)
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode < 300:
		return nil
	case response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests:
		return errCRMAway.Because(fmt.Errorf("it answered %d", response.StatusCode))
	default: // it will never take this one: after a few attempts the event is parked, see "leadmill events parked"
		return fmt.Errorf("the CRM answered %d", response.StatusCode)
	}
}
