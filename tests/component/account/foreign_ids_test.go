package account_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// foreign are texts that no id of ours can be. MySQL refuses to compare the first ones with a column of ids.
var foreign = []string{"größe_01", "顧客", "🔑", "a b", "Ａ", "%00", "'"}

// leaves calls do with each text in a request, put in by its path.
func leaves(v any, path string, put func(any), do func(path string, put func(any))) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			leaves(member, path+"."+name, func(n any) { v[name] = n }, do)
			v[name] = member
		}
	case []any:
		for i, item := range v {
			leaves(item, fmt.Sprint(path, ".", i), func(n any) { v[i] = n }, do)
			v[i] = item
		}
	case string:
		do(path, put)
	}
}

// TestNoTextInPlaceOfAnIDIsAnError sends texts that no id can be in every place of every operation that takes a text: in its path, its query
// and its body. Each is refused or names nothing.
func TestNoTextInPlaceOfAnIDIsAnError(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.StartConfig(t, databaseURL, keepingSecrets, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		admin := app.Client(t, apptest.AdminKey)
		tried := 0
		send := func(scopes []string, what, method, path string, body any) {
			t.Helper()
			client := s.Program
			switch {
			case strings.Contains(strings.Join(scopes, " "), "admin"):
				client = admin
			case strings.Contains(strings.Join(scopes, " "), "supplier"):
				client = s.Supplier
			}
			tried++
			if a := client.Unchecked().Do(method, path, body); a.Err != nil || a.Status >= 500 && a.Status != 501 {
				t.Errorf("%s: %s %s is answered %v", what, method, path, a)
			}
		}
		more := map[string][]any{
			"createContract": {apptest.Object{"buyer_id": "x", "price": 1}}, "createAPIKey": {
				apptest.Object{"scope": "supplier", "name": "x", "partner": apptest.Object{"id": "x", "key": "y", "email": "z"}},
				apptest.Object{"scope": "form", "name": "x", "campaign_id": "x", "origins": []any{"https://example.com"}},
			},
			"createPartner":     {apptest.Object{"email": "one@shop.example", "id": "x", "key": "y", "referring_partner": apptest.Object{"id": "x"}}},
			"createCustomer":    {apptest.Object{"key": "k", "partner": apptest.Object{"key": "x"}}, apptest.Object{"key": "k", "partner": apptest.Object{"email": "x"}}},
			"updateCustomer":    {apptest.Object{"partner": apptest.Object{"id": "x"}}, apptest.Object{"key": "x"}},
			"createFormLead":    {apptest.Object{"name": "A", "email": "a@shop.example", "partner": apptest.Object{"key": "x"}}, apptest.Object{"name": "A", "email": "a@shop.example", "customer": apptest.Object{"key": "x"}}},
			"updateSettings":    {apptest.Object{"lead_campaign_id": "x"}},
			"updateLeadDetails": {apptest.Object{"campaign_id": "x"}},
			"requestErasure":    {apptest.Object{"customer": "x"}, apptest.Object{"customer_key": "x"}, apptest.Object{"phone": "x"}},
			"submitLead":        {s.Form()},
		}
		for _, op := range apptest.Spec(t).Operations() {
			if len(op.Scopes) == 0 || op.Endless() { // which takes the parameters of the feed
				continue
			}
			own := map[string]string{"id": "none", "key": "none", "contract_id": "none", "lead_id": "none"}
			for _, text := range foreign {
				for name := range own {
					if !strings.Contains(op.Path, "{"+name+"}") {
						continue
					}
					path := strings.ReplaceAll(op.Path, "{"+name+"}", url.PathEscape(text))
					send(op.Scopes, "path "+name, op.Method, apptest.Fill(path, own), bodies(s.BuyerIDs[0])[op.ID])
				}
				for _, name := range op.Query() {
					send(op.Scopes, "query "+name, op.Method, apptest.Fill(op.Path, own)+"?"+url.Values{name: {text}}.Encode(), bodies(s.BuyerIDs[0])[op.ID])
				}
				for _, body := range append(more[op.ID], bodies(s.BuyerIDs[0])[op.ID]) {
					encoded, err := json.Marshal(body)
					if err != nil {
						t.Fatal(err)
					}
					var root any
					if err := json.NewDecoder(bytes.NewReader(encoded)).Decode(&root); err != nil {
						t.Fatal(err)
					}
					path := apptest.Fill(op.Path, map[string]string{"id": s.CampaignID, "key": "none", "contract_id": s.ContractIDs[0], "lead_id": "none"})
					leaves(root, "body", nil, func(at string, put func(any)) {
						put(text)
						send(op.Scopes, at, op.Method, path, root)
					})
				}
			}
		}
		if tried < 500 {
			t.Errorf("only %d requests were sent", tried)
		}
	})
}
