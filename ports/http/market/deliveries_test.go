package markethttp

import (
	"context"
	"testing"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/tests/porttest"
)

// A receiver may take 30 s to answer, which is longer than other requests may take.
func TestATestDeliveryHasTheTimeOfItsReceiver(t *testing.T) {
	t.Parallel()
	const path = "/v1/campaigns/campaign_1/contracts/contract_1/test-delivery"
	var left time.Duration
	var fails error
	a := newAppWith(t, func(_ *porttest.App, h *Handlers) {
		h.TestDelivery = bus.HandlerFunc[marketcommand.TestDelivery, marketquery.DeliveryAttempt](func(ctx context.Context, _ marketcommand.TestDelivery) (marketquery.DeliveryAttempt, error) {
			if end, ok := ctx.Deadline(); ok {
				left = time.Until(end)
			}
			return sampleDelivery.Attempts[0], fails
		})
	})
	if w := a.Do(porttest.Request{Method: "POST", Path: path, Key: "program"}); w.Code != 200 || left < 31*time.Second || left > time.Minute {
		t.Errorf("%d %s, within %s", w.Code, w.Body, left)
	}
	fails = application.ErrOutboundBusy
	if w := a.Do(porttest.Request{Method: "POST", Path: path, Key: "program"}); w.Code != 503 || porttest.CodeIn(t, w) != "outbound_busy" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
