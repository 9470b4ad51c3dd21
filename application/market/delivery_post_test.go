package market_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/field"
)

// outside is all that a Poster has to do with.
type outside struct {
	now      time.Time
	requests []application.OutboundRequest
	mails    []application.Mail
	secrets  []string // that signed
}

func (o *outside) poster() market.Poster {
	return market.Poster{Outbound: o, Mailer: mails{o}, Sealer: o, Signer: o, Clock: o}
}

func (o *outside) Now() time.Time         { return o.now }
func (o *outside) Elapsed() time.Duration { return 0 }
func (o *outside) Check(string) error     { return nil }
func (o *outside) Send(_ context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
	o.requests = append(o.requests, r)
	return application.OutboundAnswer{Status: 200}, nil
}
func (o *outside) Seal(plain []byte, _, _ string) ([]byte, error)  { return plain, nil }
func (o *outside) Open(sealed []byte, _, _ string) ([]byte, error) { return sealed, nil }
func (o *outside) NewSecret() string                               { return "" }
func (o *outside) Sign(secrets, _ string, _ time.Time, _ []byte) map[string][]string {
	o.secrets = append(o.secrets, secrets)
	return nil
}

type mails struct{ *outside }

func (m mails) Send(_ context.Context, mail application.Mail) error {
	m.mails = append(m.mails, mail)
	return nil
}

// What would be too large is not sent, and not tried again.
func TestWhatIsTooLargeIsNotSent(t *testing.T) {
	t.Parallel()
	const most = 512 << 10
	for name, d := range map[string]campaign.Delivery{
		"json": {URL: "u", Format: campaign.DeliveryJSON}, "form": {URL: "u", Format: campaign.DeliveryForm}, "xml": {URL: "u", Format: campaign.DeliveryXML}, "mail": {Email: "e"},
	} {
		d.Fields = map[string]string{"text": "lead.fields.text"}
		size := func(c market.DeliveryContent) int {
			if _, body := c.Body(&d); d.Email == "" {
				return len(body)
			}
			return len(c.Text(&d))
		}
		o := &outside{}
		open, err := o.poster().Open(application.Ref{SellerID: "seller_1", ID: "contract_1"}, &d)
		require.NoError(t, err)
		c := market.DeliveryContent{Currency: "USD", Fields: field.Set{"text": field.TextValue("")}}
		c.Fields["text"] = field.TextValue(strings.Repeat("a", most-size(c)))
		require.Equal(t, most, size(c), name)
		require.True(t, o.poster().Post(t.Context(), open, "delivery_1", c).OK, name)
		require.Equal(t, 1, len(o.requests)+len(o.mails))

		c.Fields["text"] = field.TextValue(c.Fields["text"].Text + "a")
		done := o.poster().Post(t.Context(), open, "delivery_1", c)
		require.Equal(t, delivery.Outcome{Reason: delivery.TooLarge, Final: true}, done.Outcome, name)
		require.False(t, done.Unsent, "it is an attempt, so that the delivery ends by it")
		require.Equal(t, 1, len(o.requests)+len(o.mails), name)
	}
}

// The secret before signs beside the new one, and no longer than it lasts.
func TestAnOldSecretSignsForADay(t *testing.T) {
	t.Parallel()
	rotated := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	d := campaign.Delivery{URL: "u", Format: campaign.DeliveryJSON, Secret: []byte("new"), OldSecret: []byte("old"), OldSecretUntil: rotated.Add(campaign.OldSecretLasts)}
	o := &outside{}
	for _, after := range []time.Duration{0, 24*time.Hour - time.Microsecond, 24 * time.Hour} {
		o.now = rotated.Add(after)
		open, err := o.poster().Open(application.Ref{SellerID: "seller_1", ID: "contract_1"}, &d)
		require.NoError(t, err)
		require.True(t, o.poster().Post(t.Context(), open, "delivery_1", content()).OK)
	}
	require.Equal(t, []string{"new old", "new old", "new"}, o.secrets)
	require.Equal(t, "seller_1", o.requests[0].For)
}
