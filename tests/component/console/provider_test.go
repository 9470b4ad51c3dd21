package console_test

import (
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// company is a seller whose people sign in by an identity provider.
type company struct {
	*apptest.ConsoleData

	provider *apptest.Provider
	clock    *leadmilltest.Clock
	email    string // an operator's
}

func newCompany(t *testing.T) *company {
	t.Helper()
	c := &company{clock: leadmilltest.NewClock(time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC))}
	c.provider = apptest.StartProvider(t, c.clock)
	c.ConsoleData = apptest.StartConsoleConfig(t, migrated.URL(t, dbtest.SQLite), c.provider.Settings, leadmill.StartOptions{Clock: c.clock}).NewData(t)
	c.SignIn(t, "operator")
	c.email = "operator-2@" + c.Slug + ".example"
	return c
}

const tripCookie = "leadmill_oidc"

func cookieOf(p apptest.Page, name string) *http.Cookie {
	for _, c := range (&http.Response{Header: p.Header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

var goesOn = regexp.MustCompile(`<a class="button wide" href="([^"]+)"`)

// leave goes to the provider, and returns its address and what the browser keeps.
func (c *company) leave(t *testing.T, form url.Values) (address, kept string) {
	t.Helper()
	p := c.Browse(t, "").Post(t, "/sign-in/oidc", form)
	require.Equal(t, http.StatusOK, p.Status, p.Body)
	link := goesOn.FindStringSubmatch(p.Body)
	require.Len(t, link, 2)
	address = html.UnescapeString(link[1])
	assert.Equal(t, "0; url="+address, p.Header.Get("Refresh"))
	cookie := cookieOf(p, tripCookie)
	require.NotNil(t, cookie)
	assert.True(t, cookie.HttpOnly)
	assert.Equal(t, 600, cookie.MaxAge)
	assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
	return address, cookie.Value
}

// back comes back from the provider with what the browser keeps; an empty one keeps nothing.
func (c *company) back(t *testing.T, address, kept string) apptest.Page {
	t.Helper()
	b := c.Browse(t, "")
	if kept != "" {
		b = b.With(tripCookie, kept)
	}
	path, here := strings.CutPrefix(address, c.App.URL)
	require.True(t, here, address)
	return b.Get(t, path)
}

// come signs in by the provider, which says something of somebody.
func (c *company) come(t *testing.T, claims map[string]any) apptest.Page {
	t.Helper()
	address, kept := c.leave(t, nil)
	return c.back(t, c.provider.Consent(t, address, claims), kept)
}

func (c *company) refused(t *testing.T, p apptest.Page) {
	t.Helper()
	assert.Equal(t, http.StatusUnauthorized, p.Status)
	assert.Contains(t, p.Body, "You could not be signed in this way.")
	assert.Nil(t, sessionOf(p))
}

func TestSigningInByAProvider(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	assert.Contains(t, c.Browse(t, "").Get(t, "/sign-in").Body, "single sign-on")
	address, kept := c.leave(t, url.Values{"next": {"/console/leads?status=sold"}})
	assert.Contains(t, address, url.QueryEscape(c.App.URL+"/sign-in/oidc/callback"))
	callback := c.provider.Consent(t, address, map[string]any{"sub": "ann-1", "email": strings.ToUpper(c.email), "email_verified": true})
	in := c.back(t, callback, kept)
	assert.Equal(t, http.StatusSeeOther, in.Status)
	assert.Equal(t, "/console/leads?status=sold", in.Location)
	require.NotNil(t, sessionOf(in))
	assert.Equal(t, -1, cookieOf(in, tripCookie).MaxAge, "it is used up")
	assert.Equal(t, http.StatusOK, c.As(t, sessionOf(in).Value).Get(t, "/console").Status)

	// The callback again, also by who kept what the browser forgot.
	c.refused(t, c.back(t, callback, ""))
	c.refused(t, c.back(t, callback, kept))

	// From then on the provider's name for the person counts, and the email is another's matter.
	assert.NotNil(t, sessionOf(c.come(t, map[string]any{"sub": "ann-1", "email": "new@elsewhere.example", "email_verified": false})))
	c.refused(t, c.come(t, map[string]any{"sub": "ann-2", "email": c.email, "email_verified": true}))
}

func TestWhatAProviderSaysIsNotTakenFromAnybody(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for what, claims := range map[string]map[string]any{
		"an email that is not verified": {"email_verified": false},
		"an email without a word on it": {"email_verified": nil},
		"a person whom nobody invited":  {"email": "nobody@elsewhere.example"},
		"a token for another client":    {"aud": "somebody-else"},
		"a token for others too":        {"aud": []string{"leadmill-of-the-test", "somebody-else"}, "azp": "somebody-else"},
		"a token of another provider":   {"iss": "https://elsewhere.example"},
		"a token that has ended":        {"exp": c.clock.Now().Unix() - 1},
		"a token for another sign-in":   {"nonce": strings.Repeat("n", 52)},
		"a token about nobody":          {"sub": ""},
	} {
		all := map[string]any{"sub": "ann-1", "email": c.email, "email_verified": true}
		maps.Copy(all, claims)
		t.Log(what)
		c.refused(t, c.come(t, all))
	}
	ann := map[string]any{"sub": "ann-1", "email": c.email, "email_verified": true}

	// Another's way: a callback that somebody else began, in a browser that began none, or another one.
	address, _ := c.leave(t, nil)
	theirs := c.provider.Consent(t, address, ann)
	_, ours := c.leave(t, nil)
	c.refused(t, c.back(t, theirs, ""))
	c.refused(t, c.back(t, theirs, ours))
	c.refused(t, c.back(t, theirs, "nonsense"))
	address, kept := c.leave(t, nil)
	callback := c.provider.Consent(t, address, ann)
	u, err := url.Parse(callback)
	require.NoError(t, err)
	q := u.Query()
	q.Set("state", q.Get("state")+"x")
	u.RawQuery = q.Encode()
	c.refused(t, c.back(t, u.String(), kept))
	c.refused(t, c.back(t, c.App.URL+"/sign-in/oidc/callback?error=access_denied&state="+q.Get("state"), kept))
	c.clock.Advance(10 * time.Minute)
	c.refused(t, c.back(t, callback, kept))

	// Another site cannot begin one.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.App.URL+"/sign-in/oidc", strings.NewReader(""))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusForbidden, answer.StatusCode)
}

// Some providers say emails only when they are asked.
func TestAProviderThatIsAskedForTheEmail(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.provider.Tell(map[string]any{"sub": "ann-2", "email": c.email, "email_verified": true})
	c.refused(t, c.come(t, map[string]any{"sub": "ann-1"}))
	c.provider.Tell(map[string]any{"sub": "ann-1", "email": c.email, "email_verified": false})
	c.refused(t, c.come(t, map[string]any{"sub": "ann-1"}))
	c.provider.Tell(map[string]any{"sub": "ann-1", "email": c.email, "email_verified": true})
	assert.NotNil(t, sessionOf(c.come(t, map[string]any{"sub": "ann-1"})))
}

// Leadmill starts without its provider, and asks it again once it is there.
func TestAProviderThatIsAway(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.provider.Away(true)
	away := c.Browse(t, "").Post(t, "/sign-in/oidc", nil)
	assert.Equal(t, http.StatusServiceUnavailable, away.Status)
	assert.Contains(t, away.Body, "Not just now")
	c.provider.Away(false)
	address, kept := c.leave(t, nil)
	callback := c.provider.Consent(t, address, map[string]any{"sub": "ann-1", "email": c.email, "email_verified": true})
	c.provider.Away(true)
	assert.Equal(t, http.StatusServiceUnavailable, c.back(t, callback, kept).Status)

	without := newConsole(t)
	assert.NotContains(t, without.Browse(t, "").Get(t, "/sign-in").Body, "single sign-on")
	assert.Equal(t, http.StatusNotFound, without.Browse(t, "").Post(t, "/sign-in/oidc", nil).Status)
	assert.Equal(t, http.StatusNotFound, without.Browse(t, "").Get(t, "/sign-in/oidc/callback?code=1&state=2").Status)
}

func TestAFormOutlivesItsSessionThroughAProvider(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	path := c.Examples["/console/leads/:id"] + "/return"
	lost := c.Browse(t, "").Post(t, path, url.Values{"note": {"two\nlines"}, "reason": {"other"}})
	address, trip := c.leave(t, url.Values{"_kept": {hidden(lost.Body, "_kept")}})
	in := c.back(t, c.provider.Consent(t, address, map[string]any{"sub": "ann-1", "email": c.email, "email_verified": "true"}), trip)
	require.Equal(t, http.StatusOK, in.Status)
	assert.Contains(t, in.Body, "You are signed in again")
	assert.Equal(t, "two\nlines", hidden(in.Body, "note"))
	long := c.Browse(t, "").Post(t, path, url.Values{"note": {strings.Repeat("long ", 600)}})
	assert.Contains(t, long.Body, "too long to be kept through single sign-on")
}
