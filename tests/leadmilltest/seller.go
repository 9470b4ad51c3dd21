package leadmilltest

import (
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
)

// Category is the category of a Seller's campaign.
const Category = "Auto Insurance"

// Seller is a seller of an App with all that it takes to sell leads: a program key, a partner that supplies leads with a key of
// its own, a campaign of the category [Category], and buyers with contracts. None of its keys has a rate limit. Its currency
// is USD and its time zone UTC.
type Seller struct {
	App           *App
	Admin         *Client // of the installation
	Program       *Client // all of /v1 for this seller
	Supplier      *Client // posts leads in the name of PartnerID
	SupplierKeyID string
	Code, Slug    string
	PartnerID     string
	CampaignID    string
	BuyerIDs      []string // in the order in which they were added
	ContractIDs   []string // in the order in which they were added
}

// SellerOptions say what a Seller has.
type SellerOptions struct {
	// Campaign has members of its campaign that are other than usual, as POST /v1/campaigns takes them; nil takes one away.
	// By default phones are unique for 30 days.
	Campaign Object
	// Buyers are its buyers in the order in which they are added.
	Buyers []Buyer
}

// Buyer is a buyer of a Seller. Deposit is what its account holds, in units of the currency. Contract is its contract in the
// seller's campaign, as POST …/contracts takes it: its price and what else; without it, the buyer has none.
type Buyer struct {
	Deposit  float64
	Contract Object
}

// Rich is a buyer that can buy everything, for 10.00 a lead.
var Rich = Buyer{Deposit: 1_000_000, Contract: Object{"price": 10.00}}

var sellers atomic.Int64

// Seller makes a seller with two buyers that can buy everything: the first pays 20.00 a lead and is asked first, the second
// pays 10.00.
func (a *App) Seller(t testing.TB) *Seller {
	t.Helper()
	return a.SellerWith(t, SellerOptions{Buyers: []Buyer{
		{Deposit: 1_000_000, Contract: Object{"price": 20.00, "priority": 1}},
		{Deposit: 1_000_000, Contract: Object{"price": 10.00, "priority": 2}},
	}})
}

// SellerWith is Seller with other buyers, which are none when o names none, or another campaign.
func (a *App) SellerWith(t testing.TB, o SellerOptions) *Seller {
	t.Helper()
	admin, n := a.Client(t, a.AdminKey), sellers.Add(1)
	s := &Seller{App: a, Admin: admin, Code: fmt.Sprintf("SHOP%04d", n), Slug: fmt.Sprintf("shop-%d", n), PartnerID: "supplier"}
	made := admin.Must(t, "POST", "/v1/sellers", Object{
		"name": "Shop", "code": s.Code, "slug": s.Slug, "currency": "USD",
		"time_zone": "UTC", "website": "https://shop.example",
	}).Data(t)
	key, _ := made["api_key"].(Object)
	s.Program = admin.With(text(t, key, "key"))
	s.Partner(t, s.PartnerID, Object{"email": "supplier@shop.example", "name": "S", "surname": "P"})
	s.Supplier, s.SupplierKeyID = s.NewSupplier(t)
	campaign := Object{"name": "Auto", "category": Category, "dedupe": Object{"fields": []string{"phone"}, "match": "any", "window_days": 30}}
	for name, v := range o.Campaign {
		if campaign[name] = v; v == nil {
			delete(campaign, name)
		}
	}
	s.CampaignID = text(t, s.Program.Must(t, "POST", "/v1/campaigns", campaign).Data(t), "id")
	for _, b := range o.Buyers {
		s.AddBuyer(t, b)
	}
	a.remember(s)
	return s
}

// At returns the seller at another instance of the installation, such as the process that was started after one was killed.
func (s *Seller) At(a *App) *Seller {
	other := *s
	other.App, other.Admin, other.Program, other.Supplier = a, s.Admin.At(a), s.Program.At(a), s.Supplier.At(a)
	a.remember(&other)
	return &other
}

// NewSupplier makes another supplier key of the seller's partner, without a limit, and returns its client and id.
func (s *Seller) NewSupplier(t testing.TB) (*Client, string) {
	t.Helper()
	key := s.Program.Must(t, "POST", "/v1/api-keys", Object{"scope": "supplier", "partner": Object{"id": s.PartnerID}, "name": "test", "rate_limit": nil}).Data(t)
	return s.Program.With(text(t, key, "key")), text(t, key, "id")
}

// Partner makes a partner and returns it. more has members of POST /v1/partners besides the id; the email, name and surname
// are made up when it does not give them.
func (s *Seller) Partner(t testing.TB, id string, more Object) Object {
	t.Helper()
	body := Object{"id": id, "email": fmt.Sprintf("partner-%d@partners.example", phones.Add(1)), "name": "Pat", "surname": "Ner"}
	maps.Copy(body, more)
	return s.Program.Must(t, "POST", "/v1/partners", body).Data(t)
}

// Customer makes a customer that a partner brought and returns it. more has members of POST /v1/customers besides the key and
// the partner.
func (s *Seller) Customer(t testing.TB, key, partnerID string, more Object) Object {
	t.Helper()
	body := Object{"key": key, "partner": Object{"id": partnerID}}
	maps.Copy(body, more)
	return s.Program.Must(t, "POST", "/v1/customers", body).Data(t)
}

// AddBuyer makes a buyer with its contract, whose id is empty when it has none.
func (s *Seller) AddBuyer(t testing.TB, b Buyer) (buyerID, contractID string) {
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

// AddContract makes a contract of a buyer in the seller's campaign and returns its id.
func (s *Seller) AddContract(t testing.TB, buyerID string, terms Object) string {
	t.Helper()
	body := Object{"buyer_id": buyerID}
	maps.Copy(body, terms)
	id := text(t, s.Program.Must(t, "POST", "/v1/campaigns/"+s.CampaignID+"/contracts", body).Data(t), "id")
	s.ContractIDs = append(s.ContractIDs, id)
	return id
}

// Deposit pays into a buyer's account, in units of the currency.
func (s *Seller) Deposit(t testing.TB, buyerID string, amount float64) {
	t.Helper()
	s.Program.Must(t, "POST", "/v1/buyers/"+buyerID+"/deposits", Object{"amount": amount, "note": "test"})
}

// ContractPath is the path of a contract of the seller's campaign, for the Program client.
func (s *Seller) ContractPath(contractID string) string {
	return "/v1/campaigns/" + s.CampaignID + "/contracts/" + contractID
}

// Form is a complete lead of the seller with a phone number of its own.
func (s *Seller) Form() Form {
	return Form{"seller": s.Code, "category": Category, "firstName": "John", "lastName": "Doe", "phone": Phone(), "state": "TX"}
}

// Sell posts a lead and returns the answer, which ends the test unless it is 200. A lead that is rejected or a duplicate is
// answered 200 too: Status says what became of it.
func (s *Seller) Sell(t testing.TB, f Form, headers ...string) Lead {
	t.Helper()
	return s.Supplier.Must(t, "POST", "/api/leads", f, headers...).Lead()
}

// Lead reads a lead as the seller sees it.
func (s *Seller) Lead(t testing.TB, id string) Object {
	t.Helper()
	return s.Program.Must(t, "GET", "/v1/marketplace/leads/"+id, nil).Data(t)
}

func text(t testing.TB, from Object, name string) string {
	t.Helper()
	s, ok := from[name].(string)
	if !ok || s == "" {
		t.Fatalf("no %s in %v", name, from)
	}
	return s
}
