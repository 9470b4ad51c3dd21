package account_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// byProvider signs in by the provider, which says something of somebody.
func (f *office) byProvider(p *apptest.Provider, claims map[string]any) (accountcommand.OIDCFinished, error) {
	f.t.Helper()
	begun, err := application.Send[accountcommand.OIDCBegun](f.t.Context(), f.o, accountcommand.BeginOIDC{Next: "/console/leads", Browser: browser})
	require.NoError(f.t, err)
	back, err := url.Parse(p.Consent(f.t, begun.Address, claims))
	require.NoError(f.t, err)
	return application.Send[accountcommand.OIDCFinished](f.t.Context(), f.o, accountcommand.FinishOIDC{
		State: back.Query().Get("state"), Code: back.Query().Get("code"), Cookie: begun.Cookie, Browser: browser,
	})
}

func TestPeopleSignInByAProvider(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		clock := leadmilltest.NewClock(time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC))
		provider := apptest.StartProvider(t, clock)
		f := newOfficeWith(t, databaseURL, clock, func(c *leadmill.Config) {
			keepingSecrets(c)
			provider.Settings(c)
		})
		annCookie, ann := f.owner(f.sellerID, "ann@example.com")

		// Who was invited accepts by signing in, without a password; the link of the invitation is void then.
		invited, err := application.Send[accountcommand.PersonInvited](t.Context(), f.o, accountcommand.InvitePerson{Actor: ann.Actor, Email: "bob@example.com", Role: "viewer", Link: true})
		require.NoError(t, err)
		_, err = f.byProvider(provider, map[string]any{"sub": "b", "email": "bob@example.com", "email_verified": false})
		require.ErrorIs(t, err, account.ErrProviderRefused)
		assert.Zero(t, f.db.Number("SELECT COUNT(*) FROM memberships WHERE person_id = ? AND accepted_at > 0", invited.PersonID))
		bob := map[string]any{"sub": "b", "email": "Bob@Example.com", "email_verified": true, "name": "Bob"}
		signed, err := f.byProvider(provider, bob)
		require.NoError(t, err)
		assert.Equal(t, []any{invited.PersonID, "/console/leads"}, []any{signed.PersonID, signed.Next})
		p := f.person(signed.Cookie)
		assert.Equal(t, []any{"Bob", application.Viewer}, []any{p.Name, p.Actor.Role})
		_, err = application.Send[accountquery.PersonLinkView](t.Context(), f.o, accountquery.PersonLink{Token: invited.Token, Kind: accountquery.InvitationLink})
		require.Error(t, err)
		security, err := application.Send[accountquery.Security](t.Context(), f.o, accountquery.SecurityOfPerson{Actor: p.Actor})
		require.NoError(t, err)
		assert.Equal(t, accountquery.Security{HasProvider: true}, security)

		// Whom the provider knows as Bob does not become Ann by her email, and another account does not become Bob by his.
		signed, err = f.byProvider(provider, map[string]any{"sub": "b", "email": "ann@example.com", "email_verified": true})
		require.NoError(t, err)
		assert.Equal(t, invited.PersonID, signed.PersonID)
		_, err = f.byProvider(provider, map[string]any{"sub": "B", "email": "bob@example.com", "email_verified": true})
		require.ErrorIs(t, err, account.ErrProviderRefused)

		require.Equal(t, []string{"FinishOIDC"}, commands(f.trail(ann.Actor, accountquery.AuditTrail{By: invited.PersonID})))

		// What the provider verified shows that the address is Bob's; Ann's password was set before anybody showed that hers is.
		assert.Equal(t, f.clock.Now().UnixMicro(), f.db.Number("SELECT proven_at FROM people WHERE id = ?", invited.PersonID))
		_, err = f.signIn("ann@example.com", password)
		require.NoError(t, err)

		// Two at once come for the first time as Ann: both are her, or one is refused; never is somebody else kept.
		results := make([]error, 2)
		apptest.Parallel(2, func(i int) {
			_, results[i] = f.byProvider(provider, map[string]any{"sub": "a", "email": "ann@example.com", "email_verified": true})
		})
		assert.True(t, results[0] == nil || results[1] == nil, "%v", results)
		assert.Equal(t, int64(1), f.db.Number("SELECT COUNT(*) FROM people WHERE subject = ?", provider.URL+" a"))

		_, err = f.signIn("ann@example.com", password)
		require.Equal(t, accountcommand.ErrSignIn, err)
		f.signedOut(annCookie)

		require.Equal(t, []string{"FinishOIDC"}, commands(f.trail(ann.Actor, accountquery.AuditTrail{By: invited.PersonID})), "a sign-in changes nothing")

		// Her second factor is asked for beside it.
		app, err := application.Send[accountcommand.TOTPBegun](t.Context(), f.o, accountcommand.BeginTOTP{Actor: ann.Actor, Password: password})
		require.NoError(t, err)
		_, err = application.Send[accountcommand.RecoveryCodes](t.Context(), f.o, accountcommand.ConfirmTOTP{Actor: ann.Actor, Code: f.code(app.Secret), Except: ann.SessionID})
		require.NoError(t, err)
		signed, err = f.byProvider(provider, map[string]any{"sub": "a"})
		require.NoError(t, err)
		assert.True(t, signed.SecondFactor)
		f.signedOut(signed.Cookie)
		f.clock.Advance(time.Minute)
		whole, err := f.confirm(signed.Cookie, f.code(app.Secret))
		require.NoError(t, err)
		f.person(whole.Cookie)

		// Who was taken away is nobody.
		require.NoError(t, do(f, accountcommand.RemovePerson{Actor: ann.Actor, ID: invited.PersonID}))
		_, err = f.byProvider(provider, bob)
		require.ErrorIs(t, err, account.ErrProviderRefused)
		f.Doctor(t)
	})
}

// An invitation that is over is not accepted by coming from the provider either.
func TestAProviderAcceptsNoInvitationThatIsOver(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		clock := leadmilltest.NewClock(time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC))
		provider := apptest.StartProvider(t, clock)
		f := newOfficeWith(t, databaseURL, clock, func(c *leadmill.Config) {
			keepingSecrets(c)
			provider.Settings(c)
		})
		_, ann := f.owner(f.sellerID, "ann@example.com")
		shop2 := apptest.NewShop(t, f.App, nil, apptest.Rich)
		_, eve := f.owner(f.idOf(shop2.Code), "eve@example.com")
		invite := func(by application.Actor) string {
			invited, err := application.Send[accountcommand.PersonInvited](t.Context(), f.o, accountcommand.InvitePerson{Actor: by, Email: "bob@example.com", Role: "viewer", Link: true})
			require.NoError(t, err)
			return invited.PersonID
		}
		id := invite(ann.Actor)
		accepted := func() int64 {
			return f.db.Number("SELECT COUNT(*) FROM memberships WHERE person_id = ? AND accepted_at > 0", id)
		}
		bob := func() map[string]any {
			return map[string]any{"sub": "b", "email": "bob@example.com", "email_verified": true, "exp": f.clock.Now().Add(time.Hour).Unix()}
		}
		f.clock.Advance(7 * 24 * time.Hour)
		_, err := f.byProvider(provider, bob())
		require.ErrorIs(t, err, account.ErrProviderRefused)
		require.Zero(t, accepted())
		invite(eve.Actor)
		signed, err := f.byProvider(provider, bob())
		require.NoError(t, err)
		require.EqualValues(t, 1, accepted())
		p := f.person(signed.Cookie)
		require.Equal(t, []any{shop2.Code, 1}, []any{p.Actor.SellerCode, len(p.Sellers)})
		f.Doctor(t)
	})
}
