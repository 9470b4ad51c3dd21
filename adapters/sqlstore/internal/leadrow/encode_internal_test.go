package leadrow

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

func value() *rapid.Generator[field.Value] {
	number := rapid.OneOf(rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`), rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }))
	other := rapid.OneOf(
		rapid.Map(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Int())), func(m map[string][]int) string { return marshal(m) }),
		rapid.Map(rapid.SliceOf(rapid.String()), func(l []string) string { return marshal(append([]string{}, l...)) }),
		rapid.SampledFrom([]string{`{"a": [1, 2.0], "b":"\u00e9"}`, "[ ]", "{}"}))
	return rapid.OneOf(
		rapid.Just(field.Value{}),
		rapid.Map(rapid.String(), field.TextValue),
		rapid.Map(rapid.SampledFrom([]string{"true", "false"}), func(s string) field.Value { return field.Value{Kind: field.Bool, Text: s} }),
		rapid.Map(number, func(s string) field.Value { return field.Value{Kind: field.Number, Text: s} }),
		rapid.Map(other, func(s string) field.Value { return field.Value{Kind: field.Other, Text: s} }))
}

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestFieldsSurvive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set := field.Set(rapid.MapOf(rapid.String(), value()).Draw(t, "fields"))
		data, err := EncodeFields([]byte("before"), set)
		require.NoError(t, err)
		data = data[len("before"):]
		require.True(t, json.Valid(data))
		again, err := EncodeFields(nil, set)
		require.NoError(t, err)
		require.Equal(t, data, again, "the same fields are the same bytes")
		got, err := DecodeFields(data)
		require.NoError(t, err)
		require.Equal(t, set, got)
	})
}

func TestDimensionsSurvive(t *testing.T) {
	t.Parallel()
	require.Nil(t, EncodeDimensions(nil))
	none, err := DecodeDimensions(nil)
	require.NoError(t, err)
	require.Nil(t, none)
	text := rapid.String().Filter(utf8.ValidString)
	rapid.Check(t, func(t *rapid.T) {
		var all []field.Dimension
		for _, name := range rapid.SliceOfNDistinct(text, 1, 23, rapid.ID).Draw(t, "names") {
			all = append(all, field.Dimension{Name: name, Value: text.Draw(t, "value")})
		}
		data := EncodeDimensions(all)
		require.True(t, json.Valid(data))
		got, err := DecodeDimensions(data)
		require.NoError(t, err)
		require.Equal(t, all, got)
	})
	for _, data := range []string{"[]", "{", `{"a":1}`, `{"a":"b"`, `{"a":"b","a":"c"}`, "null", `"a"`} {
		_, err := DecodeDimensions([]byte(data))
		require.Error(t, err, data)
	}
}

func TestTextIsJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Filter(utf8.ValidString).Draw(t, "text")
		var got string
		require.NoError(t, json.Unmarshal(appendText(nil, s), &got))
		require.Equal(t, s, got)
	})
}

func TestTraceSurvives(t *testing.T) {
	t.Parallel()
	text := rapid.String()
	rapid.Check(t, func(t *rapid.T) {
		var trace lead.Trace
		for range rapid.IntRange(0, 5).Draw(t, "considered") {
			trace.Considered = append(trace.Considered, lead.Consideration{
				ContractID: text.Draw(t, "contract"), BuyerID: text.Draw(t, "buyer"),
				Reason: text.Draw(t, "reason"), Of: rapid.SampledFrom([]string{"", "buyer", "campaign"}).Draw(t, "of"), Price: money.Micros(rapid.Int64Range(math.MinInt64, math.MaxInt64).Draw(t, "price")),
			})
		}
		if more := rapid.MapOf(text, rapid.Int()).Draw(t, "more"); len(more) > 0 {
			trace.More = more
		}
		got, err := DecodeTrace(EncodeTrace(nil, trace))
		require.NoError(t, err)
		require.Equal(t, trace, got)
	})
}

func TestBrokenFieldsAreRefused(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "[]", "{", `{"a":}`, `{"a":1`, `{"a":1,"a":2}`, "null"} {
		_, err := DecodeFields([]byte(data))
		require.Error(t, err, data)
	}
	for _, data := range []string{"", "[", "{", "7", `[["a","b","c"]]`, `["a"]`, `{"considered":[["a","b","c"]]}`, `{"considered":[["a","b","c",1,2]]}`, `{"considered":[["a","b","c",null]]}`, `{"considered":["a"]}`} {
		_, err := DecodeTrace([]byte(data))
		require.Error(t, err, data)
	}
}

func TestOlderTracesAreRead(t *testing.T) {
	t.Parallel()
	got, err := DecodeTrace([]byte(`{"considered":[{"contract":"a","buyer":"b","reason":"sold","price":7},["d","e","cap",8]],"more":{"cap":3}}`))
	require.NoError(t, err)
	require.Equal(t, lead.Trace{Considered: []lead.Consideration{
		{ContractID: "a", BuyerID: "b", Reason: "sold", Price: 7}, {ContractID: "d", BuyerID: "e", Reason: "cap", Price: 8},
	}, More: map[string]int{"cap": 3}}, got)
	got, err = DecodeTrace([]byte(`{"considered":[["a","b","sold",7]]}`))
	require.NoError(t, err)
	require.Equal(t, lead.Trace{Considered: []lead.Consideration{{ContractID: "a", BuyerID: "b", Reason: "sold", Price: 7}}}, got)
	got, err = DecodeTrace([]byte("{}"))
	require.NoError(t, err)
	require.Empty(t, got)
}

func BenchmarkEncodeFields(b *testing.B) {
	set := field.Set{
		"firstName": field.TextValue("John"), "lastName": field.TextValue("Smith"), "phone": field.TextValue("+12025550123"),
		"state": field.TextValue("NY"), "email": field.TextValue("john@example.com"), "zip": field.TextValue("10001"), "age": {Kind: field.Number, Text: "44"},
	}
	buffer := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeFields(buffer, set); err != nil {
			b.Fatal(err)
		}
	}
}
