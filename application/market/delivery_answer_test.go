package market_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/money"
)

func TestAnswersAreRead(t *testing.T) {
	t.Parallel()
	mapped := campaign.Response{
		Accepted: campaign.Sign{Path: "$.r[1].code", Equals: "1"}, Rejected: campaign.Sign{Path: "$.r[1].code", Equals: "2"}, Duplicate: campaign.Sign{Contains: "known"},
		Price: "$.pays", Reference: "$['the id']",
	}
	text := campaign.Response{Accepted: campaign.Sign{Contains: "SUCCESS"}, Rejected: campaign.Sign{Contains: "UNSUCCESSFUL"}}
	whole := campaign.Response{Accepted: campaign.Sign{Equals: "OK"}}
	truth := campaign.Response{Accepted: campaign.Sign{Path: "$.ok", Equals: "true"}, Rejected: campaign.Sign{Path: "$.ok", Equals: "false"}}
	accepted := delivery.Answer{Verdict: delivery.Accepted}
	for name, c := range map[string]struct {
		how  campaign.Response
		body string
		want delivery.Answer
	}{
		"yes":                       {body: `{"status":"accepted"}`, want: accepted},
		"yes, with more":            {body: "\ufeff {\"status\":\"accepted\",\"price\":40.50,\"reference\":\" r-1\\n \"}\n", want: delivery.Answer{Verdict: delivery.Accepted, Price: 40_500_000, HasPrice: true, Reference: "r-1"}},
		"a price as a text":         {body: `{"status":"accepted","price":"40.5","reference":17}`, want: delivery.Answer{Verdict: delivery.Accepted, Price: 40_500_000, HasPrice: true, Reference: "17"}},
		"no price":                  {body: `{"status":"accepted","price":"forty"}`, want: accepted},
		"nothing":                   {body: `{"status":"accepted","price":0}`, want: accepted},
		"less than nothing":         {body: `{"status":"accepted","price":-1}`, want: accepted},
		"half a cent":               {body: `{"status":"accepted","price":0.005}`, want: accepted},
		"a long reference":          {body: `{"status":"accepted","reference":"` + strings.Repeat("é", 101) + `"}`, want: delivery.Answer{Verdict: delivery.Accepted, Reference: strings.Repeat("é", 100)}},
		"no":                        {body: `{"status":"rejected","price":1,"reference":"r"}`, want: delivery.Answer{Verdict: delivery.Rejected, Reference: "r"}},
		"known":                     {body: `{"status":"duplicate"}`, want: delivery.Answer{Verdict: delivery.Duplicate}},
		"another status":            {body: `{"status":"ACCEPTED"}`},
		"no status":                 {body: `{"reference":"r"}`},
		"a status that is none":     {body: `{"status":{"accepted":true}}`},
		"a list":                    {body: `[{"status":"accepted"}]`},
		"two documents":             {body: `{"status":"accepted"}{"status":"rejected"}`},
		"half a document":           {body: `{"status":"accepted"`},
		"no JSON":                   {body: `accepted`},
		"nothing at all":            {body: ``},
		"mapped":                    {how: mapped, body: `{"r":[0,{"code":1}],"pays":7,"the id":"x"}`, want: delivery.Answer{Verdict: delivery.Accepted, Price: 7_000_000, HasPrice: true, Reference: "x"}},
		"mapped, no":                {how: mapped, body: `{"r":[0,{"code":"2"}]}`, want: delivery.Answer{Verdict: delivery.Rejected}},
		"mapped, known goes before": {how: mapped, body: `{"r":[0,{"code":1}],"why":"known"}`, want: delivery.Answer{Verdict: delivery.Duplicate}},
		"mapped, not there":         {how: mapped, body: `{"r":[{"code":1}]}`},
		"mapped, our own":           {how: mapped, body: `{"status":"accepted"}`},
		"a text":                    {how: text, body: "<result>SUCCESS</result>", want: accepted},
		"no goes before yes":        {how: text, body: "UNSUCCESSFUL", want: delivery.Answer{Verdict: delivery.Rejected}},
		"a text in no UTF-8":        {how: text, body: "\xff\xfeSUCCESS", want: accepted},
		"the whole":                 {how: whole, body: " OK\r\n", want: accepted},
		"not the whole":             {how: whole, body: "NOT OK"},
		"a truth":                   {how: truth, body: `{"ok":true}`, want: accepted},
		"an untruth":                {how: truth, body: `{"ok":false}`, want: delivery.Answer{Verdict: delivery.Rejected}},
		"neither":                   {how: truth, body: `{"ok":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, market.ReadAnswer(c.how, []byte(c.body), money.MustCurrency("USD")))
		})
	}
}

// answering is a network that answers always the same.
type answering struct {
	answer application.OutboundAnswer
	err    error
	sent   application.OutboundRequest
}

func (a *answering) Send(_ context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
	a.sent = r
	return a.answer, a.err
}
func (*answering) Check(string) error                                          { return nil }
func (*answering) NewSecret() string                                           { return "" }
func (*answering) Sign(_, _ string, _ time.Time, _ []byte) map[string][]string { return nil }

func TestABuyerIsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status    int
		body      string
		err       error
		verdict   delivery.Verdict
		ok, final bool
		reason    delivery.Reason
	}{
		"yes":                {200, `{"status":"accepted"}`, nil, delivery.Accepted, true, false, ""},
		"no":                 {200, `{"status":"rejected"}`, nil, delivery.Rejected, false, true, delivery.BuyerRejected},
		"known":              {200, `{"status":"duplicate"}`, nil, delivery.Duplicate, false, true, delivery.BuyerDuplicate},
		"no, by a 4xx":       {422, `{"status":"rejected"}`, nil, delivery.Rejected, false, true, delivery.BuyerRejected},
		"yes, by a 4xx":      {409, `{"status":"accepted"}`, nil, delivery.Unsure, false, false, delivery.Refused},
		"nonsense":           {200, `<html>`, nil, delivery.Unsure, false, false, delivery.Unclear},
		"a failure":          {500, `{"status":"rejected"}`, nil, delivery.Unsure, false, false, delivery.Refused},
		"a redirect":         {302, `{"status":"accepted"}`, nil, delivery.Unsure, false, false, delivery.Refused},
		"gone":               {410, ``, nil, delivery.Unsure, false, true, delivery.Gone},
		"too late":           {0, ``, application.ErrOutboundTimeout, delivery.Unsure, false, false, delivery.Timeout},
		"a connection broke": {0, ``, application.ErrOutboundFailed, delivery.Unsure, false, false, delivery.Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network := &answering{answer: application.OutboundAnswer{Status: c.status, Body: []byte(c.body)}, err: c.err}
			p := market.Poster{Outbound: network, Signer: network, Clock: clock.NewManual(time.Unix(1, 0))}
			how, err := p.Open(application.Ref{SellerID: "seller_1", ID: "contract_1"}, &campaign.Delivery{URL: "https://buyer.example", Format: campaign.DeliveryJSON, Timeout: 5 * time.Second, Confirm: true})
			require.NoError(t, err)
			asked := content()
			asked.Asks = true
			done := p.Post(t.Context(), how.Within(time.Second), "delivery_1", asked)
			require.Equal(t, []any{c.verdict, c.ok, c.final, c.reason}, []any{done.Said.Verdict, done.OK, done.Final, done.Reason})
			require.Equal(t, time.Second, network.sent.Timeout, "no longer than there is time")
			require.True(t, network.sent.Waited)
			require.Equal(t, 5*time.Second, how.Within(time.Minute).Timeout)

			told := p.Post(t.Context(), how, "delivery_1", content())
			require.Equal(t, c.status == 200, told.OK, "who is told only says nothing by its answer")
			require.Zero(t, told.Said)
		})
	}
	network := &answering{answer: application.OutboundAnswer{Status: 200, Body: []byte(`{"status":"accepted","reference":"lead of +12025550123"}`)}}
	p := market.Poster{Outbound: network, Signer: network, Clock: clock.NewManual(time.Unix(1, 0))}
	asked := content()
	asked.Asks = true
	how, err := p.Open(application.Ref{SellerID: "seller_1", ID: "contract_1"}, &campaign.Delivery{URL: "https://buyer.example", Format: campaign.DeliveryJSON})
	require.NoError(t, err)
	require.Equal(t, "lead of +***", p.Post(t.Context(), how, "delivery_1", asked).Said.Reference, "a reference is kept, and holds nothing personal")
	before := strings.Repeat("é", delivery.MostReference-9)
	network.answer.Body = []byte(`{"status":"accepted","reference":"` + before + ` +12025550123"}`)
	require.Equal(t, before+" +***", p.Post(t.Context(), how, "delivery_1", asked).Said.Reference, "nor a part of it, where it is cut")
}
