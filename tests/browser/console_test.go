package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	consolehttp "github.com/leadmill/leadmill/ports/http/console"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// looks are how pages are looked at: on a phone and on a desk, by day and by night.
var looks = []struct {
	width, height int64
	scheme        string
}{{360, 740, "light"}, {360, 740, "dark"}, {1280, 900, "light"}, {1280, 900, "dark"}}

// axe finds what keeps people from using a page: https://github.com/dequelabs/axe-core
func axe(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../../.cache/browser/node_modules/axe-core/axe.min.js")
	require.NoError(t, err, "make test-setup installs it")
	return string(b)
}

// openConsole starts Leadmill with a seller that has something on every page, and opens a tab in which somebody is signed in.
func openConsole(t *testing.T) (*tab, *apptest.ConsoleData) {
	t.Helper()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	return signedInTab(t, data), data
}

// signedInTab opens a tab in which an owner is signed in.
func signedInTab(t *testing.T, data *apptest.ConsoleData) *tab {
	t.Helper()
	name, value := data.SignIn(t, "owner")
	return tabWith(t, data, name, value)
}

// tabWith opens a tab that has the cookie of a session.
func tabWith(t *testing.T, data *apptest.ConsoleData, name, value string) *tab {
	t.Helper()
	b := newTab(t)
	b.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: data.App.URL})
		return err
	})
	return b
}

func (b *tab) call(do func(ctx context.Context) error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := do(ctx); err != nil {
		b.t.Fatal(err)
	}
}

// as shows the pages in a look from now on.
func (b *tab) as(width, height int64, scheme string) {
	b.t.Helper()
	b.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600})
		return err
	})
	b.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	})
}

// examine fails the test when anything on the open page keeps people from using it, or when the page is wider than its window.
func (b *tab) examine(what, axe string) {
	b.t.Helper()
	b.do(axe)
	b.do(`window.findings = undefined; axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
		.then(r => { window.findings = JSON.stringify(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | '))) })`)
	b.wait("typeof window.findings", "string")
	text, _ := b.read("window.findings").(string)
	var findings []string
	if err := json.Unmarshal([]byte(text), &findings); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range findings {
		b.t.Errorf("%s: %s", what, f)
	}
	if over := b.read("document.documentElement.scrollWidth - window.innerWidth"); over != float64(0) {
		wide := b.read(`[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > window.innerWidth + 1).slice(0, 3).map(e => e.outerHTML.slice(0, 150)).join(' | ')`)
		if n, _ := over.(float64); n > 0 {
			b.t.Errorf("%s is %v px wider than its window: %v", what, over, wide)
		}
	}
}

// keep saves what the open page looks like into the folder that LEADMILL_TEST_SCREENSHOTS names, if it does.
func (b *tab) keep(name string) {
	b.t.Helper()
	folder := os.Getenv("LEADMILL_TEST_SCREENSHOTS")
	if folder == "" {
		return
	}
	var picture []byte
	b.call(func(ctx context.Context) error {
		r, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		picture = r.Data
		return err
	})
	require.NoError(b.t, os.MkdirAll(folder, 0o750))
	require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600))
}

// look visits a page in every look: axe finds nothing, nothing is wider than its window, and a picture is kept.
func (b *tab) look(address, name string) {
	b.t.Helper()
	source := axe(b.t)
	for _, l := range looks {
		b.as(l.width, l.height, l.scheme)
		b.open(address)
		b.examine(fmt.Sprintf("%s at %d px, %s", name, l.width, l.scheme), source)
		b.keep(name + "-" + strconv.FormatInt(l.width, 10) + "-" + l.scheme)
	}
}

// Every registered page is looked at by being registered; one that is about a thing needs an address in apptest.ConsoleData.Examples.
func TestEveryPageIsUsable(t *testing.T) {
	t.Parallel()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	_, ofOwner := data.SignIn(t, "owner")
	name, ofBuyer := data.SignIn(t, "buyer")
	for _, p := range consolehttp.Pages() {
		if p.Method != http.MethodGet {
			continue
		}
		called := strings.Trim(strings.NewReplacer("/", "-", ":", "").Replace(p.Path), "-")
		t.Run(called, func(t *testing.T) {
			t.Parallel()
			cookie, address := ofOwner, data.AddressOf(t, p.Path)
			if p.Needs == application.Buyer {
				cookie = ofBuyer
			}
			if p.Download && !strings.HasPrefix(data.As(t, cookie).Get(t, address).Body, "<!doctype html>") {
				return // a file, or a part of a page
			}
			tabWith(t, data, name, cookie).look(data.App.URL+address, called)
		})
	}
}

// Who is not signed in finds pages as usable: those of signing in, and what a link in a mail leads to. Every address that answers a browser stands here,
// or is a registered page.
func TestPagesBeforeSigningInAreUsable(t *testing.T) {
	t.Parallel()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	person, partner := data.Account(t, "operator"), "ivy@"+data.Slug+".example"
	data.Browse(t, "").Post(t, "/forgot", url.Values{"email": {person}})
	data.Program.Must(t, "POST", "/v1/partners:invite", apptest.Object{"email": partner, "name": "Ivy"})
	mailed := func(to string) string { return data.App.Mails.WaitFor(t, 1, to)[0].Links()[0] }
	signIn, _ := data.Program.Must(t, "POST", "/v1/partners:sign-in-url", apptest.Object{"id": strings.TrimPrefix(data.Examples["/console/partners/:id"], "/console/partners/")}).Data(t)["url"].(string)
	addresses := map[string]string{
		"/":                          data.App.URL,
		"/sign-in":                   data.App.URL + "/sign-in",
		"/sign-in/:token":            data.SignInLink(t),
		"/join/:token":               data.InvitationLink(t, "viewer", "vera@"+data.Slug+".example"),
		"/forgot":                    data.App.URL + "/forgot",
		"/reset/:token":              mailed(person),
		"/portal/invitations/:token": mailed(partner),
		"/portal/sign-in/:token":     signIn,
		"/p/:seller":                 data.App.URL + "/p/" + data.Code,
		"/p/:seller/sign-in":         data.App.URL + "/p/" + data.Code + "/sign-in",
		"/console/:nothing":          data.App.URL + "/console/nothing",
	}
	for _, route := range (consolehttp.Console{}).Routes() {
		isPage := slices.ContainsFunc(consolehttp.Pages(), func(p consolehttp.Page) bool { return p.Path == route.Path }) ||
			slices.ContainsFunc(consolehttp.PartnerPages(), func(p consolehttp.PartnerPage) bool { return p.Path == route.Path })
		if _, looked := addresses[route.Path]; route.Method == http.MethodGet && !isPage && !looked && !slices.Contains(noPages, route.Path) {
			t.Errorf("nobody looks at %s", route.Path)
		}
	}
	for pattern, address := range addresses {
		called := "outside-" + strings.Trim(strings.NewReplacer("/", "-", ":", "").Replace(pattern), "-")
		t.Run(called, func(t *testing.T) {
			t.Parallel()
			b := newTab(t)
			b.mayComplain("404")
			b.look(address, called)
		})
	}
}

// noPages are addresses that answer browsers, but no pages, and the page of the code, at which TestTheSecondFactorIsSetUpAndAskedFor looks.
var noPages = []string{
	"/console/assets/:version/:name", "/console/live", "/sign-in/oidc/callback", "/sign-in/code", "/brand/colors/:color", "/brand/logos/:seller/:version",
}

// The link that make run prints leads to Today with one press, and works once.
func TestALinkSignsIn(t *testing.T) {
	t.Parallel()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	b := newTab(t)
	b.mayComplain("404", "401")
	link := data.SignInLink(t)
	b.open(link)
	b.do("document.querySelector('form button').click()")
	b.wait("document.querySelector('h1').textContent", "Today")
	b.want("location.pathname", "/console")
	b.do("document.querySelector('form[action=\"/sign-out\"] button').click()")
	b.wait("location.pathname", "/sign-in")
	b.open(link)
	b.want("document.querySelector('h1').textContent", "There is nothing here")
}
