package money

import (
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
)

// The active currency and fund codes of ISO 4217 list one that have a minor unit, by their number of decimals, as of
// amendment 180 (BGN withdrawn). Metals, test codes, SDR, XUA, XSU and XXX have no minor unit and are left out.
const (
	isoDigits0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
	isoDigits2 = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE " +
		"CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL " +
		"HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR " +
		"MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK " +
		"SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD " +
		"XCD XCG YER ZAR ZMW ZWG"
	isoDigits3 = "BHD IQD JOD KWD LYD OMR TND"
	isoDigits4 = "CLF UYW"
)

var currencies = func() map[string]Currency {
	all := make(map[string]Currency, 180)
	for digits, codes := range map[uint8]string{0: isoDigits0, 2: isoDigits2, 3: isoDigits3, 4: isoDigits4} {
		for code := range strings.FieldsSeq(codes) {
			all[code] = Currency{code: code, digits: digits}
		}
	}
	return all
}()

var errCurrency = fault.New(fault.Invalid, fault.InvalidValue, "must be an active ISO 4217 currency code in upper case")

// Currency is an active ISO 4217 currency. Values compare with ==; the zero value is no currency.
type Currency struct {
	code   string
	digits uint8
}

// ParseCurrency returns the currency of an upper-case ISO 4217 code, such as "USD". It fails for withdrawn codes and for
// codes without a minor unit, such as XAU and XXX.
func ParseCurrency(code string) (Currency, error) {
	c, ok := currencies[code]
	if !ok {
		return Currency{}, errCurrency
	}
	return c, nil
}

// MustCurrency is ParseCurrency for codes that are written in the source; it panics on any other.
func MustCurrency(code string) Currency {
	c, err := ParseCurrency(code)
	if err != nil {
		panic("money: not a currency: " + code)
	}
	return c
}

// Code returns the ISO 4217 code; empty for the zero value.
func (c Currency) Code() string { return c.code }

// Digits returns the number of decimals of the currency's minor unit: 2 for USD, 0 for JPY, 3 for KWD.
func (c Currency) Digits() int { return int(c.digits) }

// IsZero reports whether c is no currency.
func (c Currency) IsZero() bool { return c.code == "" }

// String returns the code.
func (c Currency) String() string { return c.code }

// minorUnit returns how many Micros the currency's minor unit is worth.
func (c Currency) minorUnit() uint64 {
	unit := uint64(microsPerMajor)
	for range c.digits {
		unit /= 10
	}
	return unit
}
