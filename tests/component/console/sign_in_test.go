package console_test

import (
	"bufio"
	"context"
	"errors"
	"html"
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

var errNotYet = errors.New("not yet")

func newConsole(t *testing.T) *apptest.ConsoleData {
	t.Helper()
	return apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
}

// sessionOf returns the session's cookie that an answer sets.
func sessionOf(p apptest.Page) *http.Cookie {
	for _, c := range (&http.Response{Header: p.Header}).Cookies() {
		if c.Name == "leadmill_session" {
			return c
		}
	}
	return nil
}

func TestALinkIsNotUsedUpByLookingAtIt(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	b := data.Browse(t, "")
	path := strings.TrimPrefix(data.SignInLink(t), data.App.URL)
	for range 3 {
		p := b.Get(t, path)
		assert.Equal(t, http.StatusOK, p.Status)
		assert.Nil(t, sessionOf(p))
	}
	p := b.Post(t, path, nil)
	assert.Equal(t, "/console", p.Location)
	c := sessionOf(p)
	require.NotNil(t, c)
	assert.True(t, c.HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, c.SameSite)
	assert.Equal(t, "/", c.Path)
	assert.False(t, c.Secure, "by plain http on this machine")
	for _, again := range []apptest.Page{b.Post(t, path, nil), b.Get(t, path), b.Get(t, "/sign-in/nothing"), b.Get(t, "/reset/nothing"), b.Get(t, "/join/nothing")} {
		assert.Equal(t, http.StatusNotFound, again.Status)
		assert.Nil(t, sessionOf(again))
	}
}

// Whether an address is known cannot be told from an answer.
func TestSigningInTellsNothingOfWhoIsKnown(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	data.SignIn(t, "operator")
	b := data.Browse(t, "")
	known := "operator-2@" + data.Slug + ".example"
	try := func(email, password string) apptest.Page {
		return b.Post(t, "/sign-in", url.Values{"email": {email}, "password": {password}, "next": {"https://evil.example/"}})
	}
	wrong, unknown := try(known, "wrong horse battery"), try("nobody@"+data.Slug+".example", "wrong horse battery")
	assert.Equal(t, http.StatusUnauthorized, wrong.Status)
	assert.Equal(t, wrong.Status, unknown.Status)
	assert.Contains(t, wrong.Body, "The email address or the password is wrong.")
	once := regexp.MustCompile(`value="[^"]*"|nonce="[^"]*"`)
	assert.Equal(t, once.ReplaceAllString(wrong.Body, ""), once.ReplaceAllString(unknown.Body, ""))
	assert.NotContains(t, wrong.Body, "wrong horse", "a password is never shown again")

	right := try(known, apptest.Password)
	assert.Equal(t, http.StatusSeeOther, right.Status)
	assert.Equal(t, "/console", right.Location, "and nowhere else")
	asked, askedUnknown := b.Post(t, "/forgot", url.Values{"email": {known}}), b.Post(t, "/forgot", url.Values{"email": {"nobody@" + data.Slug + ".example"}})
	assert.Equal(t, once.ReplaceAllString(asked.Body, ""), once.ReplaceAllString(askedUnknown.Body, ""))
}

// A session that ends in the middle of a form loses nothing that was typed, through the password as well.
func TestAFormOutlivesItsSession(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	data.SignIn(t, "operator")
	nobody := data.Browse(t, "")
	path := data.Examples["/console/leads/:id"] + "/return"
	lost := nobody.Post(t, path, url.Values{"note": {"two\nlines"}, "reason": {"other"}})
	require.Equal(t, http.StatusUnauthorized, lost.Status)
	kept := hidden(lost.Body, "_kept")
	in := nobody.Post(t, "/sign-in", url.Values{"email": {"operator-2@" + data.Slug + ".example"}, "password": {"wrong horse battery"}, "_kept": {kept}})
	assert.Equal(t, kept, hidden(in.Body, "_kept"), "also beyond a wrong password")
	in = nobody.Post(t, "/sign-in", url.Values{"email": {"operator-2@" + data.Slug + ".example"}, "password": {apptest.Password}, "_kept": {kept}})
	require.Equal(t, http.StatusOK, in.Status)
	assert.Contains(t, in.Body, "You are signed in again")
	form := url.Values{}
	for _, name := range []string{"_token", "_again", "note", "reason"} {
		form.Set(name, hidden(in.Body, name))
	}
	again := data.As(t, sessionOf(in).Value).Post(t, path, form)
	assert.Equal(t, http.StatusOK, again.Status)
	assert.Contains(t, again.Body, "nothing is lost")
	assert.Contains(t, again.Body, "two\nlines</textarea>")
	assert.Contains(t, again.Body, `<option value="other" selected>`)
	assert.Empty(t, data.Program.Must(t, "GET", "/v1/returns", nil).Object()["data"])
}

// A button that was pressed when the session was over leads back to the page that has it, and does nothing before it is pressed there.
func TestAButtonThatOutlivedItsSessionLeadsBack(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	operator, buyer := data.Browse(t, "operator"), data.Browse(t, "buyer")
	one, contract, lead := data.Examples["/console/buyers/:id"], data.Examples["/buyer/contracts/:id"], data.Examples["/console/leads/:id"]
	for path, back := range map[string]string{
		one + "/pause": one, "/console/campaigns/" + data.CampaignID + "/pause": "/console/campaigns/" + data.CampaignID, lead + "/erase": lead + "/erase", lead + "/fields": lead,
		"/console/profile/sessions/others": "/console/profile", "/console/form-leads/1/reject": "/console/form-leads/1/reject",
	} {
		again := operator.Post(t, path, url.Values{"_again": {"1"}})
		assert.Equal(t, http.StatusConflict, again.Status, path)
		assert.Contains(t, again.Body, "Nothing was done yet", path)
		assert.Contains(t, again.Body, `href="`+back+`"`, path)
		assert.Equal(t, http.StatusOK, operator.Get(t, back).Status, back)
	}
	again := buyer.Speaking("es").Post(t, contract+"/pause", url.Values{"_again": {"1"}})
	assert.Contains(t, again.Body, "No se guardó nada")
	assert.Contains(t, again.Body, `action="`+contract+`/pause"`, "the page of a buyer has its button again")
	assert.NotContains(t, operator.Get(t, one).Body, "Resume", "nothing is paused")
}

// A form to change something that is sent twice is done once, and nobody is told that somebody else changed it.
func TestAChangeThatIsSentTwiceIsOne(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	operator := data.Browse(t, "operator")
	campaign := "/console/campaigns/" + data.CampaignID
	for path, typed := range map[string]url.Values{
		data.Examples["/console/buyers/:id"] + "/edit": {"name": {"Typed"}, "credit_limit": {"0"}},
		campaign + "/edit": {"name": {"Typed"}, "category": {"solar"}, "mode": {"exclusive"}, "strategy": {"priority"}, "price_shown": {"hidden"}},
		campaign + "/contracts/" + data.ContractIDs[1] + "/edit": {"price": {"21"}, "priority": {"2"}, "weight": {"1"}},
	} {
		page := operator.Get(t, path)
		typed.Set("_seen", hidden(page.Body, "_seen"))
		typed.Set("_once", hidden(page.Body, "_once"))
		first := operator.Post(t, path, typed)
		require.Equal(t, http.StatusSeeOther, first.Status, first.Body)
		assert.Equal(t, http.StatusSeeOther, operator.Post(t, path, typed).Status, path)
	}
}

func hidden(body, name string) string {
	found := regexp.MustCompile(`<input type="hidden" name="` + name + `" value="([^"]*)">`).FindStringSubmatch(body)
	if len(found) != 2 {
		return ""
	}
	return html.UnescapeString(found[1])
}

func TestASessionEndsWhereItIsEnded(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	_, cookie := data.SignIn(t, "operator")
	b := data.As(t, cookie)
	out := b.Post(t, "/sign-out", nil)
	assert.Equal(t, "/sign-in", out.Location)
	assert.Equal(t, -1, sessionOf(out).MaxAge)
	assert.Equal(t, http.StatusSeeOther, b.Get(t, "/console/leads").Status, "the cookie opens nothing any more")

	_, cookie = data.SignIn(t, "viewer")
	b = data.As(t, cookie)
	mistaken := b.Post(t, "/console/profile/password", url.Values{"current": {"wrong horse battery"}, "password": {"another horse battery"}, "again_password": {"another horse battery"}})
	assert.Equal(t, http.StatusUnprocessableEntity, mistaken.Status)
	assert.Contains(t, mistaken.Body, "is not your password")
	changed := b.Post(t, "/console/profile/password", url.Values{"current": {apptest.Password}, "password": {"another horse battery"}, "again_password": {"another horse battery"}})
	require.Equal(t, http.StatusSeeOther, changed.Status)
	fresh := sessionOf(changed)
	require.NotNil(t, fresh)
	assert.NotEqual(t, cookie, fresh.Value)
	assert.Equal(t, http.StatusSeeOther, b.Get(t, "/console").Status)
	assert.Equal(t, http.StatusOK, data.As(t, fresh.Value).Get(t, "/console").Status)
}

// A session ends 12 hours after its person did something last, however long a page stays open that asks for parts of itself.
func TestAnOpenPageKeepsNoSession(t *testing.T) {
	t.Parallel()
	hands := leadmilltest.NewClock(time.Now())
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{Clock: hands}).NewData(t)
	_, left := data.SignIn(t, "viewer")
	_, used := data.SignIn(t, "viewer")
	page, person := data.As(t, left).Asking("HX-Request", "true"), data.As(t, used)
	byHand := data.As(t, used).Asking("HX-Request", "true", "Leadmill-By-Hand", "1")
	require.Equal(t, http.StatusOK, data.As(t, left).Get(t, "/console/leads").Status)
	follow := func() int {
		ctx, cancel := context.WithTimeout(t.Context(), apptest.Patience)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, data.App.URL+"/console/live", nil)
		require.NoError(t, err)
		r.Header.Set("Cookie", "leadmill_session="+left)
		answer, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		return answer.StatusCode
	}
	for hour := range 11 {
		hands.Advance(time.Hour)
		require.Equal(t, http.StatusOK, page.Get(t, "/console/leads").Status, "hour %d", hour)
		require.Equal(t, http.StatusOK, page.Get(t, "/console/today/now").Status)
		require.Equal(t, http.StatusOK, follow())
		if hour%2 == 0 {
			require.Equal(t, http.StatusOK, person.Get(t, "/console/leads").Status)
		} else {
			require.Equal(t, http.StatusOK, byHand.Get(t, "/console/settings/tracking").Status)
		}
	}
	hands.Advance(time.Hour)
	assert.Equal(t, http.StatusSeeOther, page.Get(t, "/console/leads").Status)
	assert.Equal(t, http.StatusSeeOther, follow())
	assert.Equal(t, http.StatusSeeOther, data.As(t, left).Get(t, "/console/leads").Status)
	assert.Equal(t, http.StatusOK, person.Get(t, "/console/leads").Status, "it was used an hour ago")
}

// A person's use counts also right behind what a page asked for by itself.
func TestAUseIsStoredBehindALook(t *testing.T) {
	t.Parallel()
	hands := leadmilltest.NewClock(time.Now())
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{Clock: hands}).NewData(t)
	_, cookie := data.SignIn(t, "viewer")
	page, person := data.As(t, cookie).Asking("HX-Request", "true"), data.As(t, cookie)
	for range 3 {
		hands.Advance(7 * time.Hour)
		require.Equal(t, http.StatusOK, page.Get(t, "/console/leads").Status)
		require.Equal(t, http.StatusOK, person.Get(t, "/console/leads").Status)
	}
}

// An open page is told that something of a kind happened, and nothing of what.
func TestAnOpenPageHearsOfLeads(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	_, cookie := data.SignIn(t, "viewer")
	ctx, cancel := context.WithTimeout(t.Context(), apptest.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, data.App.URL+"/console/live", nil)
	require.NoError(t, err)
	r.Header.Set("Cookie", "leadmill_session="+cookie)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	lines := bufio.NewScanner(answer.Body)
	require.True(t, lines.Scan())
	assert.Equal(t, "retry: 5000", lines.Text())
	data.Sell(t, data.Form())
	for lines.Scan() {
		if lines.Text() == "event: lead" {
			require.True(t, lines.Scan())
			assert.Equal(t, "data:", lines.Text())
		}
		if lines.Text() == "event: any" { // behind all kinds
			return
		}
	}
	t.Errorf("the stream ended: %v", lines.Err())
}

// What follows the events on Today is a part of its page that has what a page tells of.
func TestTodayFollowsWhatHappens(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	data.App.Settle(t)
	b := data.Browse(t, "viewer")
	page := b.Get(t, "/console")
	part := regexp.MustCompile(`<div id="now" hx-get="([^"]+)" hx-trigger="sse:any, every 60s"`).FindStringSubmatch(page.Body)
	require.NotNil(t, part, page.Body)
	leads := regexp.MustCompile(`<dt>Leads</dt><dd>(\d+)</dd>`)
	before := leads.FindStringSubmatch(page.Body)
	require.NotNil(t, before)
	data.Sell(t, data.Form())
	data.App.Settle(t)
	now := b.Get(t, part[1])
	assert.Equal(t, http.StatusOK, now.Status)
	assert.True(t, strings.HasPrefix(now.Body, `<div id="now"`), now.Body)
	after := leads.FindStringSubmatch(now.Body)
	require.NotNil(t, after)
	assert.NotEqual(t, before[1], after[1])
	assert.Equal(t, http.StatusSeeOther, data.Browse(t, "").Get(t, part[1]).Status)
}

// A page that begins to listen is told first of what happened since it was made.
func TestAnOpenPageMissesNothing(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	_, cookie := data.SignIn(t, "viewer")
	page := data.As(t, cookie).Get(t, "/console")
	live := regexp.MustCompile(`sse-connect="(/console/live\?after=\d+&seller=[A-Z0-9]{8})"`).FindStringSubmatch(html.UnescapeString(page.Body))
	require.NotNil(t, live, page.Body)
	data.Deposit(t, data.BuyerIDs[0], 100_000)
	for range 100 { // more than it is told of one by one
		data.Sell(t, data.Form())
	}
	data.Partner(t, "partner_late", apptest.Object{"name": "Late"})
	data.App.Settle(t)
	ctx, cancel := context.WithTimeout(t.Context(), apptest.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, data.App.URL+live[1], nil)
	require.NoError(t, err)
	r.Header.Set("Cookie", "leadmill_session="+cookie)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	told := map[string]bool{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan() && lines.Text() != "event: any"; {
		told[lines.Text()] = true
	}
	assert.True(t, told["event: lead"], told)
	assert.True(t, told["event: partner"], told)
}
