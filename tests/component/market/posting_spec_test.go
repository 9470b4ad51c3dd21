package market_test

import (
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

var example = regexp.MustCompile(`(?s)<pre id="example">(.*?)</pre>`)

// TestTheExampleOfAPostingSpecificationWorks reads the page by its link, as somebody without a key, and sends what its example says: it is taken as a
// test lead, whatever fields the campaign wants.
func TestTheExampleOfAPostingSpecificationWorks(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		var fields []apptest.Object
		for _, kind := range []string{"string", "text", "email", "phone", "us_state", "zip", "number", "integer", "boolean", "date", "url"} {
			fields = append(fields, apptest.Object{"name": "a_" + kind, "type": kind, "required": true})
		}
		fields = append(fields, apptest.Object{"name": "roof", "type": "enum", "required": true, "options": []string{"it's flat", "<steep>"}}, apptest.Object{"name": "zip", "type": "zip", "required": true})
		proofs := []string{"trusted_form_cert_url", "jornaya_lead_id", "consent_text", "consent_at", "ip_address"}
		s := apptest.NewShop(t, app, apptest.Object{"fields": fields, "consent": apptest.Object{"required": proofs}}, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00}})
		path := "/v1/campaigns/" + s.CampaignID
		link := s.Program.Must(t, "GET", path+"/specification-link", nil).Data(t)["url"].(string)
		page := func(url string) (int, string) {
			t.Helper()
			a := s.Program.With("").Do("GET", strings.TrimPrefix(url, app.URL), nil)
			return a.Status, string(a.Body)
		}
		status, body := page(link)
		if status != http.StatusOK {
			t.Fatalf("the link answers %d: %s", status, body)
		}
		command := html.UnescapeString(example.FindStringSubmatch(body)[1])
		_, sent, _ := strings.Cut(command, "-d '")
		sent = strings.ReplaceAll(strings.TrimSuffix(sent, "'"), `'\''`, "'")
		var lead apptest.Object
		if err := json.Unmarshal([]byte(sent), &lead); err != nil {
			t.Fatalf("%v: %s", err, sent)
		}
		answer := s.Supplier.Must(t, "POST", "/api/leads", lead)
		if text := string(answer.Body); !strings.Contains(text, `"status":"sold"`) || !strings.Contains(text, `"test":true`) {
			t.Errorf("the example is answered %s", text)
		}
		if !strings.HasPrefix(command, "curl "+app.URL+"/api/leads ") {
			t.Errorf("the example is sent to %s", command)
		}
		var listed struct {
			Campaigns []struct {
				ID     string
				Fields []struct{ Name string }
			}
		}
		if err := json.Unmarshal(s.Supplier.Must(t, "GET", "/api/campaigns", nil).Body, &listed); err != nil || len(listed.Campaigns) != 1 || listed.Campaigns[0].ID != s.CampaignID || len(listed.Campaigns[0].Fields) != 7+12+len(proofs) {
			t.Errorf("%v: %+v", err, listed)
		}

		// It is no stranger's: not without the token, not by the key of another seller, and not while the campaign takes no leads.
		at := strings.LastIndex(link, "/") + 1
		swapped := link[:at] + link[at+1:at+2] + link[at:at+1] + link[at+2:]
		if link[at] == link[at+1] {
			swapped = link[:at] + "-_" + link[at+2:]
		}
		if status, _ := page(swapped); status != http.StatusNotFound {
			t.Errorf("another token is answered %d", status)
		}
		other := apptest.NewShop(t, app, apptest.Object{})
		if a := other.Supplier.Do("GET", "/api/campaigns/"+s.CampaignID, nil); a.Status != http.StatusNotFound {
			t.Errorf("another seller's key is answered %d", a.Status)
		}
		if a := other.Program.Do("GET", path+"/specification-link", nil); a.Status != http.StatusNotFound {
			t.Errorf("another seller's key is answered %d", a.Status)
		}
		s.Program.Must(t, "POST", path+"/pause", nil)
		if status, _ := page(link); status != http.StatusNotFound {
			t.Errorf("the page of a paused campaign is answered %d", status)
		}
	})
}
