package market_test

import (
	"bytes"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

const webPage = "https://shop.example"

// logged is a log that a test reads while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// webForm is a shop with a form key, whose pages post from https://shop.example.
type webForm struct {
	*apptest.Shop

	t    *testing.T
	path string // of the key's forms
}

func newWebForm(t *testing.T, s *apptest.Shop, more apptest.Object) webForm {
	t.Helper()
	key := apptest.Object{"scope": "form", "campaign_id": s.CampaignID, "origins": []string{webPage + "/"}, "name": "quotes"}
	maps.Copy(key, more)
	made := s.Program.Must(t, "POST", "/v1/api-keys", key).Data(t)
	token, _ := made["key"].(string)
	if !strings.HasPrefix(token, "lm_form_") || made["campaign_id"] != s.CampaignID {
		t.Fatalf("made %v", made)
	}
	return webForm{s, t, "/api/forms/" + token}
}

// post posts a plain form as a browser does.
func (w webForm) post(fields apptest.Form, headers ...string) apptest.Answer {
	w.t.Helper()
	values := url.Values{}
	for name, value := range fields {
		if text, ok := value.(string); ok && name != "seller" && name != "category" {
			values.Set(name, text)
		}
	}
	return w.Program.With("").Do("POST", w.path, values.Encode(),
		append([]string{"Content-Type", "application/x-www-form-urlencoded", "Origin", webPage}, headers...)...)
}

// send posts JSON as a script does.
func (w webForm) send(fields apptest.Form, headers ...string) apptest.Answer {
	w.t.Helper()
	return w.Program.With("").Do("POST", w.path, fields.With("seller", nil, "category", nil), append([]string{"Origin", webPage}, headers...)...)
}

func (w webForm) token() string {
	w.t.Helper()
	a := w.Program.With("").Must(w.t, "GET", w.path+"/token", nil, "Origin", webPage)
	token := strings.Split(string(a.Body), `"`)[5]
	return token
}

// A supplier's page could not post a lead without its secret key in it.
func TestAWebPagePostsLeadsWithAPublicKey(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands, log := leadmilltest.NewClock(time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)), &logged{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands, Logs: log})
		s := apptest.NewShop(t, app, apptest.Object{"redirect_url": "https://shop.example/thanks"}, apptest.Rich)
		w := newWebForm(t, s, apptest.Object{"partner": apptest.Object{"id": s.PartnerID}, "rate_limit": nil})

		// A plain form: to the page that the seller wants, and nowhere else.
		a := w.post(s.Form().With("redirect_url", "https://evil.example", "next", "https://evil.example"))
		if a.Status != 303 || a.Header.Get("Location") != "https://shop.example/thanks" {
			t.Fatalf("a form is answered %v %v", a, a.Header)
		}
		sold := s.Program.Must(t, "GET", "/v1/marketplace/leads?status=sold", nil).List(t)
		if len(sold) != 1 {
			t.Fatalf("leads: %v", sold)
		}

		// A script: with a token that is not too young and not too old, and nothing of the sale in the answer.
		phone := apptest.Phone()
		form := s.Form().With("phone", phone)
		if a := w.send(form); a.Status != 400 || !slices.Equal(a.Lead().Fields, []string{"form_token"}) || a.Lead().Code != "missing_required_field" {
			t.Errorf("without a token: %v", a)
		}
		token := w.token()
		young := w.send(form.With("form_token", token))
		hands.Advance(2 * time.Second)
		taken := w.send(form.With("form_token", token))
		again := w.send(form.With("form_token", w.token()))
		hands.Advance(2 * time.Hour)
		old := w.send(form.With("form_token", token))
		if young.Status != 400 || !strings.Contains(string(young.Body), `"errors":{"form_token":"must be at least 2 seconds old`) {
			t.Errorf("at once: %v", young)
		}
		if l := taken.Lead(); taken.Status != 200 || l.Status != "sold" || strings.Contains(string(taken.Body), "price") || strings.Contains(string(taken.Body), "buyer") {
			t.Errorf("after 2 s: %v", taken)
		}
		if again.Status != 400 {
			t.Errorf("with a token of now: %v", again)
		}
		if old.Status != 400 || !strings.Contains(string(old.Body), `"errors":{"form_token":"has expired`) {
			t.Errorf("after 2 h: %v", old)
		}
		if other := newWebForm(t, s, nil).send(form.With("form_token", token)); other.Status != 400 {
			t.Errorf("a token of another form: %v", other)
		}

		// Double clicks are one lead; the person again, later, is a duplicate.
		once := s.Form()
		w.post(once)
		if a := w.post(once, "Accept", "application/json"); a.Status != 200 || !a.Replayed() || a.Lead().Status != "sold" {
			t.Errorf("a double click: %v", a)
		}
		hands.Advance(time.Hour)
		if a := w.post(once, "Accept", "application/json"); a.Lead().Code != "duplicate_lead" {
			t.Errorf("an hour later: %v", a)
		}

		// What people do not see is left empty by them: looks like success, and is none.
		before := len(s.Program.Must(t, "GET", "/v1/marketplace/leads?limit=250", nil).List(t))
		trapped := w.post(s.Form().With("website_url", "https://spam.example"), "Accept", "application/json")
		if l := trapped.Lead(); trapped.Status != 200 || l.Status != "pending" || !strings.HasPrefix(l.ID, "lead_") {
			t.Errorf("a trapped form: %v", trapped)
		}
		if a := w.post(s.Form().With("website_url", "https://spam.example")); a.Status != 303 {
			t.Errorf("a trapped form in a browser: %v", a)
		}
		if after := len(s.Program.Must(t, "GET", "/v1/marketplace/leads?limit=250", nil).List(t)); after != before {
			t.Errorf("%d leads became %d", before, after)
		}
		if text := log.String(); !strings.Contains(text, "a form was filled in where people see nothing") || strings.Contains(text, "spam") || strings.Contains(text, phone) {
			t.Errorf("logged %s", text)
		}

		// The lead is for the key's campaign, whatever the form says.
		for name, c := range map[string]struct {
			more   []string
			status int
			code   string
		}{
			"its own":        {[]string{"seller", s.Code, "category", " auto insurance "}, 200, ""},
			"another seller": {[]string{"seller", "OTHER123"}, 401, "invalid_api_key"},
			"another one":    {[]string{"category", "Solar"}, 400, "no_matching_campaign"},
		} {
			values := url.Values{}
			for field, value := range s.Form() {
				values.Set(field, value.(string))
			}
			values.Del("seller")
			values.Del("category")
			for i := 0; i < len(c.more); i += 2 {
				values.Set(c.more[i], c.more[i+1])
			}
			a := w.Program.With("").Do("POST", w.path, values.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", webPage, "Accept", "application/json")
			if a.Status != c.status || a.Lead().Code != c.code {
				t.Errorf("%s: %v", name, a)
			}
		}
		s.Program.Must(t, "POST", "/v1/campaigns/"+s.CampaignID+"/pause", nil)
		s.Program.Must(t, "POST", "/v1/campaigns", apptest.Object{"name": "Successor", "category": "auto insurance"})
		if a := w.post(s.Form(), "Accept", "application/json"); a.Status != 400 || a.Lead().Code != "no_matching_campaign" {
			t.Errorf("a campaign that takes the place of the key's: %v", a)
		}
		app.Doctor(t)
	})
}

// Anybody can read a form key, so that it is bound to pages and a campaign, and one visitor cannot send without end.
func TestAFormKeyIsBound(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		other := apptest.NewShop(t, app, nil, apptest.Rich)
		for name, key := range map[string]apptest.Object{
			"no campaign":           {"scope": "form", "origins": []string{webPage}},
			"another's campaign":    {"scope": "form", "campaign_id": other.CampaignID, "origins": []string{webPage}},
			"no pages":              {"scope": "form", "campaign_id": s.CampaignID},
			"every page":            {"scope": "form", "campaign_id": s.CampaignID, "origins": []string{"*"}},
			"pages for a program":   {"scope": "program", "origins": []string{webPage}},
			"a campaign for others": {"scope": "supplier", "partner": apptest.Object{"id": s.PartnerID}, "campaign_id": s.CampaignID},
		} {
			if a := s.Program.Do("POST", "/v1/api-keys", key); a.Status != 422 {
				t.Errorf("%s: %v", name, a)
			}
		}
		w := newWebForm(t, s, nil)
		listed := s.Program.Must(t, "GET", "/v1/api-keys", nil)
		if !strings.Contains(string(listed.Body), `"origins":["https://shop.example"]`) || strings.Contains(string(listed.Body), strings.TrimPrefix(w.path, "/api/forms/")) {
			t.Errorf("listed %v", listed)
		}
		var seen []int
		for range 12 {
			seen = append(seen, w.post(s.Form()).Status)
		}
		if slices.Index(seen, 429) != 10 || seen[0] != 200 {
			t.Errorf("an address is answered %v", seen)
		}
		free := newWebForm(t, s, apptest.Object{"rate_limit": nil})
		if a := free.post(s.Form(), "Origin", "https://other.example"); a.Status != 403 || a.Lead().Code != "origin_not_allowed" {
			t.Errorf("another page: %v", a)
		}
		lead := free.post(s.Form(), "Accept", "application/json").Lead()
		if lead.Status != "sold" {
			t.Errorf("without a partner: %+v", lead)
		}
		for _, of := range []*apptest.Client{s.Supplier, s.Program.With(strings.TrimPrefix(free.path, "/api/forms/"))} {
			if a := of.Do("GET", "/api/leads/"+lead.ID, nil); a.Status != 404 && a.Status != 401 {
				t.Errorf("another key reads the lead: %v", a)
			}
		}
		app.Doctor(t)
	})
}
