package market_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
)

func content() market.DeliveryContent {
	return market.DeliveryContent{
		LeadID: "lead_1", SaleID: "sale_1", Category: "Auto & <Home>", Price: 45_500_000, Currency: "USD", SoldAt: time.Date(2026, 11, 2, 12, 0, 0, 123, time.UTC),
		Fields: field.Set{
			"phone": field.TextValue("+12025550123"), "firstName": field.TextValue(`Jo "Q" <b>&'é` + "\x01\n"), "age": {Kind: field.Number, Text: "42"},
			"owner": {Kind: field.Bool, Text: "true"}, "none": {}, "more": {Kind: field.Other, Text: `{"a":["x"]}`}, "odd <name>": field.TextValue("v"),
		},
	}
}

func TestBodiesOfDeliveries(t *testing.T) {
	t.Parallel()
	mapped := map[string]string{"tel": "lead.phone", "name": "lead.firstName", "years": "lead.fields.age", "none": "lead.fields.unknown", "lead": "lead.id", "sale": "sale.id", "for": "sale.price", "in": "sale.currency", "at": "sale.sold_at", "t": "test", "what": "lead.category"}
	static := map[string]string{"source": "a&b"}
	body := func(f campaign.DeliveryFormat, fields, static map[string]string) (string, string) {
		kind, b := content().Body(&campaign.Delivery{Format: f, Fields: fields, Static: static})
		return kind, string(b)
	}

	kind, b := body(campaign.DeliveryJSON, nil, static)
	require.Equal(t, "application/json", kind)
	require.Equal(t, `{"lead_id":"lead_1","sale_id":"sale_1","category":"Auto & <Home>","price":45.50,"currency":"USD","sold_at":"2026-11-02T12:00:00Z","test":false,`+
		`"fields":{"age":42,"firstName":"Jo \"Q\" <b>&'é\u0001\n","more":{"a":["x"]},"none":null,"odd <name>":"v","owner":true,"phone":"+12025550123"},"source":"a&b"}`, b)
	_, b = body(campaign.DeliveryJSON, mapped, static)
	require.Equal(t, `{"at":"2026-11-02T12:00:00Z","for":45.50,"in":"USD","lead":"lead_1","name":"Jo \"Q\" <b>&'é\u0001\n","none":null,"sale":"sale_1","t":false,"tel":"+12025550123","what":"Auto & <Home>","years":42,"source":"a&b"}`, b)
	require.True(t, json.Valid([]byte(b)))

	kind, b = body(campaign.DeliveryForm, nil, nil)
	require.Equal(t, "application/x-www-form-urlencoded", kind)
	values, err := url.ParseQuery(b)
	require.NoError(t, err)
	require.Equal(t, content().Fields["firstName"].Text, values.Get("fields[firstName]"))
	require.Equal(t, "v", values.Get("fields[odd <name>]"))
	require.Equal(t, "45.50", values.Get("price"))
	_, b = body(campaign.DeliveryForm, map[string]string{"a=b&c": "lead.phone"}, nil)
	require.Equal(t, "a%3Db%26c=%2B12025550123", b)

	kind, b = body(campaign.DeliveryXML, nil, static)
	require.Equal(t, "application/xml; charset=utf-8", kind)
	require.Contains(t, b, `<category>Auto &amp; &lt;Home&gt;</category>`)
	require.Contains(t, b, `<field name="odd &lt;name&gt;">v</field>`)
	for d := xml.NewDecoder(strings.NewReader(b)); ; {
		if _, err := d.Token(); err != nil {
			require.ErrorIs(t, err, io.EOF, b)
			break
		}
	}
	require.Equal(t, "at: 2026-11-02T12:00:00Z\n", content().Text(&campaign.Delivery{Fields: map[string]string{"at": "sale.sold_at"}}))
}

// No value and no name can look like another member, whatever ends a line where the mail is read.
func TestALineOfAMailIsNotForged(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\r\n", "\r", "\n", "\v", "\f", "\u0085", "\u2028", "\u2029"} {
		c := content()
		c.Fields = field.Set{"note": field.TextValue("hi" + end + "price: 0.01"), "a" + end + "price": field.TextValue("0.01")}
		require.Equal(t, "n: hi\n  price: 0.01\n", c.Text(&campaign.Delivery{Fields: map[string]string{"n": "lead.fields.note"}}), "%q", end)
		require.Contains(t, c.Text(&campaign.Delivery{}), "\na\n  price: 0.01\nnote: hi\n  price: 0.01\n", "%q", end)
	}
}

// Nothing of a lead is left in what is kept, however the receiver writes it.
func TestWhatIsKeptIsMasked(t *testing.T) {
	t.Parallel()
	_, masked := content().Masked().Body(&campaign.Delivery{Format: campaign.DeliveryJSON})
	require.Contains(t, string(masked), `"phone":"***"`)
	require.Contains(t, string(masked), `"lead_id":"lead_1"`)
	for _, personal := range []string{"2025550123", "Jo", "42", `"x"`} {
		require.NotContains(t, string(masked), personal)
	}
	m := market.NewMasker(field.Set{
		"phone": field.TextValue("+12025550123"), "email": field.TextValue("jo.doe+x@example.com"), "name": field.TextValue(`Jo "Q" O'Neil`), "state": field.TextValue("TX"),
		"age": {Kind: field.Number, Text: "42"}, "owner": {Kind: field.Bool, Text: "true"}, "more": {Kind: field.Other, Text: `{"street":["Elm Road 7"]}`},
	}, "Bearer secret-1", "whsec_AAAA")
	for text, want := range map[string]string{
		"":                                       "",
		"thanks":                                 "thanks",
		"call (202) 555-0123 or +1 202.555.0123": "call (*** or +***",
		`{"mail":"JO.DOE+X@EXAMPLE.COM"}`:        `{"mail":"***"}`,
		"q=jo.doe%2Bx%40example.com&n=1":         "q=***&n=1",
		`{"n":"Jo \"Q\" O'Neil"}`:                `{"n":"***"}`,
		"<b>Jo &#34;Q&#34; O&#39;Neil</b>":       "<b>***</b>",
		"in TX, not in TXT, 42 of 420":           "in ***, not in TXT, *** of 420",
		"true":                                   "true",
		"at elm road 7":                          "at ***",
		"sent Bearer secret-1, signed whsec_AAAA.": "sent ***, signed ***.",
		"\xff\xfe broken":                          "� broken",
	} {
		require.Equal(t, want, string(m.Hide(t.Context(), []byte(text))), "of %q", text)
	}
	require.Len(t, m.Hide(t.Context(), []byte(strings.Repeat("a", 100_000))), 4096)
	require.NotContains(t, string(m.Hide(t.Context(), []byte(strings.Repeat("a", 4090)+"+12025550123"))), "2025", "it is masked before it is cut")
}

// What receivers make of texts that they were sent is known in the usual encodings, one within another too.
func TestWhatReceiversEncodeIsMasked(t *testing.T) {
	t.Parallel()
	m := market.NewMasker(field.Set{
		"last": field.TextValue("Müller"), "street": field.TextValue("1/2 Main St"), "other": field.TextValue("O'Brien"), "one": field.TextValue("王"), "smile": field.TextValue("jo😀jo"),
		"phone": field.TextValue("+33612345678"), "debt": {Kind: field.Number, Text: "120000"}, "income": {Kind: field.Number, Text: "55000.50"}, "escaped": field.TextValue("Tom &amp; Ann"),
		"name": field.TextValue("Jo  van Dyck"), "state": field.TextValue("TX"),
	})
	for text, want := range map[string]string{
		`{"n":"M\u00fcller"}`:                      `{"n":"***"}`,
		`{"n":"m\u00FCLLER"}`:                      `{"n":"***"}`,
		`{"s":"1\/2 Main St"}`:                     `{"s":"***"}`,
		"<b>O&apos;Brien</b> O&#039;BRIEN":         "<b>***</b> ***",
		"O&#x27;Brien":                             "***",
		"<i>M&uuml;ller</i>":                       "<i>***</i>",
		"Dear M\xfcller,":                          "Dear ***,",
		"q=M%C3%BCller&n=1/2+Main+St":              "q=***&n=***",
		"q=M%FCller":                               "q=***",
		`{"html":"\u003cb\u003eO\u0026#39;Brien"}`: `{"html":"\u003cb\u003e***"}`,
		`\"M\\u00fcller\"`:                         `\"***\"`,
		`{"n":"jo\ud83d\ude00jo"}`:                 `{"n":"***"}`,
		"姓王名":                                      "姓***名",
		"call 06 12 34 56 78":                      "call ***",
		"call +33 (0)6 12 34 56 78.":               "call +***.",
		"call 0033-612-345-678 or 0612345679":      "call *** or 0612345679",
		"owes 120,000 or 120.000, not 1,200,001":   "owes *** or ***, not 1,200,001",
		"earns 55,000":                             "earns ***",
		"Tom & Ann, Tom &amp; Ann":                 "***, ***",
		"jo van\tdyck":                             "***",
		"TX, not TXT, nor %20":                     "***, not TXT, nor %20",
		"100%, \\u12, \\x, &, &nothing; %zz":       "100%, \\u12, \\x, &, &nothing; %zz",
	} {
		got := string(m.Hide(t.Context(), []byte(text)))
		require.Equal(t, want, got, "of %q", text)
	}
	long := strings.Repeat("ab ", 2000)
	m = market.NewMasker(field.Set{"text": field.TextValue(long)})
	require.Equal(t, "it was: ***", string(m.Hide(t.Context(), []byte("it was: "+long+"end"))), "also when only its beginning is looked at")
}

// A receiver and a supplier that mean harm get no memory and no time by what is masked.
func TestMaskingTakesLittle(t *testing.T) { //nolint:paralleltest // it measures what the process allocates
	fields := field.Set{}
	for i := range 400 {
		fields["field"+strconv.Itoa(i)] = field.TextValue(strings.Repeat("é&'\"/ ", 20) + strconv.Itoa(i))
	}
	answer := []byte(strings.Repeat(`\u00e9&amp;'\"\/ %20`, 3000))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	market.NewMasker(fields).Hide(t.Context(), answer)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))

	const escaped = "%25252541" // so that it is decoded as often as anything is
	values := func(n int, value func(i int) string) field.Set {
		fields := field.Set{}
		for i := range n {
			fields["field"+strconv.Itoa(i)] = field.TextValue(value(i))
		}
		return fields
	}
	filled := func(with string) []byte { return []byte(strings.Repeat(with, 8<<10)[:8<<10-len(escaped)] + escaped) }
	for name, c := range map[string]struct {
		fields field.Set
		answer []byte
	}{
		"numbers that end alike":      {values(400, func(i int) string { return strconv.Itoa(1e9+i) + strings.Repeat("0", 14) }), filled("0")},
		"long numbers":                {values(62, func(i int) string { return strings.Repeat("0", 950+i) }), filled("0")},
		"texts that begin alike":      {values(900, func(i int) string { return strings.Repeat("a", 64) + strconv.Itoa(i) }), filled("a")},
		"long texts that differ late": {values(200, func(i int) string { return strings.Repeat("a", 300) + strconv.Itoa(i) }), filled("a")},
	} {
		began := time.Now()
		market.NewMasker(c.fields).Hide(t.Context(), c.answer)
		require.Less(t, time.Since(began), 2*time.Second, name) // milliseconds, on a machine that does nothing else
	}
}

// Places that lie upon each other are hidden from the first of the first to the end of the last.
func TestMasksOverlap(t *testing.T) {
	t.Parallel()
	m := market.NewMasker(field.Set{
		"long": field.TextValue("111112222233333444445555566666"), "short": field.TextValue("5556"), "phone": field.TextValue("6667777"), "name": field.TextValue("x111112222"), "more": field.TextValue("77778"),
	})
	for text, want := range map[string]string{
		"111112222233333444445555566666":            "***",
		"a 1111122222333334444455555666667777 b":    "a *** b",
		"a x111112222233333444445555566666 b":       "a *** b",
		"9999999999999999111112222233333 5557 8888": "9999999999999999111112222233333 5557 8888",
		"tel 11111-22222-333334444455555 66666 77.": "tel *** 77.",
	} {
		require.Equal(t, want, string(m.Hide(t.Context(), []byte(text))), "of %q", text)
	}
}

// Who waits for its turn waits no longer than who asked.
func TestMaskingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	m := market.NewMasker(field.Set{"name": field.TextValue("Jones")})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var kept [][]byte
	market.WhileMasking(func() { kept = append(kept, m.Hide(ctx, []byte("Jones"))) })
	require.Equal(t, [][]byte{nil}, kept)
}
