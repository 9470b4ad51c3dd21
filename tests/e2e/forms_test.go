package e2e_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// A page as the guide prints it, a form key from the command line, and the requests that a browser makes of them.
func TestAWebPageOfTheGuidePostsLeads(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "suppliers.md"))
	if err != nil {
		t.Fatal(err)
	}
	const page = "https://www.example.com"
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"})
		s := apptest.NewShop(t, &p.App, apptest.Object{"redirect_url": page + "/thanks"}, apptest.Rich)
		key := strings.TrimSpace(must(t, databaseURL, "keys", "create", "--seller", s.Code, "--scope", "form", "--campaign", s.CampaignID, "--origin", page))
		if !strings.HasPrefix(key, "lm_form_") {
			t.Fatalf("the key is %q", key)
		}
		form := regexp.MustCompile(`(?s)<form method="post" action="https://leads.example.com(/api/forms/)YOUR_FORM_KEY">.*?</form>`).FindStringSubmatch(string(guide))
		if form == nil {
			t.Fatal("the guide has no plain form")
		}
		values := url.Values{}
		typed := map[string]string{"firstName": "Jane", "lastName": "Doe", "phone": "(604) 785-3795", "email": "", "state": "new york", "zip": "501", "website_url": ""}
		for _, m := range regexp.MustCompile(`name="(\w+)"`).FindAllStringSubmatch(form[0], -1) {
			values.Set(m[1], typed[m[1]])
		}
		if len(values) != len(typed) {
			t.Errorf("the form has %v", values)
		}
		browser := p.Client(t, "")
		headers := []string{
			"Content-Type", "application/x-www-form-urlencoded", "Origin", page, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "cross-site",
			"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		}
		path := form[1] + key
		if a := browser.Do("POST", path, values.Encode(), headers...); a.Status != http.StatusSeeOther || a.Header.Get("Location") != page+"/thanks" {
			t.Errorf("the form is answered %v %v", a, a.Header)
		}
		if leads := s.Program.Must(t, "GET", "/v1/marketplace/leads?status=sold", nil).List(t); len(leads) != 1 {
			t.Errorf("leads: %v", leads)
		}
		values.Set("phone", "12")
		if a := browser.Do("POST", path, values.Encode(), headers...); a.Status != 400 || !strings.Contains(string(a.Body), "<li>phone must have 7 to 15 digits</li>") {
			t.Errorf("a wrong phone is answered %v", a)
		}
		asked := browser.Unchecked().Do("OPTIONS", path, nil, "Origin", page, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		if asked.Status != http.StatusNoContent || asked.Header.Get("Access-Control-Allow-Origin") != page || asked.Header.Get("Access-Control-Allow-Methods") != "POST" || !strings.Contains(asked.Header.Get("Access-Control-Allow-Headers"), "Content-Type") {
			t.Errorf("a preflight is answered %v %v", asked, asked.Header)
		}
		refused := browser.Unchecked().Do("OPTIONS", path, nil, "Origin", "https://other.example", "Access-Control-Request-Method", "POST")
		if refused.Status != http.StatusForbidden || refused.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("a preflight of another page is answered %v %v", refused, refused.Header)
		}
		if a := browser.Do("GET", path+"/token", nil, "Origin", page); a.Status != 200 || a.Header.Get("Access-Control-Allow-Origin") != page {
			t.Errorf("a token is answered %v", a)
		}
		for _, args := range [][]string{
			{"keys", "create", "--seller", s.Code, "--scope", "form", "--origin", page},
			{"keys", "create", "--seller", s.Code, "--scope", "form", "--campaign", "none", "--origin", page},
			{"keys", "create", "--seller", s.Code, "--scope", "form", "--campaign", s.CampaignID, "--origin", "*"},
		} {
			if code, stdout, stderr := end(t, databaseURL, args); code != 1 || stdout != "" || stderr == "" {
				t.Errorf("leadmill %v ended with %d: %s%s", args, code, stdout, stderr)
			}
		}
		p.Stop(t)
	})
}
