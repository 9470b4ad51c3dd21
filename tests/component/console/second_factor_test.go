package console_test

import (
	"maps"
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
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// guarded is an operator with a second factor.
type guarded struct {
	*apptest.ConsoleData

	clock    *leadmilltest.Clock
	email    string
	secret   string
	recovery []string
	browser  *apptest.Browser // in which it was set up
}

// code is what the operator's app shows, one that was not taken yet.
func (g *guarded) code(t *testing.T) string {
	t.Helper()
	g.clock.Advance(30 * time.Second)
	code, err := totp.GenerateCode(g.secret, g.clock.Now())
	require.NoError(t, err)
	return code
}

var (
	shownSecret = regexp.MustCompile(`<code class="secret">([A-Z2-7]+)</code>`)
	shownCode   = regexp.MustCompile(`<li><code>([0-9A-Z-]+)</code></li>`)
)

// newGuarded sets up an operator's second factor on the pages.
func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{clock: leadmilltest.NewClock(time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC))}
	g.ConsoleData = apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{Clock: g.clock}).NewData(t)
	g.SignIn(t, "operator")
	g.email = "operator-2@" + g.Slug + ".example"
	nobody := g.Browse(t, "") // the first mail shows whose the address is, and would take the second factor away
	nobody.Post(t, g.mailed(t, 1), url.Values{"password": {apptest.Password}})
	g.browser = g.As(t, sessionOf(g.password(t, nil)).Value)

	wrong := g.browser.Post(t, "/console/profile/second-factor", url.Values{"current": {"wrong horse battery"}})
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.Status)
	assert.Contains(t, wrong.Body, "is not your password")
	begun := g.browser.Post(t, "/console/profile/second-factor", url.Values{"current": {apptest.Password}})
	require.Equal(t, http.StatusOK, begun.Status)
	assert.Contains(t, begun.Body, `<img class="scan" src="data:image/png;base64,iVBOR`)
	found := shownSecret.FindStringSubmatch(begun.Body)
	require.Len(t, found, 2)
	g.secret = found[1]
	assert.Contains(t, g.browser.Get(t, "/console/profile").Body, `<span class="status">Off</span>`, "until a code confirms it")

	address := hidden(begun.Body, "secret")
	mistaken := g.browser.Post(t, "/console/profile/second-factor/confirm", url.Values{"code": {"12345"}, "secret": {address}})
	assert.Equal(t, http.StatusUnprocessableEntity, mistaken.Status)
	assert.Contains(t, mistaken.Body, "The code is wrong or was used already.")
	assert.Contains(t, mistaken.Body, g.secret, "it can be scanned again")
	on := g.browser.Post(t, "/console/profile/second-factor/confirm", url.Values{"code": {g.code(t)}, "secret": {address}})
	require.Equal(t, http.StatusOK, on.Status)
	for _, m := range shownCode.FindAllStringSubmatch(on.Body, -1) {
		g.recovery = append(g.recovery, m[1])
	}
	require.Len(t, g.recovery, 10)
	return g
}

// mailed asks for another password, and returns the path of the link; n is how many mails the operator has then.
func (g *guarded) mailed(t *testing.T, n int) (path string) {
	t.Helper()
	require.Equal(t, http.StatusOK, g.Browse(t, "").Post(t, "/forgot", url.Values{"email": {g.email}}).Status)
	apptest.Eventually(t, func() error {
		mails := g.App.Mails.To(t, g.email)
		if len(mails) < n {
			g.clock.Advance(time.Second)
			return errNotYet
		}
		path = resetLink.FindString(mails[n-1].Text)
		return nil
	})
	return path
}

func (g *guarded) password(t *testing.T, more url.Values) apptest.Page {
	t.Helper()
	form := url.Values{"email": {g.email}, "password": {apptest.Password}}
	maps.Copy(form, more)
	return g.Browse(t, "").Post(t, "/sign-in", form)
}

func TestSigningInAsksForTheSecondFactor(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	asked := g.password(t, url.Values{"next": {"/console/leads?status=sold"}})
	require.Equal(t, http.StatusOK, asked.Status)
	assert.Contains(t, asked.Body, "Your code")
	assert.Equal(t, "/console/leads?status=sold", hidden(asked.Body, "next"))
	assert.NotContains(t, asked.Body, apptest.Password)
	half := sessionOf(asked)
	require.NotNil(t, half)
	assert.LessOrEqual(t, half.MaxAge, 600)
	b := g.As(t, half.Value)
	assert.Equal(t, http.StatusSeeOther, b.Get(t, "/console/leads").Status, "it opens nothing")
	assert.Equal(t, http.StatusOK, b.Get(t, "/sign-in/code").Status)

	wrong := b.Post(t, "/sign-in/code", url.Values{"code": {"000"}, "next": {"/console/leads"}})
	assert.Equal(t, http.StatusUnprocessableEntity, wrong.Status)
	assert.Contains(t, wrong.Body, "The code is wrong or was used already.")
	assert.Equal(t, "/console/leads", hidden(wrong.Body, "next"))
	code := g.code(t)
	in := b.Post(t, "/sign-in/code", url.Values{"code": {code}, "next": {"/console/leads?status=sold"}})
	assert.Equal(t, "/console/leads?status=sold", in.Location)
	whole := sessionOf(in)
	require.NotNil(t, whole)
	assert.NotEqual(t, half.Value, whole.Value)
	assert.Equal(t, http.StatusOK, g.As(t, whole.Value).Get(t, "/console").Status)
	assert.Equal(t, http.StatusUnauthorized, b.Post(t, "/sign-in/code", url.Values{"code": {g.code(t)}}).Status, "it is rotated")

	// Nobody is led elsewhere, and a code is taken once; then a recovery code is.
	b = g.As(t, sessionOf(g.password(t, nil)).Value)
	assert.Equal(t, http.StatusUnprocessableEntity, b.Post(t, "/sign-in/code", url.Values{"code": {code}}).Status)
	in = b.Post(t, "/sign-in/code", url.Values{"code": {strings.ToLower(g.recovery[0])}, "next": {"https://evil.example/"}})
	assert.Equal(t, "/console", in.Location)

	// Who takes too long, or tries too often, begins anew.
	b = g.As(t, sessionOf(g.password(t, nil)).Value)
	for range 10 {
		b.Post(t, "/sign-in/code", url.Values{"code": {"000000"}})
	}
	assert.Equal(t, http.StatusTooManyRequests, b.Post(t, "/sign-in/code", url.Values{"code": {g.code(t)}}).Status)
	g.clock.Advance(15 * time.Minute)
	late := b.Post(t, "/sign-in/code", url.Values{"code": {g.code(t)}, "next": {"/console/leads"}})
	assert.Equal(t, http.StatusUnauthorized, late.Status)
	assert.Contains(t, late.Body, `name="password"`)
	assert.Equal(t, "/console/leads", hidden(late.Body, "next"))
}

// What was typed is kept through the password, a wrong code and the right one.
func TestAFormOutlivesItsSessionThroughTheSecondFactor(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	path := g.Examples["/console/leads/:id"] + "/return"
	lost := g.Browse(t, "").Post(t, path, url.Values{"note": {"two\nlines"}, "reason": {"other"}})
	kept := hidden(lost.Body, "_kept")
	require.NotEmpty(t, kept)
	asked := g.password(t, url.Values{"_kept": {kept}})
	assert.Equal(t, kept, hidden(asked.Body, "_kept"))
	b := g.As(t, sessionOf(asked).Value)
	wrong := b.Post(t, "/sign-in/code", url.Values{"code": {"000000"}, "_kept": {kept}})
	assert.Equal(t, kept, hidden(wrong.Body, "_kept"))
	in := b.Post(t, "/sign-in/code", url.Values{"code": {g.code(t)}, "_kept": {kept}})
	require.Equal(t, http.StatusOK, in.Status)
	assert.Contains(t, in.Body, "You are signed in again")
	assert.Equal(t, "two\nlines", hidden(in.Body, "note"))
}

// A reset leads through the second factor too: who reads the person's mails does not get in by that alone.
func TestTheSecondFactorIsAskedForBehindLinks(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	reset := g.mailed(t, 2)
	require.NotEmpty(t, reset)
	set := g.Browse(t, "").Post(t, reset, url.Values{"password": {"another horse battery"}})
	assert.Equal(t, "/sign-in", set.Location)
	assert.Nil(t, sessionOf(set))
	asked := g.Browse(t, "").Post(t, "/sign-in", url.Values{"email": {g.email}, "password": {"another horse battery"}})
	assert.Contains(t, asked.Body, "Your code")

	link := strings.TrimPrefix(g.SignInLinkOf(t, g.email), g.App.URL)
	asked = g.Browse(t, "").Post(t, link, nil)
	require.Equal(t, http.StatusOK, asked.Status)
	assert.Contains(t, asked.Body, "Your code")
	b := g.As(t, sessionOf(asked).Value)
	assert.Equal(t, http.StatusSeeOther, b.Get(t, "/console").Status)
	assert.Equal(t, "/console", b.Post(t, "/sign-in/code", url.Values{"code": {g.code(t)}}).Location)
}

func TestRecoveryCodesAreRenewedAndTheSecondFactorIsSwitchedOff(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	b := g.browser
	assert.Contains(t, b.Get(t, "/console/profile").Body, "10 recovery codes left")
	page := b.Get(t, "/console/profile/second-factor").Body
	assert.NotContains(t, page, g.secret)
	assert.NotContains(t, page, g.recovery[0])
	begun := b.Post(t, "/console/profile/second-factor", url.Values{"current": {apptest.Password}})
	assert.Equal(t, http.StatusUnprocessableEntity, begun.Status, "not another one before it is off")
	assert.Equal(t, http.StatusUnprocessableEntity, b.Post(t, "/console/profile/second-factor/codes", url.Values{"code": {"000000"}}).Status)
	renewed := b.Post(t, "/console/profile/second-factor/codes", url.Values{"code": {g.code(t)}})
	found := shownCode.FindAllStringSubmatch(renewed.Body, -1)
	require.Len(t, found, 10)
	assert.NotContains(t, g.recovery, found[0][1])
	assert.Equal(t, http.StatusUnprocessableEntity, b.Post(t, "/console/profile/second-factor/off", url.Values{"code": {g.recovery[1]}}).Status, "those before count no more")
	off := b.Post(t, "/console/profile/second-factor/off", url.Values{"code": {found[0][1]}})
	assert.Equal(t, "/console/profile", off.Location)
	assert.Equal(t, http.StatusSeeOther, g.password(t, nil).Status, "the password alone signs in")
}
