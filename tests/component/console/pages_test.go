// Package console_test sees the pages as browsers ask for them.
package console_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	consolehttp "github.com/leadmill/leadmill/ports/http/console"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.MainAtOnce(m, 8) }

// Every page and action, by who asks: what another seller has is answered as what nobody has.
func TestWhoMayOpenAPage(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		console := apptest.StartConsole(t, databaseURL, leadmill.StartOptions{})
		ours, theirs := console.NewData(t), console.NewData(t)
		nobody := ours.Browse(t, "")
		roles := map[application.Role]*apptest.Browser{}
		for _, r := range []application.Role{application.Owner, application.Operator, application.Viewer, application.Buyer} {
			roles[r] = ours.Browse(t, string(r))
		}
		for _, p := range consolehttp.Pages() {
			address := ours.AddressOf(t, p.Path)
			if p.Method == http.MethodGet {
				out := nobody.Get(t, address)
				assert.Equal(t, http.StatusSeeOther, out.Status, address)
				assert.Equal(t, "/sign-in?next="+url.QueryEscape(address), out.Location)
			} else {
				out := nobody.Post(t, address, nil)
				assert.Equal(t, http.StatusUnauthorized, out.Status, address)
			}
			for role, browser := range roles {
				if p.Method != http.MethodGet {
					if !role.Includes(p.Needs) {
						assert.Equal(t, http.StatusForbidden, browser.Post(t, address, nil).Status, "%s may not %s", role, address)
					}
					continue
				}
				want := http.StatusOK
				switch {
				case role == application.Buyer && p.Path == "/console": // where everybody begins
					want = http.StatusSeeOther
				case !role.Includes(p.Needs):
					want = http.StatusForbidden
				}
				assert.Equal(t, want, browser.Get(t, address).Status, "%s opens %s", role, address)
			}
			if foreign := theirs.AddressOf(t, p.Path); foreign != address {
				none := strings.Replace(address, idOf(p.Path, address), "none", 1)
				who := roles[application.Owner]
				if p.Needs == application.Buyer {
					who = roles[application.Buyer]
				}
				for _, a := range []string{foreign, none} {
					ask := who.Get
					if p.Method == http.MethodPost {
						ask = func(t testing.TB, path string) apptest.Page { return who.Post(t, path, nil) }
					}
					out := ask(t, a)
					assert.Equal(t, http.StatusNotFound, out.Status, "%s %s", p.Method, a)
					assert.Contains(t, out.Body, "There is nothing here")
				}
			}
		}
	})
}

// idOf is the part of an address that names a thing, as the page's pattern says.
func idOf(pattern, address string) string {
	i := slices.IndexFunc(strings.Split(pattern, "/"), func(s string) bool { return strings.HasPrefix(s, ":") })
	return strings.Split(address, "/")[i]
}

// firstView is how many bytes the first view of a page may take, compressed.
const firstView = 120 << 10

func TestTheFirstViewOfEveryPageIsSmall(t *testing.T) {
	t.Parallel()
	data := newConsole(t)
	owner, buyer := data.Browse(t, "owner"), data.Browse(t, "buyer")
	loaded := regexp.MustCompile(`(?:src|href)="(/console/assets/[^"]+)"`)
	zipped := func(text string) int {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, err := w.Write([]byte(text))
		require.NoError(t, errors.Join(err, w.Close()))
		return out.Len()
	}
	sizes := map[string]int{}
	for _, p := range consolehttp.Pages() {
		if p.Method != http.MethodGet || p.Download {
			continue
		}
		b := owner
		if p.Needs == application.Buyer {
			b = buyer
		}
		page := b.Get(t, data.AddressOf(t, p.Path))
		total := zipped(page.Body)
		for _, m := range loaded.FindAllStringSubmatch(page.Body, -1) {
			if sizes[m[1]] == 0 {
				sizes[m[1]] = zipped(b.Get(t, m[1]).Body)
			}
			total += sizes[m[1]]
		}
		t.Logf("%s: %d bytes", p.Path, total)
		assert.LessOrEqual(t, total, firstView, p.Path)
	}
	assert.Greater(t, len(sizes), 4)
}
