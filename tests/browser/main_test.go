// Package browser tests what runs in a visitor's browser, in a real one: a headless Chromium that reaches this machine only.
package browser_test

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/leadmill/leadmill/tests/chromium"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// patience bounds everything a browser is waited for.
const patience = apptest.Patience

// shopHost is the host of sellers' pages. The browser finds it on this machine; cookies know hosts, not ports, so it keeps
// the seller's apart from Leadmill's on 127.0.0.1.
const shopHost = "shop.test"

func TestMain(m *testing.M) {
	code := leadmilltest.MainCode(m)
	if err := chromium.Close(started, patience); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// theBrowser is one for all tests; the first that needs it starts it.
var theBrowser = sync.OnceValues(startBrowser)

// started is the browser to close; nil when no test needed one.
var started context.Context

func startBrowser() (context.Context, error) {
	browser, err := chromium.Start(shopHost, patience)
	started = browser //nolint:fatcontext // once, for all tests
	return browser, err
}

// tab is a tab that shares no cookies with any other. Whatever its pages throw or complain about fails the test.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	expected []string
}

// mayComplain lets the pages complain with texts that have one of these parts.
func (b *tab) mayComplain(parts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, parts...)
}

func newTab(t *testing.T) *tab {
	t.Helper()
	browser, err := theBrowser()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		t.Fatalf("open a tab: %v", err)
	}
	b := &tab{t: t, ctx: ctx}
	mu := &b.mu
	var complaints []string
	err = chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
		case *log.EventEntryAdded:
			// Browsers ask for an icon that no page has named.
			if e.Entry.Level == log.EntryLevelError && !strings.HasSuffix(e.Entry.URL, "/favicon.ico") {
				complaints = append(complaints, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.try(chromedp.Evaluate[chromedp.Void]("0")) // its answer comes after what was thrown before
		cancel()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range complaints {
			if !slices.ContainsFunc(b.expected, func(part string) bool { return strings.Contains(c, part) }) {
				t.Errorf("the page complains: %s", c)
			}
		}
	})
	return b
}

func (b *tab) try(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// open goes to a page and waits until it is loaded.
func (b *tab) open(address string) {
	b.t.Helper()
	if err := b.try(chromedp.Navigate(address)); err != nil {
		b.t.Fatalf("open %s: %v", address, err)
	}
}

// do runs a script in the page.
func (b *tab) do(script string) {
	b.t.Helper()
	if err := b.try(chromedp.Evaluate[chromedp.Void](script)); err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
}

// read returns the value of an expression in the page; nil is null.
func (b *tab) read(expression string) any {
	b.t.Helper()
	v, err := b.evaluate(expression)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (b *tab) evaluate(expression string) (any, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[any](expression))
}

// want compares values of expressions in the page: expressions and values in turn.
func (b *tab) want(pairs ...any) {
	b.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		expression, _ := pairs[i].(string)
		if got := b.read(expression); got != pairs[i+1] {
			b.t.Errorf("%s is %v, want %v", expression, got, pairs[i+1])
		}
	}
}

// wait waits until an expression has a value, also beyond the page it begins in, in a page that is loaded: what follows may use all of it.
func (b *tab) wait(expression string, want any) {
	b.t.Helper()
	apptest.Eventually(b.t, func() error {
		got, err := b.evaluate("document.readyState === 'complete' ? (" + expression + ") : 'the page is loading'")
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", expression, err)
		case got != want:
			return fmt.Errorf("%s is %v, want %v", expression, got, want)
		}
		return nil
	})
}

// cookies returns the cookies that a host has by their names. What a page has just set may reach the browser's store a moment
// later: wantCookies waits for it.
func (b *tab) cookies(address string) map[string]*network.Cookie {
	b.t.Helper()
	// Reading waits for this page's own writes. Sandboxed pages may not even read.
	b.do("try { document.cookie } catch (e) { }")
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	found, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
	if err != nil {
		b.t.Fatal(err)
	}
	cookies := map[string]*network.Cookie{}
	for _, c := range found.Cookies {
		cookies[c.Name] = c
	}
	return cookies
}

// wantCookies waits until a host has exactly these cookies, names and values in turn, and returns them.
func (b *tab) wantCookies(address string, pairs ...string) map[string]*network.Cookie {
	b.t.Helper()
	want := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		want[pairs[i]] = pairs[i+1]
	}
	var cookies map[string]*network.Cookie
	apptest.Eventually(b.t, func() error {
		cookies = b.cookies(address)
		got := map[string]string{}
		for name, c := range cookies {
			got[name] = c.Value
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("the cookies are %v, want %v", got, want)
		}
		return nil
	})
	return cookies
}

// wantTouch waits until a host has the two cookies of a touch with this key and the time that the page knows, and returns them.
func (b *tab) wantTouch(address, key string) map[string]*network.Cookie {
	b.t.Helper()
	return b.wantCookies(address, partnerCookie, key, clickedCookie, fmt.Sprint(b.read(clicked)))
}

// span is when something happened: between two readings of this machine's clock.
type span struct{ from, to time.Time }

// during runs something that the browser does, and returns when. A cookie's end is kept to less than a second.
func during(do func()) span {
	from := time.Now().Add(-time.Second)
	do()
	return span{from, time.Now().Add(time.Second)}
}

func (s span) holds(at time.Time) bool { return !at.Before(s.from) && !at.After(s.to) }

// wantLife checks that a cookie that was set in this span lives so many days.
func (s span) wantLife(t testing.TB, c *network.Cookie, days int) {
	t.Helper()
	life := time.Duration(days) * 24 * time.Hour
	set := time.UnixMicro(int64(c.Expires * 1e6)).Add(-life)
	if !s.holds(set) {
		t.Errorf("cookie %s ends %s from now, want %s", c.Name, time.Until(set.Add(life)), life)
	}
}

// atHost is a server's address under another host of this machine.
func atHost(t testing.TB, host, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = host + ":" + u.Port()
	return u.String()
}

// The browser of these tests reaches nothing beyond this machine, by name or by number.
func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	for _, address := range []string{"http://example.com/", "http://192.0.2.1/", "http://[2001:db8::1]/"} {
		if err := b.try(chromedp.Navigate(address)); err == nil || !strings.Contains(err.Error(), "ERR_NAME_NOT_RESOLVED") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
