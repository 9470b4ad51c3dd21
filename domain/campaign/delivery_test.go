package campaign_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

func delivering(t *testing.T, terms ...campaign.DeliveryTerms) (*campaign.Delivery, error) {
	t.Helper()
	c := auto(t)
	price := campaign.Terms{Price: new(money.Micros(1))}
	require.NoError(t, c.AddContract("contract_1", "buyer_1", campaign.StatusActive, price, campaign.Zones{Seller: "UTC"}, now))
	var err error
	for i, d := range terms {
		at := now.Add(time.Duration(i) * time.Hour)
		if _, err = c.UpdateContract("contract_1", campaign.Terms{Delivery: &d}, campaign.Zones{Seller: "UTC"}, at); err != nil {
			break
		}
	}
	k, found := c.Contract("contract_1")
	require.NoError(t, found)
	return k.Delivery(), err
}

const receiver = "https://buyer.example/leads"

func TestHowAContractDelivers(t *testing.T) {
	t.Parallel()
	notify, url, none := new("notify"), new(receiver), new("none")
	full := campaign.DeliveryTerms{
		Mode: notify, URL: url, Format: new("form"), Fields: &map[string]string{"tel": "lead.phone", "age": "lead.fields.age", "price": "sale.price"},
		Static: &map[string]string{"source": "acme"}, TimeoutMS: new(int64(2000)), NewSecret: []byte("sealed 1"),
		Headers: &[]campaign.HeaderTerms{{Name: "X-Key", Value: new("v"), Sealed: []byte("sealed v")}, {Name: "Authorization", Value: new("Bearer x"), Sealed: []byte("sealed x")}},
	}
	d, err := delivering(t, full)
	require.NoError(t, err)
	require.Equal(t, &campaign.Delivery{
		URL: receiver, Format: campaign.DeliveryForm, Fields: *full.Fields, Static: *full.Static, Timeout: 2 * time.Second, Secret: []byte("sealed 1"), Since: now,
		Headers: []campaign.DeliveryHeader{{Name: "Authorization", Sealed: []byte("sealed x")}, {Name: "X-Key", Sealed: []byte("sealed v")}},
	}, d)

	kept, err := delivering(t, full, campaign.DeliveryTerms{NewSecret: []byte("sealed 2")})
	require.NoError(t, err)
	require.Equal(t, d, kept, "what is absent stays, the secret and since when too")

	d, err = delivering(t, full, campaign.DeliveryTerms{Headers: &[]campaign.HeaderTerms{{Name: "x-key"}}, Fields: &map[string]string{}, Static: &map[string]string{}})
	require.NoError(t, err)
	require.Equal(t, []campaign.DeliveryHeader{{Name: "x-key", Sealed: []byte("sealed v")}}, d.Headers, "a value that is not given is kept")
	require.Empty(t, d.Fields)

	for name, terms := range map[string][]campaign.DeliveryTerms{
		"notify alone, as it was before there were deliveries": {{Mode: notify}},
		"nothing":           {{}},
		"none":              {full, {Mode: none}},
		"no address":        {full, {URL: new("")}},
		"one that was none": {{Mode: none}},
	} {
		d, err := delivering(t, terms...)
		require.NoError(t, err, name)
		require.Nil(t, d, name)
	}

	d, err = delivering(t, full, campaign.DeliveryTerms{URL: new(""), Email: new(" leads@buyer.example ")})
	require.NoError(t, err)
	require.Equal(t, "leads@buyer.example", d.Email)
	require.Empty(t, d.Secret, "a mail is not signed")

	d, err = delivering(t, full, campaign.DeliveryTerms{Mode: none}, full)
	require.NoError(t, err)
	require.Equal(t, now.Add(2*time.Hour), d.Since)
}

// asking are terms of a buyer that is asked.
func asking(r campaign.Response) campaign.DeliveryTerms {
	return campaign.DeliveryTerms{Mode: new("confirm"), Response: &r}
}

func TestABuyerThatIsAsked(t *testing.T) {
	t.Parallel()
	mapped := campaign.Response{Accepted: campaign.Sign{Path: "$.result", Equals: "OK"}, Rejected: campaign.Sign{Contains: "NO"}, Price: "$.price"}
	full := campaign.DeliveryTerms{Mode: new("confirm"), URL: new(receiver), NewSecret: []byte("sealed"), Response: &mapped, PriceFromAnswer: new(true)}
	want := &campaign.Delivery{
		URL: receiver, Format: campaign.DeliveryJSON, Timeout: 5 * time.Second, Secret: []byte("sealed"), Since: now, Confirm: true, PriceFromAnswer: true, Response: mapped,
	}
	d, err := delivering(t, full)
	require.NoError(t, err)
	require.Equal(t, want, d)
	require.Equal(t, campaign.DeliveryConfirm, d.Mode())

	d, err = delivering(t, full, campaign.DeliveryTerms{})
	require.NoError(t, err)
	require.Equal(t, want, d, "what is absent stays")

	d, err = delivering(t, full, campaign.DeliveryTerms{Response: &campaign.Response{}})
	require.NoError(t, err)
	require.Zero(t, d.Response)
	require.True(t, d.PriceFromAnswer, "the price stands in our answers too")

	d, err = delivering(t, full, campaign.DeliveryTerms{Mode: new("notify")})
	require.NoError(t, err)
	require.Equal(t, campaign.DeliveryNotify, d.Mode())
	require.Zero(t, d.Response, "who is told only has no answer that is read")
	require.False(t, d.PriceFromAnswer)

	d, err = delivering(t, full, campaign.DeliveryTerms{URL: new("")})
	require.ErrorIs(t, err, fault.ErrValidation, "unlike one that is told, it does not stop silently to be asked")
	require.Equal(t, want, d)
	require.Equal(t, campaign.DeliveryNone, (*campaign.Delivery)(nil).Mode())
}

func TestPathsOfAnswers(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]campaign.PathStep{
		"":                              nil,
		"$.status":                      {{Name: "status"}},
		"$.results[0].status":           {{Name: "results"}, {}, {Name: "status"}},
		"$[12]['a.b'].c":                {{Index: 12}, {Name: "a.b"}, {Name: "c"}},
		"$.a" + strings.Repeat(".b", 9): append([]campaign.PathStep{{Name: "a"}}, slices.Repeat([]campaign.PathStep{{Name: "b"}}, 9)...),
	} {
		steps, ok := campaign.PathSteps(path)
		require.True(t, ok, path)
		require.Equal(t, want, steps, path)
	}
	for _, path := range []string{"$", "a", ".a", "$a", "$.", "$..a", "$.a[", "$.a[]", "$.a[-1]", "$.a[1000]", "$.a[x]", "$['a", "$['']", "$.*", "$.a[?(@.b)]", "$.a\x00", "$" + strings.Repeat(".b", 11), "$." + strings.Repeat("b", 200)} {
		_, ok := campaign.PathSteps(path)
		require.False(t, ok, path)
	}
}

func TestWhatADeliveryIsRefusedFor(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 101 {
		many[strings.Repeat("n", i+1)] = "test"
	}
	header := func(name, value string) campaign.DeliveryTerms {
		return campaign.DeliveryTerms{Headers: &[]campaign.HeaderTerms{{Name: name, Value: &value, Sealed: []byte("s")}}}
	}
	for name, c := range map[string]struct {
		terms campaign.DeliveryTerms
		wrong []string
	}{
		"confirm by mail":       {campaign.DeliveryTerms{Mode: new("confirm"), URL: new(""), Email: new("leads@buyer.example")}, []string{"delivery.email"}},
		"confirm without a URL": {campaign.DeliveryTerms{Mode: new("confirm"), URL: new("")}, []string{"delivery.url"}},
		"answers to a notify":   {campaign.DeliveryTerms{Response: &campaign.Response{Accepted: campaign.Sign{Contains: "OK"}}, PriceFromAnswer: new(true)}, []string{"delivery.price_from_answer", "delivery.response"}},
		"nothing accepts":       {asking(campaign.Response{Rejected: campaign.Sign{Contains: "NO"}}), []string{"delivery.response.accepted"}},
		"no price to pay":       {campaign.DeliveryTerms{Mode: new("confirm"), PriceFromAnswer: new(true), Response: &campaign.Response{Accepted: campaign.Sign{Contains: "OK"}}}, []string{"delivery.response.price"}},
		"a path alone":          {asking(campaign.Response{Accepted: campaign.Sign{Path: "$.ok"}}), []string{"delivery.response.accepted"}},
		"both ways":             {asking(campaign.Response{Accepted: campaign.Sign{Equals: "a", Contains: "b"}}), []string{"delivery.response.accepted"}},
		"a long text":           {asking(campaign.Response{Accepted: campaign.Sign{Equals: strings.Repeat("a", 201)}}), []string{"delivery.response.accepted.equals"}},
		"a text with spaces":    {asking(campaign.Response{Accepted: campaign.Sign{Contains: " OK"}}), []string{"delivery.response.accepted.contains"}},
		"no paths": {asking(campaign.Response{
			Accepted: campaign.Sign{Path: "result", Equals: "OK"}, Rejected: campaign.Sign{Path: "$", Equals: "x"}, Duplicate: campaign.Sign{Path: "$..a", Equals: "x"},
			Price: "$.a[*]", Reference: "$.a[",
		}), []string{"delivery.response.accepted.path", "delivery.response.duplicate.path", "delivery.response.price.path", "delivery.response.reference.path", "delivery.response.rejected.path"}},
		"another mode":           {campaign.DeliveryTerms{Mode: new("shout")}, []string{"delivery.mode"}},
		"none with a URL":        {campaign.DeliveryTerms{Mode: new("none"), URL: new(receiver)}, []string{"delivery.mode"}},
		"no URL":                 {campaign.DeliveryTerms{URL: new("buyer.example")}, []string{"delivery.url"}},
		"credentials in it":      {campaign.DeliveryTerms{URL: new("https://a:b@buyer.example")}, []string{"delivery.url"}},
		"no email":               {campaign.DeliveryTerms{URL: new(""), Email: new("buyer")}, []string{"delivery.email"}},
		"both":                   {campaign.DeliveryTerms{Email: new("leads@buyer.example")}, []string{"delivery.email"}},
		"format":                 {campaign.DeliveryTerms{Format: new("yaml")}, []string{"delivery.format"}},
		"too soon, too long":     {campaign.DeliveryTerms{TimeoutMS: new(int64(99))}, []string{"delivery.timeout_ms"}},
		"too long":               {campaign.DeliveryTerms{TimeoutMS: new(int64(30_001))}, []string{"delivery.timeout_ms"}},
		"an overflow":            {campaign.DeliveryTerms{TimeoutMS: new(int64(1 << 62))}, []string{"delivery.timeout_ms"}},
		"many members":           {campaign.DeliveryTerms{Fields: &many}, []string{"delivery.fields"}},
		"many of both":           {campaign.DeliveryTerms{Fields: &many, Static: &many}, []string{"delivery.fields", "delivery.static"}},
		"much that is static":    {campaign.DeliveryTerms{Static: &many}, []string{"delivery.static"}},
		"an unknown source":      {campaign.DeliveryTerms{Fields: &map[string]string{"a": "lead.colour", "b": "phone", "c": "lead.fields.", "d": "sale.colour"}}, []string{"delivery.fields.a", "delivery.fields.b", "delivery.fields.c", "delivery.fields.d"}},
		"a field four times":     {campaign.DeliveryTerms{Fields: &map[string]string{"a": "lead.phone", "b": "lead.fields.phone", "c": "lead.phone", "d": "lead.fields.phone", "e": "lead.phone", "f": "lead.city", "g": "lead.id", "h": "lead.id", "i": "lead.id", "j": "lead.id"}}, []string{"delivery.fields.d", "delivery.fields.e"}},
		"a nameless member":      {campaign.DeliveryTerms{Fields: &map[string]string{"": "lead.phone"}}, []string{"delivery.fields."}},
		"no name for XML":        {campaign.DeliveryTerms{Format: new("xml"), Fields: &map[string]string{"1st": "lead.phone", "a b": "lead.city", "a>b": "lead.zip", "XMLish": "lead.state", "ok-1.a_": "lead.phone"}, Static: &map[string]string{"é": "x"}}, []string{"delivery.fields.1st", "delivery.fields.XMLish", "delivery.fields.a b", "delivery.fields.a>b", "delivery.static.é"}},
		"sent twice":             {campaign.DeliveryTerms{Static: &map[string]string{"tel": "x"}, Fields: &map[string]string{"tel": "lead.phone"}}, []string{"delivery.static.tel"}},
		"sent anyway":            {campaign.DeliveryTerms{Static: &map[string]string{"lead_id": "x"}}, []string{"delivery.static.lead_id"}},
		"a control character":    {campaign.DeliveryTerms{Static: &map[string]string{"a": "\x00"}}, []string{"delivery.static.a"}},
		"a header of ours":       {header("Content-Type", "x"), []string{"delivery.headers.Content-Type"}},
		"a header of the hop":    {header("Transfer-Encoding", "x"), []string{"delivery.headers.Transfer-Encoding"}},
		"the host":               {header("HOST", "x"), []string{"delivery.headers.HOST"}},
		"the signature":          {header("webhook-signature", "x"), []string{"delivery.headers.webhook-signature"}},
		"no header":              {header("a b", "x"), []string{"delivery.headers.a b"}},
		"a second line":          {header("X-A", "x\r\nHost: y"), []string{"delivery.headers.X-A"}},
		"nothing to keep":        {campaign.DeliveryTerms{Headers: &[]campaign.HeaderTerms{{Name: "X-A"}}}, []string{"delivery.headers.X-A"}},
		"a header that is twice": {campaign.DeliveryTerms{Headers: &[]campaign.HeaderTerms{{Name: "X-A", Value: new("1"), Sealed: []byte("s")}, {Name: "x-a", Value: new("1"), Sealed: []byte("s")}}}, []string{"delivery.headers.x-a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			terms := c.terms
			if terms.Mode == nil {
				terms.Mode = new("notify")
			}
			if terms.URL == nil {
				terms.URL = new(receiver)
			}
			d, err := delivering(t, terms)
			require.ErrorIs(t, err, fault.ErrValidation)
			fields := map[string]bool{}
			for _, f := range fault.As(err).Fields() {
				fields[f] = true
			}
			require.Equal(t, c.wrong, slices.Sorted(maps.Keys(fields)))
			require.Nil(t, d)
		})
	}
}

func TestASecretIsRotated(t *testing.T) {
	t.Parallel()
	c := auto(t)
	terms := campaign.Terms{Price: new(money.Micros(1)), Delivery: &campaign.DeliveryTerms{Mode: new("notify"), URL: new(receiver), NewSecret: []byte("1")}}
	require.NoError(t, c.AddContract("contract_1", "buyer_1", campaign.StatusActive, terms, campaign.Zones{Seller: "UTC"}, now))
	terms.Delivery = nil
	require.NoError(t, c.AddContract("contract_2", "buyer_1", campaign.StatusActive, terms, campaign.Zones{Seller: "UTC"}, now))
	require.NoError(t, c.RotateSecret("contract_1", []byte("2"), later))
	k, err := c.Contract("contract_1")
	require.NoError(t, err)
	require.Equal(t, "2", string(k.Delivery().Secret))
	require.Equal(t, "1", string(k.Delivery().OldSecret))
	require.Equal(t, later.Add(24*time.Hour), k.Delivery().OldSecretUntil)
	require.ErrorIs(t, c.RotateSecret("contract_2", []byte("2"), later), campaign.ErrNoSecret)
	require.ErrorIs(t, c.RotateSecret("contract_3", []byte("2"), later), campaign.ErrContractNotFound)
}

// What is stored of headers goes only to the receiver that it was given for.
func TestHeadersStayWithTheirReceiver(t *testing.T) {
	t.Parallel()
	first := campaign.DeliveryTerms{
		Mode: new("notify"), URL: new(receiver), NewSecret: []byte("s"),
		Headers: &[]campaign.HeaderTerms{{Name: "Authorization", Value: new("Bearer x"), Sealed: []byte("sealed x")}},
	}
	kept := &[]campaign.HeaderTerms{{Name: "Authorization"}}
	again := &[]campaign.HeaderTerms{{Name: "Authorization", Value: new("y"), Sealed: []byte("sealed y")}}
	for _, same := range []string{receiver, "https://buyer.example/leads?a=b", "https://BUYER.example:443/leads", "https://buyer.example./leads"} {
		for _, headers := range []*[]campaign.HeaderTerms{nil, kept} {
			d, err := delivering(t, first, campaign.DeliveryTerms{URL: new(same), Headers: headers})
			require.NoError(t, err, same)
			require.Equal(t, "sealed x", string(d.Headers[0].Sealed))
		}
	}
	for _, other := range []string{"http://buyer.example/leads", "https://thief.example/leads", "https://buyer.example:8443/leads", "https://buyer.example.thief.example/leads", "https://buyer.example/thief", "https://buyer.example", "https://buyer.example/leads/", "https://buyer.example/Leads", "https://buyer.example/%6Ceads"} {
		for _, headers := range []*[]campaign.HeaderTerms{nil, kept} {
			_, err := delivering(t, first, campaign.DeliveryTerms{URL: new(other), Headers: headers})
			require.ErrorIs(t, err, fault.ErrValidation, other)
			require.Equal(t, []string{"delivery.headers.Authorization"}, fault.As(err).Fields(), other)
			require.Equal(t, fault.Required, fault.As(err).Violated()[0].Code)
		}
		d, err := delivering(t, first, campaign.DeliveryTerms{URL: new(other), Headers: again})
		require.NoError(t, err)
		require.Equal(t, "sealed y", string(d.Headers[0].Sealed))
		d, err = delivering(t, first, campaign.DeliveryTerms{URL: new(other), Headers: &[]campaign.HeaderTerms{}})
		require.NoError(t, err)
		require.Empty(t, d.Headers)
	}
	_, err := delivering(t, first, campaign.DeliveryTerms{URL: new(""), Email: new("a@buyer.example")}, campaign.DeliveryTerms{URL: new("https://thief.example"), Email: new("")})
	require.ErrorIs(t, err, fault.ErrValidation, "not by way of a mail either")
}
