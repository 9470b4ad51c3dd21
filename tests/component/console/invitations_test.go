package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// two are sellers of one installation, the second of which is a stranger to the first.
type two struct{ mine, theirs *apptest.ConsoleData }

// invited is what somebody is invited to: one of the seller's people, or of the people of its first buyer.
type invited struct{ what, opens string }

var invitations = []invited{{"people", "/console"}, {"people of a buyer", "/buyer"}}

func newTwo(t *testing.T) two {
	t.Helper()
	c := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{})
	return two{c.NewData(t), c.NewData(t)}
}

var (
	shownLink = regexp.MustCompile(`<pre tabindex="0" aria-label="The link">[^<]*(/join/\w+)</pre>`)
	joinLink  = regexp.MustCompile(`/join/\w+`)
	resetLink = regexp.MustCompile(`/reset/\w+`)
)

// invite sends the form by which an owner invites somebody.
func (i invited) invite(t *testing.T, d *apptest.ConsoleData, email string, link bool) apptest.Page {
	t.Helper()
	path, form := "/console/people/invite", url.Values{"email": {email}, "role": {"owner"}}
	if i.opens == "/buyer" {
		path = "/console/buyers/" + d.BuyerIDs[0] + "/people"
	}
	if link {
		form.Set("link", "1")
	}
	return d.Browse(t, "owner").Post(t, path, form)
}

// shown invites somebody by a link that the owner sees.
func (i invited) shown(t *testing.T, d *apptest.ConsoleData, email string) (path string) {
	t.Helper()
	p := i.invite(t, d, email, true)
	found := shownLink.FindStringSubmatch(p.Body)
	require.Len(t, found, 2, p.Body)
	return found[1]
}

// mailed invites somebody by mail; n is how many mails the person has then.
func (i invited) mailed(t *testing.T, d *apptest.ConsoleData, email string, n int) (path string) {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, i.invite(t, d, email, false).Status)
	return joinLink.FindString(d.App.Mails.WaitFor(t, n, email)[n-1].Text)
}

// opensIn checks that a session opens the pages of a seller that somebody was invited to.
func (i invited) opensIn(t *testing.T, d *apptest.ConsoleData, session *http.Cookie) {
	t.Helper()
	require.NotNil(t, session)
	home := d.As(t, session.Value).Get(t, "/console")
	if i.opens == "/buyer" {
		assert.Equal(t, "/buyer", home.Location)
		return
	}
	assert.Equal(t, http.StatusOK, home.Status)
	assert.Equal(t, http.StatusOK, d.As(t, session.Value).Get(t, d.Examples["/console/leads/:id"]).Status)
}

const (
	thiefs = "a password of the thief"
	owners = "a password of my own"
)

// hijack has the owner of the other seller sign in as somebody whose mails only that somebody reads, with a second factor of the owner's.
func (w two) hijack(t *testing.T, i invited, email string) (thief *apptest.Browser) {
	t.Helper()
	b := w.theirs.Browse(t, "")
	in := b.Post(t, i.shown(t, w.theirs, email), url.Values{"name": {"Thief"}, "password": {thiefs}})
	require.Equal(t, http.StatusSeeOther, in.Status, in.Body)
	i.opensIn(t, w.theirs, sessionOf(in))
	thief = w.theirs.As(t, sessionOf(in).Value)
	profile := "/console/profile"
	begun := thief.Post(t, profile+"/second-factor", url.Values{"current": {thiefs}})
	secret := shownSecret.FindStringSubmatch(begun.Body)
	require.Len(t, secret, 2, begun.Body)
	code, err := totp.GenerateCode(secret[1], time.Now())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, thief.Post(t, profile+"/second-factor/confirm", url.Values{"code": {code}, "secret": {hidden(begun.Body, "secret")}}).Status)
	return thief
}

// isOut checks that the one who hijacked somebody holds nothing of them any more.
func (w two) isOut(t *testing.T, thief *apptest.Browser, email string) {
	t.Helper()
	assert.Equal(t, "/sign-in?next=%2Fconsole", thief.Get(t, "/console").Location)
	tried := w.mine.Browse(t, "").Post(t, "/sign-in", url.Values{"email": {email}, "password": {thiefs}})
	assert.Equal(t, http.StatusUnauthorized, tried.Status)
	assert.Nil(t, sessionOf(tried))
}

// Who was shown a link for somebody's address, and followed it, is not let in where that somebody is let in later.
func TestALinkThatWasShownIsNoWayIntoAnotherSeller(t *testing.T) {
	t.Parallel()
	for _, i := range invitations {
		t.Run(i.what, func(t *testing.T) {
			t.Parallel()
			w := newTwo(t)
			email := "ann@" + w.mine.Slug + ".example"
			thief := w.hijack(t, i, email)
			other := i.shown(t, w.theirs, "second-"+email) // a link of somebody else stays

			// The invitation by mail shows whose the address is: all that was there goes.
			path := i.mailed(t, w.mine, email, 1)
			nobody := w.mine.Browse(t, "")
			page := nobody.Get(t, path)
			assert.Equal(t, http.StatusOK, page.Status)
			assert.Contains(t, page.Body, "which was mailed to it")
			refused := nobody.Post(t, path, url.Values{"name": {"Ann"}, "password": {"short"}})
			assert.Equal(t, http.StatusUnprocessableEntity, refused.Status)
			assert.Equal(t, http.StatusOK, thief.Get(t, "/console/profile").Status, "until then nothing changed")
			in := nobody.Post(t, path, url.Values{"name": {"Ann"}, "password": {owners}})
			require.Equal(t, http.StatusSeeOther, in.Status, in.Body)
			i.opensIn(t, w.mine, sessionOf(in))
			w.isOut(t, thief, email)
			again := nobody.Post(t, "/sign-in", url.Values{"email": {email}, "password": {owners}})
			assert.Equal(t, http.StatusSeeOther, again.Status, "without a second factor that is not Ann's")
			assert.Equal(t, http.StatusOK, nobody.Get(t, other).Status)
		})
	}
}

// The other ways in which somebody shows whose an address is, or is let in.
func TestWhoHijackedAnAddressIsOutByAReset(t *testing.T) {
	t.Parallel()
	w, i := newTwo(t), invitations[0]
	email := "ann@" + w.mine.Slug + ".example"
	thief := w.hijack(t, i, email)

	// A link that was shown lets in who signs in as the person already, alone.
	path := i.shown(t, w.mine, email)
	nobody := w.mine.Browse(t, "")
	for _, p := range []apptest.Page{nobody.Get(t, path), nobody.Post(t, path, url.Values{"name": {"Ann"}, "password": {owners}})} {
		assert.Contains(t, p.Body, "sign in with it, then you can accept.")
		assert.Equal(t, path, hidden(p.Body, "next"))
		assert.Nil(t, sessionOf(p))
	}
	require.Equal(t, http.StatusOK, nobody.Post(t, "/forgot", url.Values{"email": {email}}).Status)
	reset := resetLink.FindString(w.mine.App.Mails.WaitFor(t, 1, email)[0].Text)
	assert.Contains(t, nobody.Get(t, reset).Body, "a second factor is taken away too")
	require.Equal(t, "/sign-in", nobody.Post(t, reset, url.Values{"password": {owners}}).Location)
	w.isOut(t, thief, email)
	assert.Equal(t, http.StatusNotFound, nobody.Get(t, path).Status, "all links that were open are void")
	path = i.shown(t, w.mine, email)
	in := nobody.Post(t, "/sign-in", url.Values{"email": {email}, "password": {owners}, "next": {path}})
	assert.Equal(t, path, in.Location)
	require.NotNil(t, sessionOf(in))
	accepted := w.mine.As(t, sessionOf(in).Value).Post(t, path, nil)
	assert.Equal(t, "/console", accepted.Location, accepted.Body)
	i.opensIn(t, w.mine, sessionOf(in))
}

func TestWhoHijackedAnAddressIsOutByALinkOfTheInstallation(t *testing.T) {
	t.Parallel()
	w := newTwo(t)
	email := "ann@" + w.mine.Slug + ".example"
	thief := w.hijack(t, invitations[0], email)
	path := strings.TrimPrefix(w.mine.SignInLinkOf(t, email), w.mine.App.URL)
	w.isOut(t, thief, email)
	in := w.mine.Browse(t, "").Post(t, path, nil)
	require.Equal(t, http.StatusSeeOther, in.Status, "without a second factor that is not Ann's")
	invitations[0].opensIn(t, w.mine, sessionOf(in))
}

// Whoever has shown that an address is theirs accepts further invitations signed in, wherever the link comes from.
func TestAnInvitationIsAcceptedByWhomItIsFor(t *testing.T) {
	t.Parallel()
	for _, i := range invitations {
		t.Run(i.what, func(t *testing.T) {
			t.Parallel()
			w := newTwo(t)
			email := "ann@" + w.mine.Slug + ".example"
			nobody := w.mine.Browse(t, "")
			in := nobody.Post(t, i.mailed(t, w.mine, email, 1), url.Values{"name": {"Ann"}, "password": {owners}})
			require.Equal(t, http.StatusSeeOther, in.Status, in.Body)
			for _, link := range []func() string{func() string { return i.shown(t, w.theirs, email) }, func() string { return i.mailed(t, w.theirs, email, 2) }} {
				path := link()
				stranger := w.theirs.Browse(t, "owner")
				asked := stranger.Get(t, path)
				assert.Equal(t, http.StatusOK, asked.Status)
				assert.Contains(t, asked.Body, "sign in with it, then you can accept.")
				assert.Contains(t, asked.Body, "You are signed in as <bdi>owner-")
				assert.Contains(t, asked.Body, `value="`+email+`"`)
				for _, b := range []*apptest.Browser{nobody, stranger, w.theirs.As(t, "nonsense")} {
					refused := b.Post(t, path, url.Values{"name": {"Thief"}, "password": {thiefs}})
					assert.Equal(t, http.StatusUnauthorized, refused.Status)
					assert.Contains(t, refused.Body, "sign in with it, then you can accept.")
					assert.Equal(t, path, hidden(refused.Body, "next"))
					assert.Nil(t, sessionOf(refused))
				}
			}
			path := i.mailed(t, w.theirs, email, 3)
			wrong := nobody.Post(t, "/sign-in", url.Values{"email": {email}, "password": {thiefs}, "next": {path}})
			assert.Equal(t, path, hidden(wrong.Body, "next"), "also beyond a wrong password")
			in = nobody.Post(t, "/sign-in", url.Values{"email": {email}, "password": {owners}, "next": {path}})
			assert.Equal(t, path, in.Location)
			ann := w.mine.As(t, sessionOf(in).Value)
			page := ann.Get(t, path)
			assert.Contains(t, page.Body, "You are signed in as <bdi>"+email)
			assert.NotContains(t, page.Body, `name="password"`)
			accepted := ann.Post(t, path, nil)
			assert.Equal(t, "/console", accepted.Location)
			assert.Nil(t, sessionOf(accepted), "the session stays")
			i.opensIn(t, w.theirs, sessionOf(in))
		})
	}
}
