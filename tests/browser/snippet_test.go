package browser_test

import (
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// documentedSnippet is what Partnero's documentation tells its customers to put into their pages, to the letter
// (https://docs.partnero.com/guides/tracking/affiliate-api). They change nothing but the id of their program.
//
//go:embed testdata/partnero-snippet.html
var documentedSnippet string

// theirs is the base URL in it, which whoever comes from Partnero changes, and nothing else.
const theirs = "https://app.partnero.com"

// snippetSite is a seller whose pages have the documented snippet. Its pages say what they were told to say.
type snippetSite struct {
	*apptest.Shop

	t         *testing.T
	leadmill  string
	URL       string
	key       string
	partnerID string
	head      string // before the snippet
	body      string // behind it
}

func newSnippetSite(t *testing.T, databaseURL string, settings apptest.Object) *snippetSite {
	t.Helper()
	app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
	s := &snippetSite{t: t, Shop: apptest.NewShop(t, app, nil), leadmill: app.URL, partnerID: "partner_123"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		snippet := strings.NewReplacer(theirs, app.URL, "PUBLIC_PROGRAM_ID", s.key).Replace(documentedSnippet)
		_, _ = fmt.Fprintf(w, "<!DOCTYPE html><html><head><title>%s %s</title>%s%s</head><body>%s</body></html>", r.Method, r.URL.Path, s.head, snippet, s.body)
	}))
	t.Cleanup(server.Close)
	s.URL = atHost(t, shopHost, server.URL)
	all := apptest.Object{"website": s.URL, "cookie_lifetime": lifetime}
	maps.Copy(all, settings)
	s.Program.Must(t, http.MethodPut, "/v1/settings", apptest.Object{"settings": all})
	s.key = s.siteKey(s.URL)
	s.Program.Must(t, http.MethodPost, "/v1/partners", apptest.Object{"id": s.partnerID, "key": "ref_123", "email": "pat@partners.example"})
	return s
}

func (s *snippetSite) siteKey(origin string) string {
	s.t.Helper()
	made := s.Program.Must(s.t, http.MethodPost, "/v1/api-keys", apptest.Object{"scope": "site", "name": "shop", "origins": []string{origin}}).Data(s.t)
	key, _ := made["key"].(string)
	require.True(s.t, strings.HasPrefix(key, "lm_site_"), key)
	return key
}

// clicks is how many clicks the partner has.
func (s *snippetSite) clicks() any {
	s.t.Helper()
	referrals, _ := s.Program.Must(s.t, http.MethodGet, "/v1/partners/"+s.partnerID, nil).Data(s.t)["referrals"].(map[string]any)
	return referrals["clicks"]
}

func (s *snippetSite) wantClicks(want float64) {
	s.t.Helper()
	apptest.Eventually(s.t, func() error {
		if got := s.clicks(); got != want {
			return fmt.Errorf("the partner has %v clicks, want %v", got, want)
		}
		return nil
	})
}

// customer waits for the customer with an email.
func (s *snippetSite) customer(email string) (found map[string]any) {
	s.t.Helper()
	apptest.Eventually(s.t, func() error {
		answer := s.Program.Do(http.MethodGet, "/v1/customer?email="+email, nil)
		if answer.Status != http.StatusOK {
			return fmt.Errorf("no customer %s: %v", email, answer)
		}
		found = answer.Data(s.t)
		return nil
	})
	return found
}

// noCustomers says that there are none.
func (s *snippetSite) noCustomers() {
	s.t.Helper()
	require.Contains(s.t, string(s.Program.Must(s.t, http.MethodGet, "/v1/customers", nil).Body), `"data":[]`)
}

// visit opens a page and waits until the script knows whose visit it is.
func (s *snippetSite) visit(b *tab, path, key string) {
	s.t.Helper()
	b.open(s.URL + path)
	b.wait("window.leadmill && leadmill.key()", key)
}

const alice = `po('customers', 'signup', {data: {key: 'account_1', email: 'alice@customers.example', name: 'Alice Brown'}});`

// The documented snippet, with another base URL and nothing else changed: the visitor comes with a partner's key, signs up on a later
// page, and the customer is the partner's.
func TestPartnerosSnippetWithOnlyTheURLChanged(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, nil), newTab(t)
		stay := during(func() { s.visit(b, "/?aff=ref_123", "ref_123") })
		for _, cookie := range b.wantTouch(s.URL, "ref_123") {
			stay.wantLife(t, cookie, lifetime) // the program's
		}
		b.wantCookies(s.leadmill)
		s.wantClicks(1)

		s.visit(b, "/welcome", "ref_123")
		b.do(alice)
		customer := s.customer("alice@customers.example")
		require.Equal(t, []any{"account_1", s.partnerID, "Alice Brown"}, []any{customer["key"], customer["partner"], customer["name"]})
		require.EqualValues(t, 1, s.clicks(), "a page without a key is no click")

		// Partnero's customers call it on every page of somebody who is signed in.
		b.do(alice)
		b.do(`po('customers', 'signup', {data: {key: 'account_2', email: 'bob@customers.example'}});`)
		require.Equal(t, s.partnerID, s.customer("bob@customers.example")["partner"])
		require.Equal(t, customer, s.customer("alice@customers.example"))
	})
}

// A call that stands right behind the snippet waits in po.q, until the script is there and knows the program.
func TestCallsThatWaitInTheQueueAreDone(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, apptest.Object{"link_parameter": "via"}), newTab(t)
		s.body = `<script>var early = po; ` + alice + `</script>`
		b.open(s.URL + "/?via=ref_123&aff=other")
		require.Equal(t, s.partnerID, s.customer("alice@customers.example")["partner"])
		b.wantTouch(s.URL, "ref_123") // the program's parameter is via

		b.do(`early('customers', 'signup', {data: {key: 'account_2', email: 'bob@customers.example'}});`)
		require.Equal(t, s.partnerID, s.customer("bob@customers.example")["partner"])
	})
}

// po('integration', 'universal', null), as documented for pages whose forms are sign-ups: the form goes where it always went, and its
// name and email make a customer.
func TestUniversalSignUpOfAForm(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		for name, form := range map[string]string{
			"typed":        `<input type="email" name="user[email]"><input name="full_name"><input type="password" name="password">`,
			"autofilled":   `<input id="e" autocomplete="email"><input type="text" autocomplete="name"><input type="password">`,
			"other fields": `<input name="username" value="u"><input name="company_name" value="c"><input autocomplete="cc-name" value="d"><input name="q" autocomplete="name"><input id="e" autocomplete="email">`,
			"in two parts": `<input name="first_name"><input name="lastName"><input name="E-Mail">`,
		} {
			t.Run(name, func(t *testing.T) {
				s, b := newSnippetSite(t, databaseURL, nil), newTab(t)
				s.body = `<form method="post" action="/joined">` + form + `<button>Join</button></form>` + "\n<script>\n    po('integration', 'universal', null);\n</script>"
				s.visit(b, "/join?aff=ref_123", "ref_123")
				b.do(`document.querySelectorAll("input").forEach(function (i) {
					var is = (i.type + i.name + i.id + i.autocomplete).toLowerCase();
					i.value = i.value ? i.value : /password/.test(is) ? "Secret123" : /^email|e-mail|texte/.test(is) ? "alice@customers.example" : /first/.test(is) ? "Alice" : /last/.test(is) ? "Brown" : "Alice Brown";
				})`)
				b.do(`document.querySelector("button").click()`)
				b.wait("document.title", "POST /joined")
				customer := s.customer("alice@customers.example")
				require.Equal(t, s.partnerID, customer["partner"])
				require.Equal(t, "Alice Brown", strings.TrimSpace(fmt.Sprint(customer["name"], " ", customer["surname"])))
				require.Regexp(t, `^[A-Za-z0-9]{12}$`, customer["key"], "no person's name or address")
			})
		}
	})
}

// Nobody sent this visitor, so that there is nobody whose customer it is.
func TestWhoCameAloneIsNobodysCustomer(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, nil), newTab(t)
		b.open(s.URL + "/")
		b.wait("window.leadmill && leadmill.key()", nil)
		b.do(alice)
		s.visit(b, "/?aff=ref_123", "ref_123")
		b.do(strings.ReplaceAll(alice, "alice", "bob"))
		s.customer("bob@customers.example")
		require.Equal(t, http.StatusNotFound, s.Program.Do(http.MethodGet, "/v1/customer?email=alice@customers.example", nil).Status)
		s.wantClicks(1)
	})
}

// listening keeps what the page is warned of.
const listening = `<script>var warned = []; console.warn = function (text) { warned.push(text) };</script>`

// A call that is not supported is told once, and breaks nothing on the page.
func TestUnsupportedCallsWarnOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, nil), newTab(t)
		s.head = listening
		s.body = `<script>po('transactions', 'create', {data: {amount: 10}}); po('transactions', 'create', {data: {amount: 20}});
			po(); po(null, {email: 'alice@customers.example'}); po('customers', 'signup'); po('program', {}); var chained = po('refer', 'widget');</script>`
		s.visit(b, "/?aff=ref_123", "ref_123")
		b.do(`po('transactions', 'create'); po('refer', 'widget')(1)(2); po('refer', 'widget')(3);`)
		b.want("warned.filter(function (w) { return w === \"leadmill: po('transactions', 'create') is not supported\" }).length", 1.0,
			"warned.filter(function (w) { return w === \"leadmill: po('refer', 'widget') is not supported\" }).length", 1.0,
			"warned.filter(function (w) { return /refused/.test(w) }).length", 0.0,
			"/alice|10|20/.test(warned.join())", false)
		s.noCustomers()
	})
}

// A sale that comes with a sign-up is not dropped without a word.
func TestASaleWithASignUpIsRefusedAloud(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, nil), newTab(t)
		b.mayComplain("status of 422")
		s.head = listening
		s.visit(b, "/?aff=ref_123", "ref_123")
		b.do(`po('customers', 'signup', {data: {key: 'account_1', transaction: {amount: 10}}})`)
		b.wait("warned.join()", "leadmill: refused: /customers (422)")
		s.noCustomers()
	})
}

// With consent "wait", nothing is written, filled or sent before the visitor agrees, and all of it afterwards.
func TestWithConsentWaitNothingIsDoneBefore(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, nil), newTab(t)
		s.body = `<input type="hidden" name="partnero_partner"><input type="hidden" name="partnero_clicked_at"><script>po('settings', 'consent', 'wait'); ` + alice + `</script>`
		s.visit(b, "/?aff=ref_123", "ref_123")
		b.wantCookies(s.URL)
		b.want(value(partnerCookie), "", value(clickedCookie), "")
		b.do("leadmill.consent(false)")
		b.wantCookies(s.URL)
		b.want(value(partnerCookie), "")
		b.open(s.URL + "/")
		s.visit(b, "/?aff=ref_123", "ref_123")
		require.EqualValues(t, 0, s.clicks())
		s.noCustomers()

		b.do("leadmill.consent(true)")
		b.wantTouch(s.URL, "ref_123")
		b.want(value(partnerCookie), "ref_123")
		require.Equal(t, s.partnerID, s.customer("alice@customers.example")["partner"])
		s.wantClicks(1)
	})
}

// A partner's link leads to a page with the key in its address: that is one click, and so are a link and a page in the other order.
func TestALinkAndThePageItLeadsToAreOneClick(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, nil), newTab(t)
		b.open(s.leadmill + "/r/" + s.Code + "/ref_123")
		b.wait("window.leadmill && leadmill.key()", "ref_123")
		b.wantTouch(s.URL, "ref_123")
		b.do(alice) // is behind the click
		s.customer("alice@customers.example")
		s.wantClicks(1)
		s.visit(b, "/?aff=ref_123", "ref_123")
		b.do(strings.ReplaceAll(alice, "alice", "bob"))
		require.Equal(t, http.StatusOK, s.Program.Do(http.MethodGet, "/v1/partners", nil).Status)
		require.EqualValues(t, 1, s.clicks())
	})
}

// A key is of no use on pages of others, who can read it in the seller's.
func TestTheKeyIsOfNoUseOnOtherPages(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, nil), newTab(t)
		b.mayComplain("CORS policy", "ERR_FAILED", "status of 403")
		s.head, s.key = listening, s.siteKey("https://other.example")
		b.open(s.URL + "/?aff=ref_123")
		b.wait("warned.length", 1.0)
		b.do(alice)
		b.want("leadmill.key()", nil, "/^leadmill: refused: the program/.test(warned[0])", true)
		b.wantCookies(s.URL)
		require.EqualValues(t, 0, s.clicks())
		s.noCustomers()
	})
}

// A page may have had Leadmill's own tag before it got the snippet.
func TestTheSnippetBesideTheTag(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, nil), newTab(t)
		s.head = `<script src="` + s.leadmill + `/track.js"></script>`
		visit := during(func() {
			s.visit(b, "/?aff=ref_123", "ref_123")
			b.do(alice)
			require.Equal(t, s.partnerID, s.customer("alice@customers.example")["partner"])
		})
		visit.wantLife(t, b.wantTouch(s.URL, "ref_123")[partnerCookie], lifetime)
		s.wantClicks(1)
	})
}

// Leadmill's own tag knows the program too.
func TestTheProgramAsAnAttribute(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		s, b := newSnippetSite(t, databaseURL, apptest.Object{"link_parameter": "via"}), newTab(t)
		page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprintf(w, `<!DOCTYPE html><script src="%s/track.js" data-program="%s" async></script>`, s.leadmill, s.key)
		}))
		t.Cleanup(page.Close)
		own := atHost(t, shopHost, page.URL)
		s.key = s.siteKey(own)
		visit := during(func() {
			b.open(own + "/?via=ref_123")
			b.wait("window.leadmill && leadmill.key()", "ref_123")
		})
		visit.wantLife(t, b.wantTouch(own, "ref_123")[partnerCookie], lifetime)
		s.wantClicks(1)
	})
}
