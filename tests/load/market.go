package load

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// category is what the leads are submitted in.
const category = "Auto Insurance"

// market is the seller that a run makes for itself, and the keys to it.
type market struct {
	api                               *API
	sellerID, sellerCode, supplierKey string
	campaign                          string   // its address
	contracts                         []string // and theirs
}

// UsualBuyers is how many buyers usually have a contract in a seller's one campaign.
const UsualBuyers = 5

// found makes a seller with one campaign, funded buyers with a contract each whose day cap no run reaches, and a supplier
// whose key has no limit.
func found(ctx context.Context, baseURL, adminKey string, buyers int) (*market, error) {
	admin := &API{Base: baseURL, Key: adminKey}
	var seller struct {
		ID, Code string
		APIKey   struct{ Key string } `json:"api_key"`
	}
	name := "Load " + strings.ToLower(rand.Text()[:10])
	if err := admin.post(ctx, "/v1/sellers", object{
		"name": name, "currency": "USD", "time_zone": "America/Chicago",
		"website": "https://load.example",
	}, &seller); err != nil {
		return nil, err
	}
	// The first key has the usual limit, which reading the events back would exceed.
	first := &API{Base: baseURL, Key: seller.APIKey.Key}
	var key struct{ Key string }
	if err := first.post(ctx, "/v1/api-keys", object{"scope": "program", "name": "load", "rate_limit": nil}, &key); err != nil {
		return nil, err
	}
	m := &market{api: &API{Base: baseURL, Key: key.Key}, sellerID: seller.ID, sellerCode: seller.Code}
	const partner = "load-supplier"
	if err := m.api.post(ctx, "/v1/partners", object{"id": partner, "email": "supplier@load.example", "name": "Load", "surname": "Supplier"}, nil); err != nil {
		return nil, err
	}
	if err := m.api.post(ctx, "/v1/api-keys", object{"scope": "supplier", "partner": object{"id": partner}, "name": "load", "rate_limit": nil}, &key); err != nil {
		return nil, err
	}
	m.supplierKey = key.Key
	var made struct{ ID string }
	if err := m.api.post(ctx, "/v1/campaigns", object{
		"name": "Auto", "category": category,
		"dedupe":          object{"fields": []string{"phone", "email"}, "match": "any", "window_days": 30},
		"supplier_payout": object{"type": "percent", "value": 70},
	}, &made); err != nil {
		return nil, err
	}
	m.campaign = "/v1/campaigns/" + made.ID
	for i := range buyers {
		var buyer struct{ ID string }
		if err := m.api.post(ctx, "/v1/buyers", object{"name": fmt.Sprintf("Buyer %d", i+1)}, &buyer); err != nil {
			return nil, err
		}
		if err := m.api.post(ctx, "/v1/buyers/"+buyer.ID+"/deposits", object{"amount": 1_000_000_000, "note": "load"}, nil); err != nil {
			return nil, err
		}
		if err := m.api.post(ctx, m.campaign+"/contracts", object{
			"buyer_id": buyer.ID, "price": 45 - i, "priority": i + 1,
			"caps": []object{{"window": "day", "leads": 100_000_000}},
		}, &made); err != nil {
			return nil, err
		}
		m.contracts = append(m.contracts, m.campaign+"/contracts/"+made.ID)
	}
	return m, nil
}

// ChangeCampaigns sends a PUT with the members of body to the campaign of each seller.
func (s *Session) ChangeCampaigns(ctx context.Context, body map[string]any) error {
	return s.each(func(m *market) error { return m.api.send(ctx, http.MethodPut, m.campaign, body, nil) })
}

// ChangeContracts sends a PUT with the members of body to the i-th contract of each seller.
func (s *Session) ChangeContracts(ctx context.Context, i int, body map[string]any) error {
	return s.each(func(m *market) error { return m.api.send(ctx, http.MethodPut, m.contracts[i], body, nil) })
}

// SwitchContracts pauses or resumes the i-th contract of each seller.
func (s *Session) SwitchContracts(ctx context.Context, i int, on bool) error {
	action := "/pause"
	if on {
		action = "/resume"
	}
	return s.each(func(m *market) error { return m.api.post(ctx, m.contracts[i]+action, object{}, nil) })
}

// Reader returns the API of the i-th seller, as of one who reads its events.
func (s *Session) Reader(i int) *API { return s.markets[i].api }

func (s *Session) each(do func(*market) error) error {
	for _, m := range s.markets {
		if err := do(m); err != nil {
			return err
		}
	}
	return nil
}

type object map[string]any

// client keeps a connection for each of those who make sellers at the same time.
var client = func() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = makers
	return &http.Client{Transport: transport}
}()

// API calls the management API with one key.
type API struct{ Base, Key string }

func (a *API) post(ctx context.Context, path string, body object, data any) error {
	return a.send(ctx, http.MethodPost, path, body, data)
}

func (a *API) send(ctx context.Context, method, path string, body object, data any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.Call(ctx, method, path, b, &struct{ Data any }{data})
}

// get reads a whole answer into an object with the answer's members.
func (a *API) get(ctx context.Context, path string, answer any) error {
	return a.Call(ctx, http.MethodGet, path, nil, answer)
}

// Call sends a request and reads its answer into an object with the answer's members. Any status but 2xx is an error.
func (a *API) Call(ctx context.Context, method, path string, body []byte, answer any) (err error) {
	request, err := http.NewRequestWithContext(ctx, method, a.Base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+a.Key)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answered %d: %.300s", method, path, response.StatusCode, b)
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
