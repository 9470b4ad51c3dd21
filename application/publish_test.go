package application_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/feed"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/returns"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/domain/webhook"
)

var (
	happened  = time.Date(2025, 5, 2, 16, 12, 39, 4217000, time.UTC)
	submitted = time.Date(2025, 5, 2, 16, 12, 39, 0, time.UTC)
	ref       = lead.Ref{
		LeadID: "lead_1", Origin: lead.OriginSupplier, CampaignID: "campaign_1", Category: "Auto Insurance",
		SellerCode: "ACME1234", PartnerID: "partner_123", SubmittedAt: submitted,
	}
	// formRef is of a form lead that is not offered to buyers.
	formRef = lead.Ref{
		LeadID: "lead_1", Origin: lead.OriginForm, SellerCode: "ACME1234", PartnerID: "partner_123",
		SubmittedAt: submitted,
	}
	worth = money.Micros(99_500_000)
)

var deliveryRef = delivery.Ref{DeliveryID: "delivery_1", SaleID: "sale_1", LeadID: "lead_1", CampaignID: "campaign_1", ContractID: "contract_1", BuyerID: "buyer_1"}

const (
	deliveryHead = `{"delivery_id":"delivery_1","sale_id":"sale_1","lead_id":"lead_1","campaign_id":"campaign_1","contract_id":"contract_1","buyer_id":"buyer_1",`
	leadHead     = `{"lead_id":"lead_1","origin":"supplier","campaign_id":"campaign_1","category":"Auto Insurance",` +
		`"seller_code":"ACME1234","partner_id":"partner_123",`
	formHead = `"origin":"form","campaign_id":"","category":"","seller_code":"ACME1234","partner_id":"partner_123",`
	formTail = `"submitted_at":"2025-05-02T16:12:39.000000Z","previous_status":"submitted"}`
	leadTail = `"submitted_at":"2025-05-02T16:12:39.000000Z","previous_status":"received"}`
	now      = `"2025-05-02T16:12:39.004217Z"`
)

// withDimensions is a Ref of a lead that has dimensions, which is the last member of each of its events.
func withDimensions(r lead.Ref) lead.Ref {
	r.Dimensions = []field.Dimension{{Name: "plan \"A\"", Value: "é"}, {Name: "state", Value: "TX"}}
	return r
}

// returned is what the events of a return tell.
var returned = lead.ReturnTold{
	ID: "return_1", SaleID: "sale_1", ContractID: "k", BuyerID: "b", Reason: returns.Duplicate, Automatic: true, Price: 45_000_000, Payout: 31_500_000,
	Currency: "USD", SoldAt: happened, RequestedAt: happened, DecidedAt: happened,
}

const returnHead = `{"lead_id":"lead_1","return_id":"return_1","sale_id":"sale_1","origin":"supplier","campaign_id":"campaign_1","category":"Auto Insurance","seller_code":"ACME1234","partner_id":"partner_123","contract_id":"k","buyer_id":"b","reason":"duplicate","price":45.00,"payout":31.50,"currency":"USD",`

const dimensions = `,"dimensions":{"plan \"A\"":"é","state":"TX"}`

// TestTranslateDimensions: every event of a lead that says what became of it has the lead's dimensions.
func TestTranslateDimensions(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, c := range translations {
		v := reflect.New(reflect.TypeOf(c.event)).Elem()
		v.Set(reflect.ValueOf(c.event))
		of := v.FieldByName("Ref")
		if !of.IsValid() || of.Type() != reflect.TypeFor[lead.Ref]() || c.typ == "lead.converted.v1" || c.typ == "lead.erased.v1" || c.typ == program.LeadDeletedType {
			continue
		}
		seen++
		r, ok := reflect.TypeAssert[lead.Ref](of)
		require.True(t, ok)
		of.Set(reflect.ValueOf(withDimensions(r)))
		e, ok := reflect.TypeAssert[event.Event](v)
		require.True(t, ok)
		_, payload, _, err := translate(e)
		require.NoError(t, err)
		plain, _, _ := strings.Cut(strings.TrimSuffix(c.payload, "}"), `,"dimensions":`)
		assert.Equal(t, plain+dimensions+"}", string(payload), c.typ)
	}
	assert.Equal(t, 17, seen)
}

// translations is every domain event with its stored form.
var translations = []struct {
	event   event.Event
	typ     string
	payload string
}{
	{
		partner.Created{PartnerID: "partner_1", Status: partner.StatusActive, ReferralKey: "k", At: happened},
		"partner.created.v1",
		`{"partner_id":"partner_1","status":"active","referral_key":"k","created_at":` + now + `}`,
	},
	{
		partner.Created{PartnerID: "partner_1", Status: partner.StatusPending, ReferralKey: "k", ReferringPartnerID: "partner_2", At: happened},
		"partner.created.v1", `{"partner_id":"partner_1","status":"pending","referral_key":"k","referring_partner_id":"partner_2",` +
			`"created_at":` + now + `}`,
	},
	{
		partner.Updated{PartnerID: "partner_1", Status: partner.StatusActive, At: happened},
		"partner.updated.v1",
		`{"partner_id":"partner_1","status":"active","updated_at":` + now + `}`,
	},
	{
		partner.Updated{PartnerID: "partner_1", Status: partner.StatusPending, ReferringPartnerID: "partner_2", At: happened},
		"partner.updated.v1",
		`{"partner_id":"partner_1","status":"pending","referring_partner_id":"partner_2","updated_at":` + now + `}`,
	},
	{partner.Approved{PartnerID: "partner_1", At: happened}, "partner.approved.v1", `{"partner_id":"partner_1","approved_at":` + now + `}`},
	{partner.Rejected{PartnerID: "partner_1", At: happened}, "partner.rejected.v1", `{"partner_id":"partner_1","rejected_at":` + now + `}`},
	{partner.Archived{PartnerID: "partner_1", At: happened}, "partner.archived.v1", `{"partner_id":"partner_1","archived_at":` + now + `}`},
	{
		partner.Deleted{PartnerID: "partner_1", At: happened},
		"partner.deleted.v1",
		`{"partner_id":"partner_1","joined":false,"deleted_at":` + now + `}`,
	},
	{
		partner.Deleted{PartnerID: "partner_1", Joined: true, At: happened},
		"partner.deleted.v1",
		`{"partner_id":"partner_1","joined":true,"deleted_at":` + now + `}`,
	},
	{partner.Invited{PartnerID: "partner_1", At: happened}, "partner.invited.v1", `{"partner_id":"partner_1","invited_at":` + now + `}`},
	{
		customer.Created{CustomerID: "customer_1", CustomerKey: "C1", PartnerID: "partner_1", At: happened},
		"customer.created.v1",
		`{"customer_id":"customer_1","customer_key":"C1","partner_id":"partner_1","created_at":` + now + `}`,
	},
	{
		customer.Updated{CustomerID: "customer_1", CustomerKey: "C2", PartnerID: "partner_1", Status: customer.StatusActive, At: happened},
		"customer.updated.v1",
		`{"customer_id":"customer_1","customer_key":"C2","partner_id":"partner_1","status":"active","updated_at":` + now + `}`,
	},
	{
		customer.Attributed{CustomerID: "customer_1", CustomerKey: "C1", PartnerID: "partner_1", Policy: "explicit", At: happened},
		"customer.attributed.v1",
		`{"customer_id":"customer_1","customer_key":"C1","partner_id":"partner_1","previous_partner_id":"","policy":"explicit","referral_key":"","attributed_at":` + now + `}`,
	},
	{
		customer.Attributed{
			CustomerID: "customer_1", CustomerKey: "C1", PartnerID: "partner_1", PreviousPartnerID: "partner_2",
			Policy: "last_touch", ReferralKey: "k", At: happened,
		},
		"customer.attributed.v1",
		`{"customer_id":"customer_1","customer_key":"C1","partner_id":"partner_1","previous_partner_id":"partner_2",` +
			`"policy":"last_touch","referral_key":"k","attributed_at":` + now + `}`,
	},
	{
		customer.Archived{CustomerID: "customer_1", CustomerKey: "C1", PartnerID: "partner_1", At: happened},
		"customer.archived.v1",
		`{"customer_id":"customer_1","customer_key":"C1","partner_id":"partner_1","archived_at":` + now + `}`,
	},
	{
		customer.Deleted{CustomerID: "customer_1", CustomerKey: "C1", PartnerID: "partner_1", At: happened},
		"customer.deleted.v1",
		`{"customer_id":"customer_1","customer_key":"C1","partner_id":"partner_1","deleted_at":` + now + `}`,
	},
	{buyer.Created{BuyerID: "buyer_1", At: happened}, "buyer.created.v1", `{"buyer_id":"buyer_1","created_at":` + now + `}`},
	{buyer.Updated{BuyerID: "buyer_1", At: happened}, "buyer.updated.v1", `{"buyer_id":"buyer_1","updated_at":` + now + `}`},
	{buyer.Paused{BuyerID: "buyer_1", At: happened}, "buyer.paused.v1", `{"buyer_id":"buyer_1","paused_at":` + now + `}`},
	{buyer.Resumed{BuyerID: "buyer_1", At: happened}, "buyer.resumed.v1", `{"buyer_id":"buyer_1","resumed_at":` + now + `}`},
	{
		buyer.Funded{BuyerID: "buyer_1", EntryID: "e", Amount: 1_500_000, BalanceAfter: 2_123_456, At: happened},
		"buyer.funded.v1",
		`{"buyer_id":"buyer_1","entry_id":"e","amount":1.50,"balance_after":2.123456,"funded_at":` + now + `}`,
	},
	{
		buyer.Withdrawn{BuyerID: "buyer_1", EntryID: "e", Amount: 1_000_000, BalanceAfter: -2_125_000, At: happened},
		"buyer.withdrawn.v1",
		`{"buyer_id":"buyer_1","entry_id":"e","amount":1.00,"balance_after":-2.125,"withdrawn_at":` + now + `}`,
	},
	{
		buyer.BalanceLow{BuyerID: "buyer_1", EntryID: "e", Balance: 1_000_000, LowBalance: 2_125_000, At: happened},
		"buyer.balance_low.v1",
		`{"buyer_id":"buyer_1","entry_id":"e","balance":1.00,"low_balance":2.125,"fell_at":` + now + `}`,
	},
	{
		campaign.Created{CampaignID: "c", Category: "Auto", Status: campaign.StatusActive, At: happened},
		"campaign.created.v1",
		`{"campaign_id":"c","category":"Auto","status":"active","created_at":` + now + `}`,
	},
	{
		campaign.Updated{CampaignID: "c", Category: "Auto", At: happened},
		"campaign.updated.v1",
		`{"campaign_id":"c","category":"Auto","updated_at":` + now + `}`,
	},
	{
		campaign.Paused{CampaignID: "c", Category: "Auto", At: happened},
		"campaign.paused.v1",
		`{"campaign_id":"c","category":"Auto","paused_at":` + now + `}`,
	},
	{
		campaign.Resumed{CampaignID: "c", Category: "Auto", At: happened},
		"campaign.resumed.v1",
		`{"campaign_id":"c","category":"Auto","resumed_at":` + now + `}`,
	},
	{
		campaign.Archived{CampaignID: "c", Category: "Auto", At: happened},
		"campaign.archived.v1",
		`{"campaign_id":"c","category":"Auto","archived_at":` + now + `}`,
	},
	{
		campaign.ContractCreated{CampaignID: "c", ContractID: "k", BuyerID: "b", Status: campaign.StatusPaused, Price: 45_000_000, At: happened},
		"contract.created.v1",
		`{"campaign_id":"c","contract_id":"k","buyer_id":"b","status":"paused","price":45.00,"created_at":` + now + `}`,
	},
	{
		campaign.ContractUpdated{CampaignID: "c", ContractID: "k", BuyerID: "b", Price: 45_000_000, At: happened},
		"contract.updated.v1",
		`{"campaign_id":"c","contract_id":"k","buyer_id":"b","price":45.00,"updated_at":` + now + `}`,
	},
	{
		campaign.ContractPaused{CampaignID: "c", ContractID: "k", BuyerID: "b", At: happened},
		"contract.paused.v1",
		`{"campaign_id":"c","contract_id":"k","buyer_id":"b","paused_at":` + now + `}`,
	},
	{
		campaign.ContractResumed{CampaignID: "c", ContractID: "k", BuyerID: "b", At: happened},
		"contract.resumed.v1",
		`{"campaign_id":"c","contract_id":"k","buyer_id":"b","resumed_at":` + now + `}`,
	},
	{
		campaign.ContractDeleted{CampaignID: "c", ContractID: "k", BuyerID: "b", At: happened},
		"contract.deleted.v1",
		`{"campaign_id":"c","contract_id":"k","buyer_id":"b","deleted_at":` + now + `}`,
	},
	{lead.Submitted{Ref: ref}, "lead.submitted.v1", leadHead + `"submitted_at":"2025-05-02T16:12:39.000000Z"}`},
	{
		lead.Submitted{Ref: withDimensions(ref), Number: 17},
		"lead.submitted.v1",
		leadHead + `"submitted_at":"2025-05-02T16:12:39.000000Z","number":17` + dimensions + `}`,
	},
	{
		lead.Submitted{Ref: formRef, Number: 17},
		"lead.submitted.v1",
		`{"lead_id":"lead_1",` + formHead + `"submitted_at":"2025-05-02T16:12:39.000000Z","number":17}`,
	},
	{
		lead.Pending{Ref: ref, PreviousStatus: lead.StatusReceived, Until: happened.Add(time.Hour), At: happened},
		"lead.pending.v1",
		leadHead + `"pending_until":"2025-05-02T17:12:39.004217Z","pending_at":` + now + `,` + leadTail,
	},
	{
		lead.Sold{Ref: ref, PreviousStatus: lead.StatusReceived, Payout: 31_500_000, At: happened, Sales: []lead.Sale{{
			ID: "s1", ContractID: "k1", BuyerID: "b1",
			Price: 45_000_000, Payout: 31_150_000, Currency: "USD",
		}, {ID: "s2", ContractID: "k2", BuyerID: "b2", Price: 500_000, Payout: 350_000, Currency: "USD"}}},
		"lead.sold.v1",
		leadHead + `"sales":[{"sale_id":"s1","buyer_id":"b1","contract_id":"k1","price":45.00,"currency":"USD","payout":31.15},` +
			`{"sale_id":"s2","buyer_id":"b2","contract_id":"k2","price":0.50,"currency":"USD","payout":0.35}],"payout":31.50,"sold_at":` + now + `,` + leadTail,
	},
	{
		lead.Duplicate{Ref: ref, PreviousStatus: lead.StatusReceived, Code: "duplicate_lead", At: happened},
		"lead.duplicate.v1",
		leadHead + `"code":"duplicate_lead","duplicate_at":` + now + `,` + leadTail,
	},
	{
		lead.Quarantined{Ref: ref, PreviousStatus: lead.StatusReceived, Code: "acme_odd", At: happened},
		"lead.quarantined.v1",
		leadHead + `"code":"acme_odd","quarantined_at":` + now + `,` + leadTail,
	},
	{
		lead.Rejected{Ref: ref, PreviousStatus: lead.StatusReceived, Code: "too_young", At: happened},
		"lead.rejected.v1",
		leadHead + `"code":"too_young","rejected_at":` + now + `,` + leadTail,
	},
	{
		lead.ReviewRejected{Ref: formRef, PreviousReview: lead.ReviewStatusOpen, At: happened},
		"lead.rejected.v1",
		`{"lead_id":"lead_1",` + formHead + `"code":"review_rejected","rejected_at":` + now + `,` + formTail,
	},
	{
		lead.Converted{Ref: formRef, PreviousReview: lead.ReviewStatusOpen, Number: 17, CustomerID: "customer_1", CustomerKey: "C1", Currency: "USD", At: happened},
		"lead.converted.v1",
		`{"lead_id":"lead_1","number":17,` + formHead + `"customer_id":"customer_1","customer_key":"C1","currency":"USD",` +
			`"converted_at":` + now + `,` + formTail,
	},
	{
		lead.Converted{Ref: formRef, PreviousReview: lead.ReviewStatusOpen, Number: 17, CustomerID: "customer_1", CustomerKey: "C1", Amount: &worth, Currency: "USD", At: happened},
		"lead.converted.v1",
		`{"lead_id":"lead_1","number":17,` + formHead + `"customer_id":"customer_1","customer_key":"C1",` +
			`"commission_transaction_amount":99.50,"currency":"USD","converted_at":` + now + `,` + formTail,
	},
	{
		lead.Deleted{Ref: formRef, PreviousReview: lead.ReviewStatusOpen, Number: 17, At: happened},
		"lead.deleted.v1",
		`{"lead_id":"lead_1","partner_id":"partner_123","number":17,"previous_status":"submitted","deleted_at":` + now + `}`,
	},
	{
		lead.Erased{Ref: formRef, Status: lead.StatusUnsold, At: happened},
		"lead.erased.v1",
		`{"lead_id":"lead_1",` + formHead + `"status":"unsold","erased_at":` + now + `,"submitted_at":"2025-05-02T16:12:39.000000Z"}`,
	},
	{
		lead.PriceChanged{Ref: ref, Status: lead.StatusPending, Price: 12_500_000, Previous: 10_000_000, Currency: "USD", At: happened},
		"lead.price_changed.v1",
		leadHead + `"status":"pending","price":12.50,"previous_price":10.00,"currency":"USD","price_changed_at":` + now + `,"submitted_at":"2025-05-02T16:12:39.000000Z"}`,
	},
	{
		lead.PriceChanged{Ref: ref, Status: lead.StatusUnsold, Currency: "USD", At: happened},
		"lead.price_changed.v1",
		leadHead + `"status":"unsold","currency":"USD","price_changed_at":` + now + `,"submitted_at":"2025-05-02T16:12:39.000000Z"}`,
	},
	{lead.Unsold{Ref: ref, PreviousStatus: lead.StatusReceived, At: happened}, "lead.unsold.v1", leadHead + `"unsold_at":` + now + `,` + leadTail},
	{
		lead.ReturnRequested{Ref: ref, Return: returned},
		"return.requested.v1",
		returnHead + `"sold_at":` + now + `,"submitted_at":"2025-05-02T16:12:39.000000Z","requested_at":` + now + `}`,
	},
	{
		lead.ReturnApproved{Ref: ref, Return: returned, EntryID: "e", LeadPayout: 1_000_000},
		"return.approved.v1",
		returnHead + `"lead_payout":1.00,"entry_id":"e","automatic":true,"sold_at":` + now + `,"submitted_at":"2025-05-02T16:12:39.000000Z","requested_at":` + now + `,"approved_at":` + now + `}`,
	},
	{
		lead.ReturnRejected{Ref: ref, Return: returned},
		"return.rejected.v1",
		returnHead + `"sold_at":` + now + `,"submitted_at":"2025-05-02T16:12:39.000000Z","requested_at":` + now + `,"rejected_at":` + now + `}`,
	},
	{
		lead.Returned{Ref: ref, PreviousStatus: lead.StatusSold, At: happened},
		"lead.returned.v1",
		leadHead + `"returned_at":` + now + `,"submitted_at":"2025-05-02T16:12:39.000000Z","previous_status":"sold"}`,
	},
	{
		delivery.SaleDelivered{Ref: deliveryRef, Attempts: 3, At: happened},
		"sale.delivered.v1",
		deliveryHead + `"attempts":3,"delivered_at":` + now + `}`,
	},
	{
		delivery.SaleDeliveryFailed{Ref: deliveryRef, Attempts: 10, Reason: delivery.Timeout, At: happened},
		"sale.delivery_failed.v1",
		deliveryHead + `"attempts":10,"reason":"timeout","failed_at":` + now + `}`,
	},
	{
		lead.SaleReleased{Ref: ref, SaleID: "s", ContractID: "k", BuyerID: "b", Price: 45_500_000, Currency: "USD", Reason: "buyer_rejected", At: happened},
		"sale.released.v1",
		leadHead + `"sale_id":"s","contract_id":"k","buyer_id":"b","price":45.50,"currency":"USD","reason":"buyer_rejected","released_at":` + now + `,"submitted_at":"2025-05-02T16:12:39.000000Z"}`,
	},
	{
		seller.Created{ID: "seller_1", Code: "ACME1234", TimeZone: "America/Chicago", Currency: "USD", At: happened},
		"seller.created.v1",
		`{"seller_id":"seller_1","seller_code":"ACME1234","time_zone":"America/Chicago","currency":"USD","at":` + now + `}`,
	},
	{
		seller.Updated{ID: "seller_1", Code: "ACME1234", TimeZone: "UTC", Currency: "USD", At: happened},
		"seller.updated.v1",
		`{"seller_id":"seller_1","seller_code":"ACME1234","time_zone":"UTC","currency":"USD","at":` + now + `}`,
	},
	{
		webhook.Changed{WebhookID: "webhook_1", Change: webhook.WasDisabled, Reason: webhook.ReceiverGone, At: happened},
		"webhook.changed.v1",
		`{"webhook_id":"webhook_1","change":"disabled","reason":"gone","at":` + now + `}`,
	},
}

// An event is translated in one room: in which order the rooms are asked does not matter.
func TestOneRoomTranslatesAnEvent(t *testing.T) {
	t.Parallel()
	for _, c := range translations {
		rooms := 0
		for _, translate := range []application.Translation{market.Publish, program.Publish, account.Publish, feed.Publish} {
			if _, ok, _ := translate(c.event); ok {
				rooms++
			}
		}
		assert.Equal(t, 1, rooms, "%T", c.event)
	}
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, c := range translations {
		typ, payload, at, err := translate(c.event)
		require.NoError(t, err, c.typ)
		assert.Equal(t, c.typ, typ)
		assert.Equal(t, c.event.EventType()+".v1", typ)
		assert.Equal(t, c.payload, string(payload))
		want := happened
		if c.typ == "lead.submitted.v1" {
			want = submitted
		}
		assert.Equal(t, want, at)
		assert.NotEqual(t, slices.Contains(eventsv1.Types(), typ), slices.Contains(internalTypes(), typ), "%s is either public or internal", typ)
	}
}

// TestEveryDomainEventIsTranslated finds every type with an EventType method in the domain's sources, so that a new event
// cannot be forgotten, and every public type, so that no contract is without an event.
func TestEveryDomainEventIsTranslated(t *testing.T) {
	t.Parallel()
	want := eventsIn(t, filepath.Join("..", "domain"))
	packages := map[string]bool{}
	for name := range want {
		of, _, _ := strings.Cut(strings.TrimPrefix(name, "*"), ".")
		packages[of] = true
	}
	for _, name := range []string{"partner", "customer", "lead", "seller", "buyer", "campaign", "delivery"} {
		require.True(t, packages[name], "no event of package %s is found", name)
	}
	got := map[string]string{}
	types := map[string]bool{program.PartnerClickedType: true} // a click is of no aggregate: see TestPartnerClicked
	for _, c := range translations {
		got[fmt.Sprintf("%T", c.event)] = c.event.EventType()
		types[c.typ] = true
	}
	assert.Equal(t, want, got)
	for _, typ := range append(eventsv1.Types(), internalTypes()...) {
		assert.True(t, types[typ], "%s is made from no domain event", typ)
	}
}

func TestPartnerClicked(t *testing.T) {
	t.Parallel()
	payload, err := json.Marshal(program.PartnerClicked{PartnerID: "partner_1", ReferralKey: "k", ClickedAt: eventsv1.Time{Time: happened}})
	require.NoError(t, err)
	assert.Equal(t, `{"partner_id":"partner_1","referral_key":"k","clicked_at":`+now+`}`, string(payload))
	assert.Contains(t, internalTypes(), program.PartnerClickedType)
	assert.NotContains(t, eventsv1.Types(), program.PartnerClickedType)
}

// TestEventsAreFound shows that the search sees events of value and pointer receivers and nothing else.
func TestEventsAreFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := `package planted
type A struct{}
func (A) EventType() string { return "planted.a" }
type B struct{}
func (b *B) EventType() string { return "planted.b" }
func EventType() string { return "" }
func (A) Other() string { return "" }`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "planted.go"), []byte(source), 0o600))
	assert.Equal(t, map[string]string{"planted.A": "planted.a", "*planted.B": "planted.b"}, eventsIn(t, dir))
}

// eventsIn returns the types with an EventType method in the Go files below a folder, with the name each returns.
func eventsIn(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "EventType" {
				continue
			}
			receiver, pointer := f.Recv.List[0].Type, ""
			if star, ok := receiver.(*ast.StarExpr); ok {
				receiver, pointer = star.X, "*"
			}
			name := receiver.(*ast.Ident).Name
			literal, err := strconv.Unquote(f.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.BasicLit).Value)
			if err != nil {
				return err
			}
			found[pointer+file.Name.Name+"."+name] = literal
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

type unknown struct{}

func (unknown) EventType() string { return "unknown.happened" }

func TestTranslateRefusesWhatItCannotTell(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]event.Event{
		"unknown event":                    unknown{},
		"pointer to event":                 &buyer.Created{BuyerID: "b", At: happened},
		"no sales":                         lead.Sold{Ref: ref, PreviousStatus: lead.StatusReceived, At: happened},
		"converted in an unknown currency": lead.Converted{Ref: formRef, PreviousReview: lead.ReviewStatusOpen, Amount: &worth, Currency: "XXX", At: happened},
		"converted in no currency":         lead.Converted{Ref: formRef, PreviousReview: lead.ReviewStatusOpen, At: happened},
		"unknown currency":                 lead.Sold{Ref: ref, PreviousStatus: lead.StatusReceived, At: happened, Sales: []lead.Sale{{ID: "s", Currency: "XXX"}}},
		"no currency":                      lead.Sold{Ref: ref, PreviousStatus: lead.StatusReceived, At: happened, Sales: []lead.Sale{{ID: "s"}}},
		"mixed currencies":                 lead.Sold{Ref: ref, PreviousStatus: lead.StatusReceived, At: happened, Sales: []lead.Sale{{ID: "s", Currency: "USD"}, {ID: "z", Currency: "EUR"}}},
	} {
		typ, payload, _, err := translate(e)
		require.Error(t, err, name)
		assert.Empty(t, typ)
		assert.Empty(t, payload)
	}
}

// TestHotEventsAreWhatTheContractSays compares the hand-written JSON with what encoding/json makes of the contract.
func TestHotEventsAreWhatTheContractSays(t *testing.T) {
	t.Parallel()
	currencies := rapid.SampledFrom([]string{"USD", "JPY", "KWD", "CLF"})
	rapid.Check(t, func(t *rapid.T) {
		r := lead.Ref{
			LeadID: rapid.String().Draw(t, "lead"), Origin: lead.OriginSupplier, CampaignID: "campaign_1",
			Category: rapid.String().Draw(t, "category"), SellerCode: "ACME1234", PartnerID: rapid.String().Draw(t, "partner"),
			SubmittedAt: time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "submitted")).In(time.FixedZone("", 3600)),
		}
		_, payload, at, err := translate(lead.Submitted{Ref: r, Number: rapid.Int64Range(0, 3).Draw(t, "number")})
		require.NoError(t, err)
		require.Equal(t, time.UTC, at.Location())
		var s eventsv1.LeadSubmitted
		again(t, payload, &s)
		require.True(t, s.SubmittedAt.Equal(r.SubmittedAt))

		code := currencies.Draw(t, "currency")
		currency := money.MustCurrency(code)
		sold := lead.Sold{Ref: r, PreviousStatus: lead.StatusPending, Payout: money.Micros(rapid.Int64Min(0).Draw(t, "payout")), At: r.SubmittedAt}
		for range rapid.IntRange(1, 4).Draw(t, "sales") {
			sold.Sales = append(sold.Sales, lead.Sale{
				ID: "sale_1", ContractID: "contract_1", BuyerID: rapid.String().Draw(t, "buyer"),
				Price: money.Micros(rapid.Int64Min(0).Draw(t, "price")), Currency: code,
			})
		}
		_, payload, _, err = translate(sold)
		require.NoError(t, err)
		var e eventsv1.LeadSold
		again(t, payload, &e)
		require.Equal(t, sold.Payout.Format(currency), string(e.Payout))
		for i, sale := range sold.Sales {
			micros, err := e.Sales[i].Price.Micros()
			require.NoError(t, err)
			require.Equal(t, sale.Price, money.Micros(micros))
			require.Equal(t, code, e.Sales[i].Currency)
		}
	})
}

// again decodes a payload strictly and requires that encoding/json writes the same bytes.
func again(t *rapid.T, payload []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(into))
	encoded, err := json.Marshal(reflect.ValueOf(into).Elem().Interface())
	require.NoError(t, err)
	require.Equal(t, string(encoded), string(payload))
}

// TestNoPersonalDataIsPublished takes partners, customers and form leads through all their steps and looks for their
// personal data in the published events.
func TestNoPersonalDataIsPublished(t *testing.T) {
	t.Parallel()
	var published []event.Event
	keep := func(err error) { t.Helper(); require.NoError(t, err) }

	person := partner.Registration{
		ID: "partner_1", Key: "k1", Email: "Jane@Example.com", Name: "Jane", Surname: "Roe",
		Tags: []string{"Jane"}, CustomFields: []partner.CustomField{{Name: "Jane", Value: "Roe"}},
	}
	invited, err := partner.Invite("seller_1", person, happened)
	keep(err)
	keep(invited.InviteAgain(happened))
	keep(invited.Reject(happened))
	keep(invited.Approve(happened))
	keep(invited.Archive(happened))
	keep(invited.Unarchive(happened))
	keep(invited.Delete(happened))
	published = append(published, invited.Pending()...)

	c, err := customer.Register(customer.Registration{
		SellerID: "seller_1", ID: "customer_1", Key: "Jane@Example.com",
		Email: "Jane@Example.com", Name: "Jane", Surname: "Roe", Tags: []string{"Jane"},
	},
		customer.Attribution{PartnerID: "partner_1", ReferralKey: "k1", Policy: "link", At: happened}, happened)
	keep(err)
	name := "Roe"
	keep(c.Update(customer.Details{Name: &name}, happened))
	require.True(t, c.AttributeTo(customer.Attribution{PartnerID: "partner_2", Policy: "operator", At: happened}))
	keep(c.Archive(happened))
	keep(c.Unarchive(happened))
	keep(c.Delete(happened))
	published = append(published, c.Pending()...)

	n := lead.FormSubmission{
		ID: "lead_1", SellerID: "seller_1", SellerCode: "ACME1234", PartnerID: "partner_1", Number: 1, Name: "Jane Roe",
		Email: "Jane@Example.com", Answers: []lead.Answer{{ID: 1, Question: "Who?", Answer: "Jane"}}, At: happened,
	}
	converted, err := lead.SubmitForm(n)
	keep(err)
	keep(converted.Convert("customer_1", "customer_1", &worth, money.MustCurrency("USD"), happened))
	refused, err := lead.SubmitForm(n)
	keep(err)
	keep(refused.RejectReview(happened))
	keep(refused.Delete(happened))
	keep(converted.Erase(happened))
	published = append(append(published, converted.Pending()...), refused.Pending()...)

	types := map[string]bool{}
	for _, e := range published {
		typ, payload, _, err := translate(e)
		keep(err)
		types[typ] = true
		for _, personal := range []string{"jane", "roe", "example.com"} {
			assert.NotContains(t, strings.ToLower(string(payload)), personal, typ)
		}
	}
	for _, typ := range append(eventsv1.Types(), internalTypes()...) {
		about, _, _ := strings.Cut(typ, ".")
		if typ != program.PartnerClickedType && (about == "partner" || about == "customer") {
			assert.True(t, types[typ], "%s is not looked at", typ)
		}
	}
	for _, typ := range []string{"lead.submitted.v1", "lead.converted.v1", "lead.rejected.v1", "lead.erased.v1", program.LeadDeletedType} {
		assert.True(t, types[typ], "%s is not looked at", typ)
	}
}

func BenchmarkTranslate(b *testing.B) {
	events := []event.Event{lead.Submitted{Ref: ref}, lead.Sold{
		Ref: ref, PreviousStatus: lead.StatusReceived, Payout: 31_500_000, At: happened,
		Sales: []lead.Sale{{ID: "sale_1", ContractID: "contract_1", BuyerID: "buyer_1", Price: 45_000_000, Currency: "USD"}},
	}}
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range events {
			if _, _, _, err := translate(e); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// translate returns the stored form of an event of any room.
func translate(e event.Event) (typ string, payload []byte, at time.Time, err error) {
	p, err := application.Translations{market.Publish, program.Publish, account.Publish, feed.Publish}.Translate(e)
	return p.Type, p.Payload, p.At, err
}

func internalTypes() []string {
	return slices.Concat(account.InternalTypes(), program.InternalTypes(), feed.InternalTypes())
}
