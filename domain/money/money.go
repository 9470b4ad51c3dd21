// Package money holds amounts in integer micro-units, percentages and currencies. No floating point is used anywhere.
//
// Stability: stable.
package money

import (
	"math"
	"math/bits"
	"strconv"

	"github.com/leadmill/leadmill/domain/fault"
)

const (
	microDigits    = 6
	microsPerMajor = 1_000_000
	percentDigits  = 4
	// maxIntDigits is how many digits Max has before the point.
	maxIntDigits = 10
)

// Max is the largest amount that Parse accepts, in either sign: 9 billion major units.
const Max Micros = 9_000_000_000 * microsPerMajor

// Hundred is 100%.
const Hundred Percent = 100 * 10_000

var (
	errNotPositive = fault.New(fault.Invalid, fault.InvalidValue, "must be greater than 0")
	errNegative    = fault.New(fault.Invalid, fault.InvalidValue, "must not be negative")
	errPercent     = fault.New(fault.Invalid, fault.InvalidValue, "must be between 0 and 100")
)

// Micros is an amount in millionths of a currency's major unit: 45.00 USD is 45_000_000. The currency is kept beside it.
type Micros int64

// Parse reads a JSON number literal, such as 45, 45.00 or 4.5e1, as an amount of c. It fails when s is no JSON number,
// has more decimals than c (trailing zeros do not count), or is beyond ±Max. It never rounds.
func Parse(s string, c Currency) (Micros, error) {
	v, err := parseScaled(s, c.Digits(), microDigits, maxIntDigits, errTooLarge)
	if err != nil {
		return 0, err
	}
	m := Micros(v)
	if m > Max || m < -Max {
		return 0, errTooLarge
	}
	return m, nil
}

// ParsePositive is Parse for amounts that must be greater than zero.
func ParsePositive(s string, c Currency) (Micros, error) {
	m, err := Parse(s, c)
	if err != nil {
		return 0, err
	}
	if m <= 0 {
		return 0, errNotPositive
	}
	return m, nil
}

// ParseNonNegative is Parse for amounts that may be zero but not less.
func ParseNonNegative(s string, c Currency) (Micros, error) {
	m, err := Parse(s, c)
	if err != nil {
		return 0, err
	}
	if m < 0 {
		return 0, errNegative
	}
	return m, nil
}

// Add returns m + n, or an error when the sum does not fit in 64 bits.
func (m Micros) Add(n Micros) (Micros, error) {
	sum := m + n
	if (sum > m) != (n > 0) && n != 0 {
		return 0, errTooLarge
	}
	return sum, nil
}

// Sub returns m - n, or an error when the difference does not fit in 64 bits.
func (m Micros) Sub(n Micros) (Micros, error) {
	diff := m - n
	if (diff < m) != (n > 0) && n != 0 {
		return 0, errTooLarge
	}
	return diff, nil
}

// Format returns m as a decimal number with the decimals of c: 45.00 in USD, 45 in JPY. An amount that is no multiple of
// the minor unit gets as many more decimals as it needs, so the text is always exact. It is a JSON number literal.
func (m Micros) Format(c Currency) string {
	return string(appendScaled(make([]byte, 0, 24), int64(m), microDigits, c.Digits()))
}

// Percent returns p of m, rounded half up to the minor unit of c (docs/marketplace.md). A half of a negative amount rounds
// away from zero, so that p of -m is always the negative of p of m. For |m| up to Max and p up to 100% the result is at most
// |m| rounded; a result that does not fit in 64 bits becomes the largest multiple of the minor unit that does.
func (m Micros) Percent(p Percent, c Currency) Micros {
	unit := c.minorUnit()
	divisor := uint64(Hundred) * unit
	most := uint64(math.MaxInt64) / unit
	units := most
	hi, lo := bits.Mul64(magnitude(int64(m)), magnitude(int64(p)))
	if hi < divisor {
		quotient, rest := bits.Div64(hi, lo, divisor)
		if quotient < most && rest >= divisor-rest {
			quotient++
		}
		units = min(quotient, most)
	}
	amount := Micros(units * unit)
	if (m < 0) != (p < 0) {
		return -amount
	}
	return amount
}

// Split divides m into n parts that are whole minor units of c: the first has what is left over, the other n - 1 are equal. n below 2 is
// one part.
func (m Micros) Split(n int, c Currency) (first, other Micros) {
	if n < 2 {
		return m, 0
	}
	unit := Micros(c.minorUnit())
	other = m / Micros(n) / unit * unit
	return m - other*Micros(n-1), other
}

// Percent is a percentage in ten-thousandths of a percent: 70% is 700_000.
type Percent int64

// ParsePercent reads a JSON number literal from 0 to 100 with at most 4 decimals, trailing zeros not counted.
func ParsePercent(s string) (Percent, error) {
	v, err := parseScaled(s, percentDigits, percentDigits, 3, errPercent)
	if err != nil {
		return 0, err
	}
	p := Percent(v)
	if p < 0 || p > Hundred {
		return 0, errPercent
	}
	return p, nil
}

// String returns the shortest decimal form, without a sign for percent: 70, 12.5.
func (p Percent) String() string {
	return string(appendScaled(make([]byte, 0, 24), int64(p), percentDigits, 0))
}

// appendScaled appends v × 10^-scale with at least minDecimals decimals and no other trailing zeros.
func appendScaled(b []byte, v int64, scale, minDecimals int) []byte {
	if v < 0 {
		b = append(b, '-')
	}
	var buf [24]byte
	digits := strconv.AppendUint(buf[:0], magnitude(v), 10)
	for len(digits) <= scale {
		digits = append(digits, 0)
		copy(digits[1:], digits)
		digits[0] = '0'
	}
	point := len(digits) - scale
	end := len(digits)
	for end > point+minDecimals && digits[end-1] == '0' {
		end--
	}
	b = append(b, digits[:point]...)
	if end == point {
		return b
	}
	b = append(b, '.')
	return append(b, digits[point:end]...)
}

// magnitude returns |v|, also for the smallest int64.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}
