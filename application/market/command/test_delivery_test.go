package command_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/campaign"
)

// slow is all that a TestDeliveryHandler has to do with; its receiver answers after a minute.
type slow struct{ market.DeliveryReader }

func (slow) ContractDelivery(context.Context, string, string, string) (*campaign.Delivery, campaign.ContractSnapshot, string, error) {
	return &campaign.Delivery{URL: "u", Format: campaign.DeliveryJSON}, campaign.ContractSnapshot{}, "", nil
}

func (slow) Send(ctx context.Context, _ application.OutboundRequest) (application.OutboundAnswer, error) {
	select {
	case <-time.After(time.Minute):
		return application.OutboundAnswer{Status: 200}, nil
	case <-ctx.Done():
		return application.OutboundAnswer{}, application.ErrOutboundFailed.Because(ctx.Err())
	}
}

func (slow) Check(string) error                                         { return nil }
func (slow) Seal([]byte, string, string) ([]byte, error)                { return nil, nil }
func (slow) Open([]byte, string, string) ([]byte, error)                { return nil, nil }
func (slow) NewSecret() string                                          { return "" }
func (slow) Sign(string, string, time.Time, []byte) map[string][]string { return nil }
func (slow) Now() time.Time                                             { return time.Now() }
func (slow) Elapsed() time.Duration                                     { return time.Since(time.Unix(0, 0)) }
func (slow) New(prefix string) string                                   { return prefix + "_1" }

// Tests hold requests of the API for as long as receivers like: two of a seller at most, and eight in all.
func TestDeliveriesAreTestedBySharesToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := slow{}
		h := &marketcommand.TestDeliveryHandler{Reader: w, Poster: market.Poster{Outbound: w, Sealer: w, Signer: w, Clock: w}, Clock: w, IDs: w}
		test := func(ctx context.Context, seller int) error {
			c := marketcommand.TestDelivery{Actor: application.Actor{SellerID: fmt.Sprint("seller_", seller)}, CampaignID: "campaign_1", ID: "contract_1"}
			done, err := h.Handle(ctx, c)
			if err == nil {
				require.Equal(t, time.Minute, done.Took)
				require.Equal(t, 200, done.Status)
			}
			return err
		}
		for range 2 {
			var ended atomic.Int64
			begin := func(seller int) {
				go func() {
					if test(t.Context(), seller) == nil {
						ended.Add(1)
					}
				}()
				synctest.Wait()
			}
			begin(1)
			begin(1)
			require.ErrorIs(t, test(t.Context(), 1), application.ErrOutboundBusy)
			for seller := 2; seller <= 4; seller++ {
				begin(seller)
				begin(seller)
			}
			require.ErrorIs(t, test(t.Context(), 5), application.ErrOutboundBusy)
			time.Sleep(time.Minute)
			synctest.Wait()
			require.EqualValues(t, 8, ended.Load(), "and then there is room again")
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(application.ErrInvalidKey) })
		require.ErrorIs(t, test(ctx, 1), application.ErrInvalidKey, "that is no answer of the receiver")
	})
}
