// Package totp makes and checks the codes of authenticator apps (RFC 6238).
//
// Stability: unsupported; it may change at any time.
package totp

import (
	"crypto/subtle"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/leadmill/leadmill/application/account"
)

// Codes implements account.Codes with what every authenticator app understands: SHA-1, six digits, 30 seconds. A code of the step before and of the
// one behind is taken too, because clocks differ.
type Codes struct{}

var _ account.Codes = Codes{}

const (
	period = 30
	issuer = "Leadmill"
)

// New implements account.Codes.
func (Codes) New(email string) (secret, url string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: email, Period: period, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", "", err
	}
	return key.Secret(), key.URL(), nil
}

// Step implements account.Codes.
func (Codes) Step(secret, code string, now time.Time) (step int64, ok bool) {
	code = strings.Join(strings.Fields(code), "")
	current := now.Unix() / period
	for _, s := range []int64{current - 1, current, current + 1} {
		want, err := hotp.GenerateCodeCustom(secret, uint64(max(s, 0)), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}
