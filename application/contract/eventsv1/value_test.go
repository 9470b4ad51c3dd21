package eventsv1

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAmount(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{
		"0": 0, "45.00": 45_000_000, "-0.000001": -1, "1.5": 1_500_000, "0.10000000": 100_000,
		"9223372036854.775807": 9223372036854775807, "-9223372036854.775807": -9223372036854775807,
	} {
		got, err := Amount(in).Micros()
		require.NoError(t, err, in)
		assert.Equal(t, want, got, in)
		var decoded Amount
		require.NoError(t, json.Unmarshal([]byte(in), &decoded))
		encoded, err := json.Marshal(decoded)
		require.NoError(t, err)
		assert.Equal(t, in, string(encoded))
	}
	for _, in := range []string{
		"", "-", ".", "1.", ".5", "01", "1e3", "+1", " 1", "1 ", "1.0000001", "9223372036854.775808",
		"99999999999999999999", "x", `"1"`, "null",
	} {
		_, err := Amount(in).Micros()
		require.Error(t, err, in)
	}
	for _, in := range []string{`"1"`, "1e3", "null", "true", "[]"} {
		var decoded Amount
		require.Error(t, json.Unmarshal([]byte(in), &decoded), in)
	}
	_, err := json.Marshal(Amount("1}"))
	require.Error(t, err)
	assert.Equal(t, "null", string(Amount("1}").appendJSON(nil)))
}

func TestAmountKeepsMicros(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(-1<<62, 1<<62).Draw(t, "micros")
		sign, m := "", uint64(v)
		if v < 0 {
			sign, m = "-", -m
		}
		text := sign + strconv.FormatUint(m/1_000_000, 10) + "." + string(appendDigits(nil, int(m%1_000_000), 6))
		got, err := Amount(text).Micros()
		require.NoError(t, err)
		require.Equal(t, v, got)
	})
}

func TestTime(t *testing.T) {
	t.Parallel()
	chicago := time.FixedZone("", -5*3600)
	for want, in := range map[string]time.Time{
		`"2025-05-02T16:12:39.000000Z"`: time.Date(2025, 5, 2, 11, 12, 39, 999, chicago),
		`"2025-12-31T23:59:59.999999Z"`: time.Date(2025, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		`"0001-01-01T00:00:00.000000Z"`: {},
	} {
		got, err := json.Marshal(Time{in})
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
		var back Time
		require.NoError(t, json.Unmarshal(got, &back))
		assert.True(t, back.Equal(in.Truncate(time.Microsecond)))
		assert.Equal(t, time.UTC, back.Location())
	}
	for _, in := range []string{`1`, `"2025-05-02"`, `"x"`, `null`} {
		var v Time
		require.Error(t, json.Unmarshal([]byte(in), &v), in)
	}
}

func drawTime(t *rapid.T, label string) Time {
	return Time{time.UnixMicro(rapid.Int64Range(0, 253402300799_999999).Draw(t, label)).UTC()}
}

func TestTimeIsWrittenAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := drawTime(t, "time")
		require.Equal(t, v.Format(`"`+timeLayout+`"`), string(v.appendJSON(nil)))
	})
}

func TestAppendEqualsMarshal(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "lead_01J", "<a&b>", "\u2028", "\xff\xfe", "\x7f", "\"\\\n", "ü"}))
	amount := rapid.SampledFrom([]Amount{"0", "45.00", "-1.234567", "12"})
	rapid.Check(t, func(t *rapid.T) {
		submitted := LeadSubmitted{
			LeadID: text.Draw(t, "lead"), Origin: text.Draw(t, "origin"), CampaignID: text.Draw(t, "campaign"),
			Category: text.Draw(t, "category"), SellerCode: text.Draw(t, "seller"), PartnerID: text.Draw(t, "partner"),
			SubmittedAt: drawTime(t, "submitted"), Number: rapid.OneOf(rapid.Just[int64](0), rapid.Int64()).Draw(t, "number"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "dimensions") {
			submitted.Dimensions = append(submitted.Dimensions, Dimension{text.Draw(t, "dimension"), text.Draw(t, "value")})
		}
		want, err := json.Marshal(submitted)
		require.NoError(t, err)
		require.Equal(t, string(want), string(submitted.AppendJSON(nil)))

		sold := LeadSold{
			LeadID: submitted.LeadID, Origin: submitted.Origin, CampaignID: submitted.CampaignID,
			Category: submitted.Category, SellerCode: submitted.SellerCode, PartnerID: submitted.PartnerID,
			Payout: amount.Draw(t, "payout"), SoldAt: drawTime(t, "sold"), SubmittedAt: submitted.SubmittedAt,
			PreviousStatus: text.Draw(t, "previous"), Dimensions: submitted.Dimensions,
		}
		for range rapid.IntRange(0, 3).Draw(t, "sales") {
			sold.Sales = append(sold.Sales, Sale{
				SaleID: text.Draw(t, "sale"), BuyerID: text.Draw(t, "buyer"),
				ContractID: text.Draw(t, "contract"), Price: amount.Draw(t, "price"), Currency: text.Draw(t, "currency"),
			})
		}
		if len(sold.Sales) == 0 && rapid.Bool().Draw(t, "empty") {
			sold.Sales = []Sale{}
		}
		want, err = json.Marshal(sold)
		require.NoError(t, err)
		require.Equal(t, string(want), string(sold.AppendJSON(nil)))

		envelope := Envelope{
			SpecVersion: "1.0", ID: text.Draw(t, "id"), Source: text.Draw(t, "source"), Type: text.Draw(t, "type"),
			Subject: text.Draw(t, "subject"), Time: sold.SoldAt, DataContentType: "application/json",
			DataSchema: text.Draw(t, "schema"), Data: want, Sequence: Sequence(rapid.Int64Min(1).Draw(t, "position")),
			AggregateVersion: rapid.Int64().Draw(t, "version"), CorrelationID: text.Draw(t, "correlation"),
			CausationID: text.Draw(t, "causation"), Traceparent: text.Draw(t, "trace"),
		}
		encoded, err := json.Marshal(envelope)
		require.NoError(t, err)
		require.Equal(t, string(encoded), string(envelope.AppendJSON(nil)))
	})
}

func TestDimensions(t *testing.T) {
	t.Parallel()
	d := Dimensions{{"state", "TX"}, {"zip_prefix", "750"}}
	assert.Equal(t, "750", d.Get("zip_prefix"))
	assert.Empty(t, d.Get("country"))
	encoded, err := json.Marshal(LeadPending{Dimensions: d})
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `,"dimensions":{"state":"TX","zip_prefix":"750"}`)
	encoded, err = json.Marshal(LeadPending{Dimensions: Dimensions{}})
	require.NoError(t, err)
	assert.NotContains(t, string(encoded), "dimensions")
	var got Dimensions
	require.NoError(t, json.Unmarshal([]byte(` { "state" : "TX", "zip_prefix":"750" } `), &got))
	assert.Equal(t, d, got)
	require.NoError(t, json.Unmarshal([]byte(`null`), &got))
	assert.Nil(t, got)
	for _, wrong := range []string{`[]`, `"TX"`, `{"state":1}`, `{"state":{}}`, `7`} {
		require.Error(t, json.Unmarshal([]byte(wrong), &got), wrong)
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	data := `{ "html": "<b>", "n": 1.50 }`
	o := Occurrence{
		ID: "event_1", SellerCode: "ACME1234", Type: "lead.sold.v1", Subject: "lead_1",
		Time: time.Date(2025, 5, 2, 11, 12, 39, 1000, time.FixedZone("", -5*3600)), Data: []byte(data), Position: 42,
		AggregateVersion: 2, BaseURL: "https://leads.example.com/",
	}
	assert.Equal(t, `{"specversion":"1.0","id":"event_1","source":"/sellers/ACME1234","type":"lead.sold.v1","subject":"lead_1",`+
		`"time":"2025-05-02T16:12:39.000001Z","datacontenttype":"application/json",`+
		`"dataschema":"https://leads.example.com/schemas/lead.sold.v1.json","data":`+data+
		`,"sequence":"00000000000000000042","aggregateversion":2}`, string(NewEnvelope(o).AppendJSON(nil)))
	o.CorrelationID, o.CausationID, o.Traceparent, o.Data = "c1", "c2", "t", nil
	assert.Contains(t, string(NewEnvelope(o).AppendJSON(nil)), `"data":null,"sequence":"00000000000000000042","aggregateversion":2,`+
		`"correlationid":"c1","causationid":"c2","traceparent":"t"}`)
	assert.Equal(t, "09223372036854775807", Sequence(9223372036854775807))
}
