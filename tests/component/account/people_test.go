package account_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// office is a Leadmill with a seller that people sign in to, whom a test sends commands for as the pages do.
type office struct {
	*apptest.App

	t        *testing.T
	o        *application.Operations
	sessions application.Sessions
	clock    *leadmilltest.Clock
	db       *apptest.Database
	sellerID string
	shop     *apptest.Shop
}

func newOffice(t *testing.T, databaseURL string) *office {
	t.Helper()
	return newOfficeWith(t, databaseURL, leadmilltest.NewClock(time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)), keepingSecrets)
}

func newOfficeWith(t *testing.T, databaseURL string, clock *leadmilltest.Clock, settings func(*leadmill.Config)) *office {
	t.Helper()
	f := &office{t: t, clock: clock}
	f.App = apptest.StartConfig(t, databaseURL, settings, leadmill.StartOptions{Clock: f.clock}, leadmill.NewModule("office",
		leadmill.AsJob("office", application.Every(24*time.Hour), func(o *application.Operations, s application.Sessions) func(context.Context) error {
			f.o, f.sessions = o, s
			return func(context.Context) error { return nil }
		})))
	f.db = apptest.Open(t, databaseURL)
	f.shop = apptest.NewShop(t, f.App, nil, apptest.Rich)
	f.sellerID = f.idOf(f.shop.Code)
	return f
}

func (f *office) idOf(code string) (id string) {
	f.t.Helper()
	require.NoError(f.t, f.db.Reader.GetContext(f.t.Context(), &id, "SELECT id FROM sellers WHERE code = ?", code))
	return id
}

const password = "correct horse battery"

var browser = accountcommand.Browser{Address: "192.0.2.1", Agent: "Firefox"}

// owner makes an owner of the seller who signed in by a link, and has a password.
func (f *office) owner(sellerID, email string) (cookie string, p application.Person) {
	f.t.Helper()
	link, err := application.Send[accountcommand.PersonInvited](f.t.Context(), f.o, accountcommand.CreateOwnerSignIn{Actor: application.Actor{Scope: seller.Admin}, Seller: sellerID, Email: email, Name: "Ann"})
	require.NoError(f.t, err)
	signed, err := application.Send[accountcommand.SignedIn](f.t.Context(), f.o, accountcommand.SignInByToken{Token: link.Token, Browser: browser})
	require.NoError(f.t, err)
	p = f.person(signed.Cookie)
	signed, err = application.Send[accountcommand.SignedIn](f.t.Context(), f.o, accountcommand.ChangePassword{Actor: p.Actor, Cookie: signed.Cookie, Password: password})
	require.NoError(f.t, err)
	return signed.Cookie, f.person(signed.Cookie)
}

func (f *office) person(cookie string) application.Person {
	f.t.Helper()
	p, err := f.sessions.PersonOf(f.t.Context(), cookie)
	require.NoError(f.t, err)
	return p
}

func (f *office) signedOut(cookie string) {
	f.t.Helper()
	_, err := f.sessions.PersonOf(f.t.Context(), cookie)
	require.Equal(f.t, account.ErrSignedOut, err)
}

func (f *office) signIn(email, password string) (accountcommand.SignedIn, error) {
	return application.Send[accountcommand.SignedIn](f.t.Context(), f.o, accountcommand.SignIn{Email: email, Password: password, Browser: browser})
}

// do sends a command whose result does not matter.
func do[M application.Message](f *office, m M) error {
	_, err := application.Send[struct{}](f.t.Context(), f.o, m)
	return err
}

// join has somebody be invited by mail and accept.
func (f *office) join(by application.Actor, email, role string) accountcommand.SignedIn {
	f.t.Helper()
	_, err := application.Send[accountcommand.PersonInvited](f.t.Context(), f.o, accountcommand.InvitePerson{Actor: by, Email: email, Role: role})
	require.NoError(f.t, err)
	signed, err := application.Send[accountcommand.SignedIn](f.t.Context(), f.o, accountcommand.AcceptPersonInvitation{Token: f.mailed(email, "/join/"), Name: "Bob", Password: password, Browser: browser})
	require.NoError(f.t, err)
	return signed
}

// mailed waits for a mail and returns the token of its link.
func (f *office) mailed(email, path string) string {
	f.t.Helper()
	token := ""
	apptest.Eventually(f.t, func() error {
		for _, m := range f.Mails.To(f.t, email) {
			for _, link := range m.Links() {
				if _, after, ok := strings.Cut(link, path); ok {
					token = after
				}
			}
		}
		if token == "" {
			f.clock.Advance(time.Second) // the queue is looked at once a second
			return errors.New("no mail came")
		}
		return nil
	})
	return token
}

func TestPeopleSignIn(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		cookie, ann := f.owner(f.sellerID, "Ann@example.com")
		assert.Equal(t, operator.Owner, ann.Actor.Role)
		assert.Equal(t, []any{f.sellerID, f.shop.Code, ann.ID, "Ann@example.com"}, []any{ann.Actor.SellerID, ann.Actor.SellerCode, ann.Actor.PersonID, ann.Email})
		assert.Len(t, ann.FormToken, 43)

		signed, err := f.signIn(" ANN@example.com ", password)
		require.NoError(t, err)
		other := f.person(signed.Cookie)
		assert.NotEqual(t, ann.SessionID, other.SessionID)
		assert.NotEqual(t, ann.FormToken, other.FormToken)
		for _, wrong := range [][2]string{{"ann@example.com", "wrong"}, {"ann@example.com", strings.Repeat("x", 2000)}, {"bob@example.com", password}, {"nobody", password}, {"", ""}} {
			_, err := f.signIn(wrong[0], wrong[1])
			assert.Equal(t, accountcommand.ErrSignIn, err, wrong[0])
		}
		list, err := application.Send[[]accountquery.SessionOfPerson](t.Context(), f.o, accountquery.SessionsOfPerson{Actor: ann.Actor})
		require.NoError(t, err)
		require.Len(t, list, 2)
		assert.Equal(t, []string{browser.Address, browser.Agent, f.shop.Code}, []string{list[0].Address, list[0].Agent, list[1].Seller})

		// Signing in again ends the session that the browser had.
		again, err := application.Send[accountcommand.SignedIn](t.Context(), f.o, accountcommand.SignIn{Email: ann.Email, Password: password, Former: signed.Cookie, Browser: browser})
		require.NoError(t, err)
		f.signedOut(signed.Cookie)
		require.NoError(t, do(f, accountcommand.EndSession{Actor: ann.Actor, ID: f.person(again.Cookie).SessionID}))
		f.signedOut(again.Cookie)
		require.Equal(t, operator.ErrSessionNotFound, do(f, accountcommand.EndSession{Actor: ann.Actor, ID: other.SessionID}))
		third, err := f.signIn(ann.Email, password)
		require.NoError(t, err)
		require.NoError(t, do(f, accountcommand.EndAllSessions{Actor: ann.Actor, Except: ann.SessionID}))
		f.signedOut(third.Cookie)
		f.person(cookie)
		require.NoError(t, do(f, accountcommand.SignOut{Cookie: cookie}))
		require.NoError(t, do(f, accountcommand.SignOut{Cookie: cookie}))
		f.signedOut(cookie)
		f.signedOut("")
		f.signedOut(strings.Repeat("x", 1000))
		f.Doctor(t)
	})
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		cookie, ann := f.owner(f.sellerID, "ann@example.com")
		seen := func() int64 { return f.db.Number("SELECT seen_at FROM person_sessions WHERE id = ?", ann.SessionID) }
		begun := seen()
		f.clock.Advance(50 * time.Second)
		f.person(cookie)
		assert.Equal(t, begun, seen(), "its use is stored once a minute")
		f.clock.Advance(10 * time.Second)
		f.person(cookie)
		assert.Equal(t, begun+60_000_000, seen())
		for range 4 {
			f.clock.Advance(11 * time.Hour)
			f.person(cookie)
		}
		f.clock.Advance(12 * time.Hour)
		f.signedOut(cookie)

		signed, err := f.signIn("ann@example.com", password)
		require.NoError(t, err)
		for until := f.clock.Now().Add(30*24*time.Hour - time.Second); ; {
			f.clock.Advance(min(until.Sub(f.clock.Now()), 11*time.Hour))
			f.person(signed.Cookie)
			if !f.clock.Now().Before(until) {
				break
			}
		}
		f.clock.Advance(time.Second)
		f.signedOut(signed.Cookie)
	})
}

func TestGuessingEnds(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		f.owner(f.sellerID, "ann@example.com")
		for _, email := range []string{"ann@example.com", "nobody@example.com"} { // who is there and who is not are told the same
			for i := range 21 {
				_, err := application.Send[accountcommand.SignedIn](t.Context(), f.o, accountcommand.SignIn{
					Email: email, Password: "guess", Browser: accountcommand.Browser{Address: strings.Repeat("1", i+1) + email},
				})
				want := error(accountcommand.ErrSignIn)
				if i == 20 {
					want = accountcommand.ErrTooManyTries
				}
				require.Equal(t, want, err, "%s %d", email, i)
			}
		}
		_, err := f.signIn("ann@example.com", password)
		require.Equal(t, accountcommand.ErrTooManyTries, err)
		f.clock.Advance(15 * time.Minute)
		_, err = f.signIn("ann@example.com", password)
		require.NoError(t, err)
	})
}

func TestPeopleAreInvited(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		cookie, ann := f.owner(f.sellerID, "ann@example.com")
		invite := func(c accountcommand.InvitePerson) (accountcommand.PersonInvited, error) {
			return application.Send[accountcommand.PersonInvited](t.Context(), f.o, c)
		}
		accept := func(c accountcommand.AcceptPersonInvitation) (accountcommand.SignedIn, error) {
			return application.Send[accountcommand.SignedIn](t.Context(), f.o, c)
		}
		_, err := invite(accountcommand.InvitePerson{Actor: ann.Actor, Email: "nobody", Role: "root", Link: true})
		require.Equal(t, []string{"email", "role"}, fault.As(err).Fields())
		_, err = invite(accountcommand.InvitePerson{Actor: ann.Actor, Email: "Ann@example.com", Role: "viewer", Link: true})
		require.Equal(t, operator.ErrExists, err)

		first, err := invite(accountcommand.InvitePerson{Actor: ann.Actor, Email: "bob@example.com", Role: "owner", Link: true})
		require.NoError(t, err)
		second, err := invite(accountcommand.InvitePerson{Actor: ann.Actor, Email: "bob@example.com", Role: "viewer", Link: true})
		require.NoError(t, err)
		require.Equal(t, first.PersonID, second.PersonID)
		_, err = accept(accountcommand.AcceptPersonInvitation{Token: first.Token, Password: password, Browser: browser})
		require.Equal(t, operator.ErrLink, err, "another invitation takes its place")
		_, err = accept(accountcommand.AcceptPersonInvitation{Token: second.Token, Password: "bob@example.com", Browser: browser})
		require.Equal(t, []string{"password"}, fault.As(err).Fields())
		view, err := application.Send[accountquery.PersonLinkView](t.Context(), f.o, accountquery.PersonLink{Token: second.Token, Kind: accountquery.InvitationLink})
		require.NoError(t, err)
		require.Equal(t, []any{"bob@example.com", true}, []any{view.Email, view.NeedsPassword})

		// Of several who accept at once, one does.
		results := make([]error, 4)
		signed := make([]accountcommand.SignedIn, 4)
		apptest.Parallel(4, func(i int) {
			signed[i], results[i] = accept(accountcommand.AcceptPersonInvitation{Token: second.Token, Name: "Bob", Password: password, Browser: browser})
		})
		won := -1
		for i, err := range results {
			if err == nil {
				require.Equal(t, -1, won, "an invitation was accepted twice")
				won = i
				continue
			}
			require.ErrorIs(t, err, operator.ErrLink)
		}
		require.GreaterOrEqual(t, won, 0)
		bob := f.person(signed[won].Cookie)
		assert.Equal(t, []any{"Bob", operator.Viewer}, []any{bob.Name, bob.Actor.Role})
		_, err = application.Send[accountquery.PersonLinkView](t.Context(), f.o, accountquery.PersonLink{Token: second.Token, Kind: accountquery.InvitationLink})
		require.Equal(t, operator.ErrLink, err)

		// A role is what the seller's owners say, at once.
		_, err = invite(accountcommand.InvitePerson{Actor: bob.Actor, Email: "eve@example.com", Role: "owner"})
		require.Equal(t, application.ErrRole, err)
		require.Equal(t, operator.ErrLastOwner, do(f, accountcommand.ChangeRole{Actor: ann.Actor, ID: ann.ID, Role: "viewer"}))
		require.Equal(t, operator.ErrLastOwner, do(f, accountcommand.RemovePerson{Actor: ann.Actor, ID: ann.ID}))
		require.NoError(t, do(f, accountcommand.ChangeRole{Actor: ann.Actor, ID: bob.ID, Role: "owner"}))
		require.Equal(t, operator.Owner, f.person(signed[won].Cookie).Actor.Role)

		// Who works for another seller too keeps the password, and is not signed in by the link of one seller.
		shop2 := apptest.NewShop(t, f.App, nil, apptest.Rich)
		_, eve := f.owner(f.idOf(shop2.Code), "eve@example.com")
		third, err := invite(accountcommand.InvitePerson{Actor: eve.Actor, Email: "bob@example.com", Role: "viewer", Link: true})
		require.NoError(t, err)
		people, err := application.Send[[]accountquery.PersonOfSeller](t.Context(), f.o, accountquery.PeopleOfSeller{Actor: eve.Actor})
		require.NoError(t, err)
		for _, p := range people {
			if p.ID == bob.ID {
				assert.Equal(t, []any{"", true, "viewer"}, []any{p.Name, p.Invited, p.Role}, "nothing is told of who did not accept")
			}
		}
		require.Len(t, f.person(signed[won].Cookie).Sellers, 1)
		for _, former := range []string{"", cookie, "nonsense"} {
			_, err = accept(accountcommand.AcceptPersonInvitation{Token: third.Token, Password: "another password", Former: former, Browser: browser})
			require.Equal(t, accountcommand.ErrSignInFirst, err)
		}
		got, err := accept(accountcommand.AcceptPersonInvitation{Token: third.Token, Former: signed[won].Cookie, Browser: browser})
		require.NoError(t, err)
		require.Equal(t, accountcommand.SignedIn{PersonID: bob.ID}, got)
		_, err = f.signIn("bob@example.com", password)
		require.NoError(t, err)
		require.Len(t, f.person(signed[won].Cookie).Sellers, 2)

		// Switching: only to one's own.
		at := f.person(signed[won].Cookie)
		require.Equal(t, shop2.Code, at.Actor.SellerCode, "the pages of who invited last are open")
		require.NoError(t, do(f, accountcommand.SwitchSeller{Actor: at.Actor, Cookie: signed[won].Cookie, Code: f.shop.Code}))
		require.NoError(t, do(f, accountcommand.SwitchSeller{Actor: at.Actor, Cookie: signed[won].Cookie, Code: shop2.Code}))
		at = f.person(signed[won].Cookie)
		require.Equal(t, []any{shop2.Code, operator.Viewer}, []any{at.Actor.SellerCode, at.Actor.Role})
		require.Equal(t, seller.ErrNotFound, do(f, accountcommand.SwitchSeller{Actor: ann.Actor, Cookie: cookie, Code: shop2.Code}))
		require.Equal(t, account.ErrSignedOut, do(f, accountcommand.SwitchSeller{Actor: ann.Actor, Cookie: signed[won].Cookie, Code: shop2.Code}))

		// Another seller's people do not exist.
		require.Equal(t, operator.ErrNotFound, do(f, accountcommand.RemovePerson{Actor: eve.Actor, ID: ann.ID}))
		require.Equal(t, operator.ErrNotFound, do(f, accountcommand.ChangeRole{Actor: eve.Actor, ID: ann.ID, Role: "viewer"}))

		// Who is taken away sees the other seller's pages, then none.
		require.NoError(t, do(f, accountcommand.RemovePerson{Actor: eve.Actor, ID: bob.ID}))
		require.Equal(t, f.sellerID, f.person(signed[won].Cookie).Actor.SellerID)
		require.NoError(t, do(f, accountcommand.RemovePerson{Actor: ann.Actor, ID: bob.ID}))
		f.signedOut(signed[won].Cookie)
		require.Zero(t, f.db.Number("SELECT COUNT(*) FROM people WHERE id = ?", bob.ID))
		f.Doctor(t)
	})
}

// Of somebody who never showed that the address is theirs, nothing stays that another may have set, also when that other signs in meanwhile.
func TestTheFirstProofOfAnAddressLeavesNobodyElseSignedIn(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		_, ann := f.owner(f.sellerID, "ann@example.com")
		shop2 := apptest.NewShop(t, f.App, nil, apptest.Rich)
		_, eve := f.owner(f.idOf(shop2.Code), "eve@example.com")
		shown, err := application.Send[accountcommand.PersonInvited](t.Context(), f.o, accountcommand.InvitePerson{Actor: eve.Actor, Email: "bob@example.com", Role: "viewer", Link: true})
		require.NoError(t, err)
		_, err = application.Send[accountcommand.SignedIn](t.Context(), f.o, accountcommand.AcceptPersonInvitation{Token: shown.Token, Password: password, Browser: browser})
		require.NoError(t, err)
		proven := func() bool { return f.db.Number("SELECT proven_at FROM people WHERE id = ?", shown.PersonID) > 0 }
		require.False(t, proven())
		_, err = application.Send[accountcommand.PersonInvited](t.Context(), f.o, accountcommand.InvitePerson{Actor: ann.Actor, Email: "bob@example.com", Role: "owner"})
		require.NoError(t, err)
		token := f.mailed("bob@example.com", "/join/")

		var bob accountcommand.SignedIn
		thieves := make([]accountcommand.SignedIn, 4)
		apptest.Parallel(4, func(i int) {
			if i == 1 {
				var err error
				bob, err = application.Send[accountcommand.SignedIn](t.Context(), f.o, accountcommand.AcceptPersonInvitation{Token: token, Name: "Bob", Password: "a password of bob", Browser: browser})
				assert.NoError(t, err)
				return
			}
			var err error
			if thieves[i], err = f.signIn("bob@example.com", password); err != nil {
				assert.Equal(t, accountcommand.ErrSignIn, err)
			}
		})
		require.True(t, proven())
		for _, thief := range thieves {
			f.signedOut(thief.Cookie)
		}
		require.Equal(t, int64(1), f.db.Number("SELECT COUNT(*) FROM person_sessions WHERE person_id = ?", shown.PersonID))
		require.Equal(t, []any{f.sellerID, 2}, []any{f.person(bob.Cookie).Actor.SellerID, len(f.person(bob.Cookie).Sellers)})
		_, err = f.signIn("bob@example.com", password)
		require.Equal(t, accountcommand.ErrSignIn, err)

		// A second proof takes nothing away.
		require.NoError(t, do(f, accountcommand.AskForReset{Email: "bob@example.com", Browser: browser}))
		at := f.db.Number("SELECT proven_at FROM people WHERE id = ?", shown.PersonID)
		require.NoError(t, do(f, accountcommand.ResetPassword{Token: f.mailed("bob@example.com", "/reset/"), Password: password, Browser: browser}))
		require.Equal(t, at, f.db.Number("SELECT proven_at FROM people WHERE id = ?", shown.PersonID))
		f.db.Settle()
		f.Doctor(t)
	})
}

// Who was taken from the last of their sellers, and is only invited by others, could not sign in to accept: they begin anew.
func TestWhoIsOnlyInvitedBeginsAnew(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		_, ann := f.owner(f.sellerID, "ann@example.com")
		shop2 := apptest.NewShop(t, f.App, nil, apptest.Rich)
		_, eve := f.owner(f.idOf(shop2.Code), "eve@example.com")
		bob := f.join(ann.Actor, "bob@example.com", "viewer")
		link, err := application.Send[accountcommand.PersonInvited](t.Context(), f.o, accountcommand.InvitePerson{Actor: eve.Actor, Email: "bob@example.com", Role: "viewer", Link: true})
		require.NoError(t, err)
		accept := accountcommand.AcceptPersonInvitation{Token: link.Token, Password: "another password", Browser: browser}
		_, err = application.Send[accountcommand.SignedIn](t.Context(), f.o, accept)
		require.Equal(t, accountcommand.ErrSignInFirst, err)
		require.NoError(t, do(f, accountcommand.RemovePerson{Actor: ann.Actor, ID: bob.PersonID}))
		f.signedOut(bob.Cookie)
		_, err = f.signIn("bob@example.com", password)
		require.Equal(t, accountcommand.ErrSignIn, err)
		require.Zero(t, f.db.Number("SELECT proven_at FROM people WHERE id = ?", bob.PersonID))
		signed, err := application.Send[accountcommand.SignedIn](t.Context(), f.o, accept)
		require.NoError(t, err)
		require.Equal(t, shop2.Code, f.person(signed.Cookie).Actor.SellerCode)
		f.Doctor(t)
	})
}

func TestPasswordsAreReset(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		cookie, ann := f.owner(f.sellerID, "ann@example.com")
		bob := f.join(ann.Actor, "bob@example.com", "operator")
		require.NoError(t, do(f, accountcommand.AskForReset{Email: "nobody@example.com", Browser: browser}))
		require.NoError(t, do(f, accountcommand.AskForReset{Email: " BOB@example.com", Browser: browser}))
		token := f.mailed("bob@example.com", "/reset/")
		require.Empty(t, f.Mails.To(t, "nobody@example.com"))
		reset := func(password string) error {
			return do(f, accountcommand.ResetPassword{Token: token, Password: password, Browser: browser})
		}
		require.Equal(t, []string{"password"}, fault.As(reset("short")).Fields())
		require.NoError(t, reset("another password"))
		require.Equal(t, operator.ErrLink, reset("a third password"))
		f.signedOut(bob.Cookie)
		f.person(cookie)
		_, err := f.signIn("bob@example.com", password)
		require.Equal(t, accountcommand.ErrSignIn, err)
		_, err = f.signIn("bob@example.com", "another password")
		require.NoError(t, err)

		change := func(current, next string) (accountcommand.SignedIn, error) {
			return application.Send[accountcommand.SignedIn](t.Context(), f.o, accountcommand.ChangePassword{Actor: ann.Actor, Cookie: cookie, Current: current, Password: next})
		}
		_, err = change("wrong", "a new password")
		require.ErrorIs(t, err, accountcommand.ErrCurrentPassword)
		_, err = change(password, "short")
		require.Equal(t, []string{"password"}, fault.As(err).Fields())
		changed, err := change(password, "a new password")
		require.NoError(t, err)
		f.signedOut(cookie)
		require.Equal(t, ann.ID, f.person(changed.Cookie).ID)
		_, err = change("a new password", "once more so")
		require.Equal(t, account.ErrSignedOut, err, "the former session is over")
		for range 6 {
			err = do(f, accountcommand.AskForReset{Email: "ann@example.com", Browser: accountcommand.Browser{Address: "198.51.100.7"}})
		}
		require.Equal(t, accountcommand.ErrTooManyTries, err)
		f.db.Settle()
		f.Doctor(t)
	})
}

// Sessions that are used while they end stay ended.
func TestSessionEndsWhileUsed(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		_, ann := f.owner(f.sellerID, "ann@example.com")
		for range 5 {
			signed, err := f.signIn("ann@example.com", password)
			require.NoError(t, err)
			id := f.person(signed.Cookie).SessionID
			f.clock.Advance(2 * time.Minute) // each use would be stored
			apptest.Parallel(6, func(i int) {
				if i == 3 {
					assert.NoError(t, do(f, accountcommand.EndSession{Actor: ann.Actor, ID: id}))
					return
				}
				if _, err := f.sessions.PersonOf(t.Context(), signed.Cookie); err != nil {
					assert.ErrorIs(t, err, account.ErrSignedOut)
				}
			})
			f.signedOut(signed.Cookie)
			require.Zero(t, f.db.Number("SELECT COUNT(*) FROM person_sessions WHERE id = ?", id))
		}
	})
}
