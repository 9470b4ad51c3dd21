package account_test

import (
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// code is what an app shows now.
func (f *office) code(secret string) string {
	f.t.Helper()
	code, err := totp.GenerateCode(secret, f.clock.Now())
	require.NoError(f.t, err)
	return code
}

func (f *office) confirm(cookie, code string) (accountcommand.SignedIn, error) {
	return application.Send[accountcommand.SignedIn](f.t.Context(), f.o, accountcommand.ConfirmSignIn{Cookie: cookie, Code: code, Browser: browser})
}

// half signs somebody in up to the second factor.
func (f *office) half(email string) string {
	f.t.Helper()
	signed, err := f.signIn(email, password)
	require.NoError(f.t, err)
	require.True(f.t, signed.SecondFactor)
	return signed.Cookie
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		cookie, ann := f.owner(f.sellerID, "ann@example.com")
		other, err := f.signIn("ann@example.com", password)
		require.NoError(t, err)
		begin := func(password string) (accountcommand.TOTPBegun, error) {
			return application.Send[accountcommand.TOTPBegun](t.Context(), f.o, accountcommand.BeginTOTP{Actor: ann.Actor, Password: password})
		}
		enrol := func(code string) (accountcommand.RecoveryCodes, error) {
			return application.Send[accountcommand.RecoveryCodes](t.Context(), f.o, accountcommand.ConfirmTOTP{Actor: ann.Actor, Code: code, Except: ann.SessionID})
		}
		_, err = begin("wrong")
		require.ErrorIs(t, err, accountcommand.ErrCurrentPassword)
		_, err = enrol("123456")
		require.Equal(t, operator.ErrSecondFactorOff, err)
		app, err := begin(password)
		require.NoError(t, err)
		_, err = enrol("nonsense")
		require.Equal(t, operator.ErrCode, err)
		f.person(other.Cookie)
		codes, err := enrol(f.code(app.Secret))
		require.NoError(t, err)
		require.Len(t, codes.Codes, 10)
		f.person(cookie)
		f.signedOut(other.Cookie)
		security, err := application.Send[accountquery.Security](t.Context(), f.o, accountquery.SecurityOfPerson{Actor: ann.Actor})
		require.NoError(t, err)
		require.Equal(t, accountquery.Security{HasPassword: true, SecondFactor: true, RecoveryCodes: 10}, security)

		// Half a session opens nothing else, and a code that was taken opens nothing either.
		half := f.half("ann@example.com")
		f.signedOut(half)
		_, err = f.confirm(half, f.code(app.Secret))
		require.Equal(t, operator.ErrCode, err, "it confirmed the app")
		require.Equal(t, account.ErrSignedOut, do(f, accountcommand.SwitchSeller{Actor: ann.Actor, Cookie: half, Code: f.shop.Code}))
		f.clock.Advance(time.Minute)
		signed, err := f.confirm(half, f.code(app.Secret))
		require.NoError(t, err)
		f.person(signed.Cookie)
		_, err = f.confirm(half, codes.Codes[0])
		require.Equal(t, account.ErrSignedOut, err, "it is rotated")
		_, err = f.confirm(signed.Cookie, codes.Codes[0])
		require.Equal(t, account.ErrSignedOut, err, "a whole session is not confirmed")
		_, err = f.confirm(f.half("ann@example.com"), f.code(app.Secret))
		require.Equal(t, operator.ErrCode, err, "a code is taken once")

		// Two sign-ins with the last recovery code: one gets in.
		for _, code := range codes.Codes[:3] {
			_, err := f.confirm(f.half("ann@example.com"), code)
			require.NoError(t, err)
		}
		f.clock.Advance(15 * time.Minute) // the limits begin anew
		for _, code := range codes.Codes[3:9] {
			_, err := f.confirm(f.half("ann@example.com"), code)
			require.NoError(t, err)
		}
		halves := []string{f.half("ann@example.com"), f.half("ann@example.com")}
		results := make([]error, 2)
		apptest.Parallel(2, func(i int) { _, results[i] = f.confirm(halves[i], codes.Codes[9]) })
		if results[0] != nil {
			results[0], results[1] = results[1], results[0]
		}
		require.NoError(t, results[0])
		require.ErrorIs(t, results[1], operator.ErrCode)

		// Guessing ends, then half a session does.
		f.clock.Advance(15 * time.Minute)
		half = f.half("ann@example.com")
		for range 10 {
			_, err = f.confirm(half, "000000")
			require.Equal(t, operator.ErrCode, err)
		}
		_, err = f.confirm(half, f.code(app.Secret))
		require.Equal(t, accountcommand.ErrTooManyTries, err)
		f.clock.Advance(15 * time.Minute)
		_, err = f.confirm(half, f.code(app.Secret))
		require.Equal(t, account.ErrSignedOut, err)

		renewed, err := application.Send[accountcommand.RecoveryCodes](t.Context(), f.o, accountcommand.RenewRecoveryCodes{Actor: ann.Actor, Code: f.code(app.Secret)})
		require.NoError(t, err)
		require.NoError(t, do(f, accountcommand.DisableTOTP{Actor: ann.Actor, Code: renewed.Codes[4]}))
		require.Equal(t, operator.ErrSecondFactorOff, do(f, accountcommand.DisableTOTP{Actor: ann.Actor, Code: renewed.Codes[5]}))
		signed, err = f.signIn("ann@example.com", password)
		require.NoError(t, err)
		assert.False(t, signed.SecondFactor)
		assert.Zero(t, f.db.Number("SELECT LENGTH(totp_secret) + LENGTH(totp_pending) + LENGTH(recovery_codes) FROM people WHERE id = ?", ann.ID))
		f.Doctor(t)
	})
}

// Whoever runs the installation takes a lost second factor away, whatever sellers the person works for; each of them sees it.
func TestALostSecondFactorIsTakenAway(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		_, ann := f.owner(f.sellerID, "ann@example.com")
		shop2 := apptest.NewShop(t, f.App, nil, apptest.Rich)
		_, eve := f.owner(f.idOf(shop2.Code), "eve@example.com")
		shop3 := apptest.NewShop(t, f.App, nil, apptest.Rich)
		_, kim := f.owner(f.idOf(shop3.Code), "kim@example.com")
		bob := f.join(ann.Actor, "bob@example.com", "operator")
		for _, by := range []application.Actor{eve.Actor, kim.Actor} {
			link, err := application.Send[accountcommand.PersonInvited](t.Context(), f.o, accountcommand.InvitePerson{Actor: by, Email: "bob@example.com", Role: "viewer", Link: true})
			require.NoError(t, err)
			if by.SellerCode == shop2.Code {
				_, err = application.Send[accountcommand.SignedIn](t.Context(), f.o, accountcommand.AcceptPersonInvitation{Token: link.Token, Former: bob.Cookie, Browser: browser})
				require.NoError(t, err)
			}
		}
		p := f.person(bob.Cookie)
		reset := func(email string) error {
			return do(f, accountcommand.ResetSecondFactor{Actor: application.Actor{Scope: seller.Admin, KeyID: "cli"}, Email: email})
		}
		require.Equal(t, operator.ErrSecondFactorOff, reset("bob@example.com"))
		app, err := application.Send[accountcommand.TOTPBegun](t.Context(), f.o, accountcommand.BeginTOTP{Actor: p.Actor, Password: password})
		require.NoError(t, err)
		_, err = application.Send[accountcommand.RecoveryCodes](t.Context(), f.o, accountcommand.ConfirmTOTP{Actor: p.Actor, Code: f.code(app.Secret), Except: p.SessionID})
		require.NoError(t, err)
		half := f.half("bob@example.com")

		require.Equal(t, []string{"email"}, fault.As(reset("nobody")).Fields())
		require.Equal(t, operator.ErrNotFound, reset("nobody@example.com"))
		require.Equal(t, application.ErrForbidden, do(f, accountcommand.ResetSecondFactor{Actor: ann.Actor, Email: "bob@example.com"}))
		require.NoError(t, reset(" Bob@example.com"))
		f.signedOut(bob.Cookie)
		f.clock.Advance(time.Minute)
		_, err = f.confirm(half, f.code(app.Secret))
		require.Equal(t, account.ErrSignedOut, err)
		signed, err := f.signIn("bob@example.com", password)
		require.NoError(t, err)
		require.False(t, signed.SecondFactor)
		f.person(signed.Cookie)
		for _, by := range []application.Actor{ann.Actor, eve.Actor} {
			entry := f.trail(by, accountquery.AuditTrail{Object: bob.PersonID})[0]
			require.Equal(t, []any{"ResetSecondFactor", "cli", []string{bob.PersonID}}, []any{entry.Command, entry.KeyID, entry.Objects})
		}
		require.NotContains(t, commands(f.trail(kim.Actor, accountquery.AuditTrail{})), "ResetSecondFactor", "who only invited is told nothing")
		f.Doctor(t)
	})
}
