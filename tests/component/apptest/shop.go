package apptest

import (
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
)

// Object is a JSON object.
type Object = map[string]any

// Shop is a seller with a supplier, one campaign "Auto Insurance" and the buyers and contracts asked for.
type Shop struct {
	Admin, Program, Supplier *Client
	SupplierKeyID            string
	DatabaseURL              string
	Code, Slug               string
	PartnerID                string
	CampaignID               string
	BuyerIDs, ContractIDs    []string
}

// Category is the category of a shop's campaign.
const Category = "Auto Insurance"

// Buyer is a buyer of a shop with one contract. Deposit of zero is none. Without Contract it has none.
type Buyer struct {
	Deposit  float64
	Contract Object // price and what else
}

// Rich is a buyer that can buy everything.
var Rich = Buyer{Deposit: 1_000_000, Contract: Object{"price": 10.00}}

var shops atomic.Int64

// NewShop makes a shop. campaign overrides the members of its campaign; by default phones are unique for 30 days.
func NewShop(t testing.TB, a *App, campaign Object, buyers ...Buyer) *Shop {
	t.Helper()
	admin := a.Client(t, AdminKey)
	n := shops.Add(1)
	s := &Shop{Admin: admin, DatabaseURL: a.DatabaseURL, Code: fmt.Sprintf("SHOP%04d", n), Slug: fmt.Sprintf("shop-%d", n), PartnerID: "supplier"}
	made := admin.Must(t, "POST", "/v1/sellers", Object{
		"name": "Shop", "code": s.Code, "slug": s.Slug, "currency": "USD",
		"time_zone": "UTC", "website": "https://shop.example",
	}).Data(t)
	key, _ := made["api_key"].(map[string]any)
	s.Program = admin.With(text(t, key, "key"))
	s.Program.Must(t, "POST", "/v1/partners", Object{"id": s.PartnerID, "email": "supplier@shop.example", "name": "S", "surname": "P"})
	s.Supplier, s.SupplierKeyID = s.NewSupplier(t)
	definition := Object{"name": "Auto", "category": Category, "dedupe": Object{"fields": []string{"phone"}, "match": "any", "window_days": 30}}
	for name, v := range campaign {
		if definition[name] = v; v == nil {
			delete(definition, name)
		}
	}
	s.CampaignID = text(t, s.Program.Must(t, "POST", "/v1/campaigns", definition).Data(t), "id")
	for _, b := range buyers {
		s.AddBuyer(t, b)
	}
	return s
}

// NewSupplier makes another supplier key, without a limit, and returns its client and id.
func (s *Shop) NewSupplier(t testing.TB) (*Client, string) {
	t.Helper()
	key := s.Program.Must(t, "POST", "/v1/api-keys", Object{"scope": "supplier", "partner": Object{"id": s.PartnerID}, "name": "test", "rate_limit": nil}).Data(t)
	return s.Program.With(text(t, key, "key")), text(t, key, "id")
}

// AddBuyer makes a buyer with its contract.
func (s *Shop) AddBuyer(t testing.TB, b Buyer) (buyerID, contractID string) {
	t.Helper()
	buyerID = text(t, s.Program.Must(t, "POST", "/v1/buyers", Object{"name": fmt.Sprintf("Buyer %d", len(s.BuyerIDs))}).Data(t), "id")
	s.BuyerIDs = append(s.BuyerIDs, buyerID)
	if b.Deposit > 0 {
		s.Deposit(t, buyerID, b.Deposit)
	}
	if b.Contract != nil {
		contractID = s.AddContract(t, buyerID, b.Contract)
	}
	return buyerID, contractID
}

// AddContract makes a contract of a buyer in the shop's campaign.
func (s *Shop) AddContract(t testing.TB, buyerID string, terms Object) string {
	t.Helper()
	body := Object{"buyer_id": buyerID}
	maps.Copy(body, terms)
	id := text(t, s.Program.Must(t, "POST", "/v1/campaigns/"+s.CampaignID+"/contracts", body).Data(t), "id")
	s.ContractIDs = append(s.ContractIDs, id)
	return id
}

// Deposit pays into a buyer's account.
func (s *Shop) Deposit(t testing.TB, buyerID string, amount float64) {
	t.Helper()
	s.Program.Must(t, "POST", "/v1/buyers/"+buyerID+"/deposits", Object{"amount": amount, "note": "test"})
}

// Contract is the path of a contract.
func (s *Shop) Contract(id string) string {
	return "/v1/campaigns/" + s.CampaignID + "/contracts/" + id
}

// Form is a complete lead of the shop with a phone number of its own.
func (s *Shop) Form() Form {
	return Form{"seller": s.Code, "category": Category, "firstName": "John", "lastName": "Doe", "phone": Phone(), "state": "TX"}
}

// Sell posts a lead that must be answered 200 and returns the answer.
func (s *Shop) Sell(t testing.TB, f Form, headers ...string) Lead {
	t.Helper()
	return s.Supplier.Must(t, "POST", "/api/leads", f, headers...).Lead()
}

// Lead asks for a lead as the seller sees it.
func (s *Shop) Lead(t testing.TB, id string) map[string]any {
	t.Helper()
	return s.Program.Must(t, "GET", "/v1/marketplace/leads/"+id, nil).Data(t)
}

func text(t testing.TB, from map[string]any, name string) string {
	t.Helper()
	s, ok := from[name].(string)
	if !ok || s == "" {
		t.Fatalf("no %s in %v", name, from)
	}
	return s
}
