package money_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

var (
	usd = money.MustCurrency("USD")
	jpy = money.MustCurrency("JPY")
	kwd = money.MustCurrency("KWD")
	clf = money.MustCurrency("CLF")
)

func TestParse(t *testing.T) {
	t.Parallel()
	const (
		number  = "must be a number"
		large   = "is too large"
		tooLong = "must be a number of at most 64 characters"
	)
	for _, tc := range []struct {
		in   string
		c    money.Currency
		want money.Micros
		err  string
	}{
		{in: "45", c: usd, want: 45_000_000},
		{in: "45.00", c: usd, want: 45_000_000},
		{in: "45.000", c: usd, want: 45_000_000},
		{in: "45." + strings.Repeat("0", 61), c: usd, want: 45_000_000},
		{in: "4.5e1", c: usd, want: 45_000_000},
		{in: "4.5E+1", c: usd, want: 45_000_000},
		{in: "4500e-2", c: usd, want: 45_000_000},
		{in: "45000000000000000000000000e-24", c: usd, want: 45_000_000},
		{in: "0.00000000000000000000000045e26", c: usd, want: 45_000_000},
		{in: "-3", c: usd, want: -3_000_000},
		{in: "-3.1", c: usd, want: -3_100_000},
		{in: "-0.01", c: usd, want: -10_000},
		{in: "0", c: usd},
		{in: "-0", c: usd},
		{in: "0.00", c: usd},
		{in: "0e5", c: usd},
		{in: "0e999999999", c: usd},
		{in: "-0.000e-999999999", c: usd},
		{in: "45", c: jpy, want: 45_000_000},
		{in: "45.0", c: jpy, want: 45_000_000},
		{in: "1.234", c: kwd, want: 1_234_000},
		{in: "1.2345", c: clf, want: 1_234_500},
		{in: "9000000000", c: usd, want: 9_000_000_000_000_000},
		{in: "-9000000000.00", c: usd, want: -9_000_000_000_000_000},
		{in: "9e9", c: usd, want: money.Max},

		{in: "45.001", c: usd, err: "must have at most 2 decimals"},
		{in: "1e-3", c: usd, err: "must have at most 2 decimals"},
		{in: "1e-400", c: usd, err: "must have at most 2 decimals"},
		{in: "1e-999999999", c: usd, err: "must have at most 2 decimals"},
		{in: "0.0000000000000000000000000001", c: usd, err: "must have at most 2 decimals"},
		{in: "45.0000000000000000000000000001", c: usd, err: "must have at most 2 decimals"},
		{in: "45.5", c: jpy, err: "must have no decimals"},
		{in: "1.2345", c: kwd, err: "must have at most 3 decimals"},
		{in: "1.23456", c: clf, err: "must have at most 4 decimals"},
		{in: "9000000000.01", c: usd, err: large},
		{in: "-9000000000.01", c: usd, err: large},
		{in: "9999999999", c: usd, err: large},
		{in: "10000000000", c: usd, err: large},
		{in: "12345678901234567890123456789012345678901234567890", c: usd, err: large},
		{in: "1e400", c: usd, err: large},
		{in: "1e999999999", c: usd, err: large},
		{in: "1e" + strings.Repeat("9", 60), c: usd, err: large},
		{in: strings.Repeat("9", 10_000), c: usd, err: tooLong},
		{in: "0." + strings.Repeat("0", 10_000), c: usd, err: tooLong},
		{in: "", c: usd, err: number},
		{in: "-", c: usd, err: number},
		{in: "NaN", c: usd, err: number},
		{in: "Infinity", c: usd, err: number},
		{in: "-inf", c: usd, err: number},
		{in: "+1", c: usd, err: number},
		{in: " 1", c: usd, err: number},
		{in: "1 ", c: usd, err: number},
		{in: "0x10", c: usd, err: number},
		{in: "1_000", c: usd, err: number},
		{in: "1,000", c: usd, err: number},
		{in: ".5", c: usd, err: number},
		{in: "1.", c: usd, err: number},
		{in: "1.e5", c: usd, err: number},
		{in: "-.5", c: usd, err: number},
		{in: "01", c: usd, err: number},
		{in: "-01", c: usd, err: number},
		{in: "00", c: usd, err: number},
		{in: "1e", c: usd, err: number},
		{in: "1e+", c: usd, err: number},
		{in: "1e1.5", c: usd, err: number},
		{in: "1e--5", c: usd, err: number},
		{in: "1.2.3", c: usd, err: number},
		{in: "--1", c: usd, err: number},
		{in: "1-", c: usd, err: number},
		{in: `"45"`, c: usd, err: number},
		{in: "$45", c: usd, err: number},
		{in: "45\x00", c: usd, err: number},
		{in: "45\n", c: usd, err: number},
		{in: "４５", c: usd, err: number},
		{in: "\xff", c: usd, err: number},
		{in: "null", c: usd, err: number},
	} {
		t.Run(tc.c.Code()+" "+name(tc.in), func(t *testing.T) {
			t.Parallel()
			got, err := money.Parse(tc.in, tc.c)
			requireFault(t, tc.err, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestParseSigned(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in                    string
		want                  money.Micros
		positive, nonNegative string
	}{
		{in: "0.01", want: 10_000},
		{in: "0", positive: "must be greater than 0"},
		{in: "-0", positive: "must be greater than 0"},
		{in: "-0.01", positive: "must be greater than 0", nonNegative: "must not be negative"},
		{in: "x", positive: "must be a number", nonNegative: "must be a number"},
		{in: "1e10", positive: "is too large", nonNegative: "is too large"},
	} {
		t.Run(tc.in, func(t *testing.T) {
			t.Parallel()
			got, err := money.ParsePositive(tc.in, usd)
			requireFault(t, tc.positive, err)
			assert.Equal(t, tc.want, got)
			got, err = money.ParseNonNegative(tc.in, usd)
			requireFault(t, tc.nonNegative, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

//nolint:paralleltest // tests beside it would allocate too
func TestParseHostileLiteralsCostNothing(t *testing.T) {
	for _, in := range []string{
		"1e400", "1e999999999", "1e-999999999", "-1e999999999", strings.Repeat("9", 10_000), "0." + strings.Repeat("0", 1<<20),
	} {
		allocs := testing.AllocsPerRun(10, func() { _, _ = money.Parse(in, usd) })
		assert.LessOrEqual(t, allocs, 3.0, name(in))
	}
}

func TestAddSub(t *testing.T) {
	t.Parallel()
	const lo, hi = money.Micros(math.MinInt64), money.Micros(math.MaxInt64)
	for _, tc := range []struct {
		a, b       money.Micros
		sum, diff  money.Micros
		addE, subE string
	}{
		{a: 1, b: 2, sum: 3, diff: -1},
		{a: -1, b: -2, sum: -3, diff: 1},
		{a: 0, b: 0},
		{a: hi, b: 0, sum: hi, diff: hi},
		{a: lo, b: 0, sum: lo, diff: lo},
		{a: hi, b: 1, addE: "is too large", diff: hi - 1},
		{a: lo, b: 1, sum: lo + 1, subE: "is too large"},
		{a: hi, b: -1, sum: hi - 1, subE: "is too large"},
		{a: lo, b: -1, addE: "is too large", diff: lo + 1},
		{a: hi, b: hi, addE: "is too large"},
		{a: lo, b: lo, addE: "is too large"},
		{a: 0, b: lo, sum: lo, subE: "is too large"},
		{a: -1, b: lo, addE: "is too large", diff: hi},
		{a: hi, b: lo, sum: -1, subE: "is too large"},
	} {
		sum, err := tc.a.Add(tc.b)
		requireFault(t, tc.addE, err)
		assert.Equal(t, tc.sum, sum)
		diff, err := tc.a.Sub(tc.b)
		requireFault(t, tc.subE, err)
		assert.Equal(t, tc.diff, diff)
	}
}

func TestAddSubProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		check := func(got money.Micros, err error, want *big.Int) {
			if want.IsInt64() != (err == nil) || err == nil && int64(got) != want.Int64() {
				t.Fatalf("got %d, %v, want %s", got, err, want)
			}
		}
		sum, err := money.Micros(a).Add(money.Micros(b))
		check(sum, err, new(big.Int).Add(big.NewInt(a), big.NewInt(b)))
		diff, err := money.Micros(a).Sub(money.Micros(b))
		check(diff, err, new(big.Int).Sub(big.NewInt(a), big.NewInt(b)))
	})
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		m    money.Micros
		c    money.Currency
		want string
	}{
		{45_000_000, usd, "45.00"},
		{-3_100_000, usd, "-3.10"},
		{0, usd, "0.00"},
		{10_000, usd, "0.01"},
		{-10_000, usd, "-0.01"},
		{1, usd, "0.000001"},
		{1_001_000, usd, "1.001"},
		{1_230_000, usd, "1.23"},
		{45_000_000, jpy, "45"},
		{0, jpy, "0"},
		{45_500_000, jpy, "45.5"},
		{-1, jpy, "-0.000001"},
		{1_500_000, kwd, "1.500"},
		{1_500_000, clf, "1.5000"},
		{money.Max, usd, "9000000000.00"},
		{math.MaxInt64, usd, "9223372036854.775807"},
		{math.MinInt64, usd, "-9223372036854.775808"},
	} {
		assert.Equal(t, tc.want, tc.m.Format(tc.c))
	}
}

func TestPercentOf(t *testing.T) {
	t.Parallel()
	const lo, hi = money.Micros(math.MinInt64), money.Micros(math.MaxInt64)
	for _, tc := range []struct {
		m    money.Micros
		p    string
		c    money.Currency
		want money.Micros
	}{
		{45_000_000, "70", usd, 31_500_000},
		{45_000_000, "0", usd, 0},
		{45_000_000, "100", usd, 45_000_000},
		{10_000, "50", usd, 10_000},   // half a cent up
		{10_000, "49.9999", usd, 0},   // just below half a cent
		{-10_000, "50", usd, -10_000}, // away from zero
		{-10_000, "49.9999", usd, 0},
		{30_000, "50", usd, 20_000},
		{19_990_000, "12.5", usd, 2_500_000},
		{1_000_000, "33.3333", usd, 330_000},
		{1_000_000, "66.6666", usd, 670_000},
		{1_000_000, "50", jpy, 1_000_000},
		{1_000_000, "49.9999", jpy, 0},
		{1_000, "50", kwd, 1_000},
		{100, "50", clf, 100},
		{money.Max, "100", usd, money.Max},
		{money.Max, "99.9999", usd, 8_999_991_000_000_000},
		{hi, "100", usd, 9_223_372_036_854_770_000},
		{lo, "100", usd, -9_223_372_036_854_770_000},
		{hi, "100", jpy, 9_223_372_036_854_000_000},
	} {
		p, err := money.ParsePercent(tc.p)
		require.NoError(t, err)
		assert.Equal(t, tc.want, tc.m.Percent(p, tc.c), "%s%% of %d", tc.p, tc.m)
	}
	assert.Equal(t, money.Micros(9_223_372_036_854_770_000), hi.Percent(math.MaxInt64, usd))
	assert.Equal(t, money.Micros(-9_223_372_036_854_770_000), hi.Percent(math.MinInt64, usd))
	assert.Equal(t, money.Micros(-20_000), money.Micros(10_000).Percent(-2*money.Hundred, usd))
}

func TestPercentOfProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]money.Currency{usd, jpy, kwd, clf}).Draw(t, "currency")
		m := rapid.Int64Range(-int64(money.Max), int64(money.Max)).Draw(t, "m")
		p := rapid.Int64Range(0, int64(money.Hundred)).Draw(t, "p")
		unit := int64(math.Pow10(6 - c.Digits()))

		// floor(|m|p / (Hundred unit) + 1/2) units, in exact arithmetic.
		num := new(big.Int).Mul(big.NewInt(m), big.NewInt(p))
		num.Abs(num).Lsh(num, 1)
		den := new(big.Int).Mul(big.NewInt(int64(money.Hundred)), big.NewInt(unit))
		num.Add(num, den).Quo(num, den.Lsh(den, 1)).Mul(num, big.NewInt(unit))
		if m < 0 {
			num.Neg(num)
		}
		if got := money.Micros(m).Percent(money.Percent(p), c); int64(got) != num.Int64() {
			t.Fatalf("got %d, want %s", got, num)
		}
		if got, neg := money.Micros(m).Percent(money.Percent(p), c), money.Micros(-m).Percent(money.Percent(p), c); got != -neg {
			t.Fatalf("%d and %d do not cancel out", got, neg)
		}
	})
}

func TestParseFormatRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]money.Currency{usd, jpy, kwd, clf}).Draw(t, "currency")
		unit := int64(math.Pow10(6 - c.Digits()))
		units := rapid.Int64Range(-int64(money.Max)/unit, int64(money.Max)/unit).Draw(t, "units")
		m := money.Micros(units * unit)
		s := m.Format(c)
		if _, decimals, _ := strings.Cut(s, "."); len(decimals) != c.Digits() {
			t.Fatalf("%s has %d decimals", s, len(decimals))
		}
		got, err := money.Parse(s, c)
		if err != nil || got != m {
			t.Fatalf("%s: got %d, %v, want %d", s, got, err, m)
		}
	})
}

// Format is exact for every amount, also for those that are no multiple of the minor unit.
func TestFormatIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.Int64().Draw(t, "m")
		s := money.Micros(m).Format(usd)
		r, ok := new(big.Rat).SetString(s)
		if !ok || !json.Valid([]byte(s)) || r.Cmp(big.NewRat(m, 1_000_000)) != 0 {
			t.Fatalf("%d formats as %s", m, s)
		}
	})
}

// Parse agrees with exact rational arithmetic on every literal that looks like a number.
func TestParseAgreesWithRationals(t *testing.T) {
	t.Parallel()
	literals := rapid.StringMatching(`-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		checkAgainstRationals(t, literals.Draw(t, "literal"))
	})
}

type fataler interface {
	Fatalf(format string, args ...any)
}

func checkAgainstRationals(t fataler, s string) {
	got, err := money.Parse(s, usd)
	want, ok := new(big.Rat).SetString(s)
	if !ok {
		if err == nil {
			t.Fatalf("%q accepted as %d", s, got)
		}
		return
	}
	want.Mul(want, big.NewRat(1_000_000, 1))
	cents := new(big.Rat).Quo(want, big.NewRat(10_000, 1))
	fits := new(big.Rat).Abs(want).Cmp(big.NewRat(int64(money.Max), 1)) <= 0
	if acceptable := cents.IsInt() && fits; acceptable != (err == nil) {
		t.Fatalf("%q: acceptable %v, got error %v", s, acceptable, err)
	}
	if err == nil && want.Num().Int64() != int64(got) {
		t.Fatalf("%q: got %d, want %s", s, got, want)
	}
}

func TestParsePercent(t *testing.T) {
	t.Parallel()
	const between = "must be between 0 and 100"
	for _, tc := range []struct {
		in   string
		want money.Percent
		str  string
		err  string
	}{
		{in: "70", want: 700_000, str: "70"},
		{in: "70.00", want: 700_000, str: "70"},
		{in: "7e1", want: 700_000, str: "70"},
		{in: "12.5", want: 125_000, str: "12.5"},
		{in: "12.50", want: 125_000, str: "12.5"},
		{in: "0", str: "0"},
		{in: "-0", str: "0"},
		{in: "0.0001", want: 1, str: "0.0001"},
		{in: "99.9999", want: 999_999, str: "99.9999"},
		{in: "100", want: money.Hundred, str: "100"},
		{in: "100.0000", want: money.Hundred, str: "100"},
		{in: "100.0001", err: between},
		{in: "-0.0001", err: between},
		{in: "101", err: between},
		{in: "1000", err: between},
		{in: "1e999999999", err: between},
		{in: "-5", err: between},
		{in: "0.00001", err: "must have at most 4 decimals"},
		{in: "1e-999999999", err: "must have at most 4 decimals"},
		{in: "70%", err: "must be a number"},
		{in: "", err: "must be a number"},
		{in: "NaN", err: "must be a number"},
		{in: ".5", err: "must be a number"},
		{in: "+70", err: "must be a number"},
		{in: strings.Repeat("7", 10_000), err: "must be a number of at most 64 characters"},
	} {
		t.Run(name(tc.in), func(t *testing.T) {
			t.Parallel()
			got, err := money.ParsePercent(tc.in)
			requireFault(t, tc.err, err)
			assert.Equal(t, tc.want, got)
			if tc.err == "" {
				assert.Equal(t, tc.str, got.String())
			}
		})
	}
}

func TestPercentRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := money.Percent(rapid.Int64Range(0, int64(money.Hundred)).Draw(t, "p"))
		got, err := money.ParsePercent(p.String())
		if err != nil || got != p {
			t.Fatalf("%s: got %d, %v, want %d", p, got, err, p)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"45", "45.00", "4.5e1", "-3", "45.000", "1e400", "1e999999999", "NaN", "+1", "", " 1", "0x10", "1_000", ".5", "1.",
		"0e99", "-0", "9e9", "1e-3", strings.Repeat("9", 65), "1\x00", "\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := money.Parse(s, usd)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%q: %v is not Invalid", s, err)
			}
			return
		}
		if !json.Valid([]byte(s)) {
			t.Fatalf("%q accepted, but is not JSON", s)
		}
		again, err := money.Parse(got.Format(usd), usd)
		if err != nil || again != got {
			t.Fatalf("%q: %d does not round trip: %d, %v", s, got, again, err)
		}
		if !strings.ContainsAny(s, "eE") {
			checkAgainstRationals(t, s)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = money.Parse("45.00", usd)
	}
}

func requireFault(t *testing.T, want string, err error) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.EqualError(t, err, want)
	assert.Equal(t, fault.Invalid, fault.KindOf(err))
	assert.Equal(t, fault.InvalidValue, fault.CodeOf(err))
}

// name makes a subtest name of any input.
func name(in string) string {
	if len(in) > 70 {
		in = in[:20] + "…"
	}
	return strconv.Quote(in)
}
