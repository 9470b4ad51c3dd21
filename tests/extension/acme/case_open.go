package acme

import (
	"context"
	"errors"
	"net/http"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// errCaseOpen says that the lead has a case already.
var errCaseOpen = fault.New(fault.Conflict, "acme_case_open", "The lead has a case already.")

// OpenCase opens a case on a lead.
type OpenCase struct {
	application.Actor

	LeadID string
	Once   application.Once[*Case]
}

// Needs implements application.Message.
func (OpenCase) Needs() application.Scope { return application.Program }

// newOpenCase handles OpenCase: the row, the event and the stored answer are committed together.
func newOpenCase(d leadmill.Deps) bus.HandlerFunc[OpenCase, application.Done] {
	return func(ctx context.Context, c OpenCase) (application.Done, error) {
		id, now := d.IDs.New("case"), d.Clock.Now() // before the transaction, which may run again
		return application.DoOnce(ctx, d, c.Actor, c.Once, func(ctx context.Context, tx leadmill.Tx) (*Case, error) {
			made := openCase(id, c.SellerID, c.LeadID, now)
			_, err := tx.ExecContext(ctx, "INSERT INTO x_acme_cases (seller_id, id, lead_id, status, opened_at, version) VALUES (?, ?, ?, 'open', ?, ?)",
				made.sellerID, made.id, made.leadID, made.openedAt.UnixMicro(), made.Version())
			if _, taken := errors.AsType[*application.DuplicateError](err); taken {
				return nil, errCaseOpen
			}
			if err != nil {
				return nil, err
			}
			return made, tx.Record(made, application.Subject{Kind: "acme_case", ID: made.id, SellerID: made.sellerID})
		})
	}
}

type caseAnswer struct {
	ID       string             `json:"id"`
	LeadID   string             `json:"lead_id"`
	OpenedAt httpport.Timestamp `json:"opened_at"`
}

// newCaseRoute answers POST /v1/x/acme/cases.
func newCaseRoute(open bus.Handler[OpenCase, application.Done]) func(*httpport.Call) {
	return func(k *httpport.Call) {
		c := OpenCase{Actor: k.Actor()}
		b, ok := k.Bind(httpport.Required, func(b *httpport.Body) {
			if c.LeadID = b.Text("lead_id"); c.LeadID == "" {
				b.Violate("lead_id", fault.Required, "is required")
			}
		})
		if !ok {
			return
		}
		c.Once = httpport.Once(b, http.StatusCreated, func(c *Case) caseAnswer {
			return caseAnswer{c.id, c.leadID, httpport.Timestamp(c.openedAt)}
		})
		httpport.Do(b, open, c)
	}
}
