package market

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
)

// buyerUpdates are told of buyers that were updated.
var buyerUpdates = &audit.Facts{
	Types: []string{eventsv1.BuyerUpdated{}.Type()},
	Of:    func(*application.StoredEvent) ([]audit.Fact, error) { return make([]audit.Fact, 1), nil },
}

// movements are told of the entries that put money into accounts or took it out, with amount and balance in micro-units.
var movements = &audit.Facts{
	Types: []string{eventsv1.BuyerFunded{}.Type(), eventsv1.BuyerWithdrawn{}.Type()},
	Of: func(e *application.StoredEvent) ([]audit.Fact, error) {
		var m struct {
			EntryID      string          `json:"entry_id"`
			Amount       eventsv1.Amount `json:"amount"`
			BalanceAfter eventsv1.Amount `json:"balance_after"`
		}
		if err := json.Unmarshal(e.Payload, &m); err != nil {
			return nil, err
		}
		amount, err := m.Amount.Micros()
		balance, err2 := m.BalanceAfter.Micros()
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		if e.Type == (eventsv1.BuyerWithdrawn{}).Type() {
			amount = -amount
		}
		return []audit.Fact{{Part: m.EntryID, Value: fmt.Sprintf("%d, then %d", amount, balance)}}, nil
	},
}

// toldBuyers compare buyers and the movements of their accounts with events.
var toldBuyers = []audit.Rule{
	audit.StatusRule("SELECT t.seller_id AS seller, t.id AS aggregate, t.status AS value FROM buyers t WHERE {range}", audit.Statuses(map[string]string{
		eventsv1.BuyerCreated{}.Type(): string(buyer.StatusActive), eventsv1.BuyerPaused{}.Type(): string(buyer.StatusPaused),
		eventsv1.BuyerResumed{}.Type(): string(buyer.StatusActive),
	})),
	{
		Invariant: "I1", Name: "entry_is_in_one_event", Description: "Every deposit and withdrawal is in exactly one event of its buyer, with its amount and balance.",
		Table: "ledger_entries",
		Query: `SELECT t.seller_id AS seller, t.id AS aggregate, e.id AS part, CONCAT(e.amount, ', then ', e.balance_after) AS value FROM buyers t
			JOIN ledger_entries e ON e.seller_id = t.seller_id AND e.buyer_id = t.id AND e.type IN ('deposit', 'withdrawal')
			AND e.id >= '{since:entry}' WHERE {range}`,
		Facts: movements, Told: inOneEvent,
	},
	{
		Invariant: "I1", Name: "event_entry_exists", Description: "Every entry that a buyer.funded.v1 or buyer.withdrawn.v1 event tells of is in the buyer's ledger.",
		Table: "events", Facts: movements,
	},
}

// inOneEvent is Rule.Told for rows that exactly one event tells of, as they are.
func inOneEvent(value string, told audit.Told) (want, got string) {
	switch {
	case told.Unknown():
		return "", ""
	case told.Events == 0:
		return "1 event: " + value, "none"
	}
	return "1 event: " + value, strconv.Itoa(told.Events) + " event: " + told.Value
}

// toldCampaigns compare campaigns and contracts with events.
var toldCampaigns = []audit.Rule{
	audit.StatusRule("SELECT t.seller_id AS seller, t.id AS aggregate, t.status AS value FROM campaigns t WHERE {range}", audit.Statuses(map[string]string{
		eventsv1.CampaignCreated{}.Type(): "", eventsv1.CampaignPaused{}.Type(): string(campaign.StatusPaused),
		eventsv1.CampaignResumed{}.Type(): string(campaign.StatusActive), eventsv1.CampaignArchived{}.Type(): string(campaign.StatusArchived),
	})),
	audit.StatusRule(`SELECT t.seller_id AS seller, t.id AS aggregate, k.id AS part, k.status AS value FROM campaigns t
		JOIN contracts k ON k.seller_id = t.seller_id AND k.campaign_id = t.id WHERE {range}`, contractStatuses).Of("contracts"),
}

// contractStatuses are told of the contracts of campaigns.
var contractStatuses = &audit.Facts{
	Types: []string{eventsv1.ContractCreated{}.Type(), eventsv1.ContractPaused{}.Type(), eventsv1.ContractResumed{}.Type(), eventsv1.ContractDeleted{}.Type()},
	Of: func(e *application.StoredEvent) ([]audit.Fact, error) {
		var k struct {
			ContractID string          `json:"contract_id"`
			Status     campaign.Status `json:"status"`
		}
		if json.Unmarshal(e.Payload, &k) != nil {
			return nil, nil // an event that cannot be read tells of no contract
		}
		switch e.Type {
		case eventsv1.ContractPaused{}.Type():
			k.Status = campaign.StatusPaused
		case eventsv1.ContractResumed{}.Type():
			k.Status = campaign.StatusActive
		case eventsv1.ContractDeleted{}.Type():
			k.Status = campaign.StatusDeleted
		}
		return []audit.Fact{{Part: k.ContractID, Value: string(k.Status)}}, nil
	},
}

// statuses are where leads stand in the market by the type of the event that tells it.
var statuses = map[string]lead.Status{
	eventsv1.LeadSubmitted{}.Type(): lead.StatusNotOffered, eventsv1.LeadPending{}.Type(): lead.StatusPending, eventsv1.LeadSold{}.Type(): lead.StatusSold,
	eventsv1.LeadDuplicate{}.Type(): lead.StatusDuplicate, eventsv1.LeadRejected{}.Type(): lead.StatusRejected, eventsv1.LeadUnsold{}.Type(): lead.StatusUnsold,
	eventsv1.LeadReturned{}.Type():    lead.StatusReturned,
	eventsv1.LeadQuarantined{}.Type(): lead.StatusQuarantined,
}

// marketed are told of leads, with the part "" where they stand and what their supplier earns, and of their sales.
var marketed = &audit.Facts{
	Types: []string{
		eventsv1.LeadSubmitted{}.Type(), eventsv1.LeadPending{}.Type(), eventsv1.LeadSold{}.Type(), eventsv1.LeadDuplicate{}.Type(),
		eventsv1.LeadRejected{}.Type(), eventsv1.LeadUnsold{}.Type(), eventsv1.LeadQuarantined{}.Type(), eventsv1.LeadReturned{}.Type(), eventsv1.ReturnApproved{}.Type(),
	},
	Of: func(e *application.StoredEvent) ([]audit.Fact, error) {
		switch e.Type {
		case eventsv1.LeadSold{}.Type():
			return salesOf(e)
		case eventsv1.ReturnApproved{}.Type():
			return payoutLeft(e)
		case eventsv1.LeadRejected{}.Type():
			if bytes.Contains(e.Payload, []byte(`"code":"`+string(lead.CodeReviewRejected)+`"`)) { // by the seller, which is no matter of the market
				return nil, nil
			}
		}
		return []audit.Fact{{Value: string(statuses[e.Type]) + ", payout 0"}}, nil
	},
}

// salesOf reads a lead.sold.v1 event.
func salesOf(e *application.StoredEvent) ([]audit.Fact, error) {
	var sold eventsv1.LeadSold
	if err := json.Unmarshal(e.Payload, &sold); err != nil {
		return nil, err
	}
	if sold.LeadID != e.AggregateID {
		return nil, errors.New("it is about another lead")
	}
	payout, err := sold.Payout.Micros()
	if err != nil {
		return nil, err
	}
	facts := make([]audit.Fact, 1, len(sold.Sales)+1)
	facts[0].Value = "sold, payout " + strconv.FormatInt(payout, 10)
	for _, s := range sold.Sales {
		price, err := s.Price.Micros()
		if err != nil {
			return nil, err
		}
		facts = append(facts, audit.Fact{Part: s.SaleID, Value: strconv.FormatInt(price, 10) + " " + s.Currency + " " + s.ContractID + " " + s.BuyerID})
	}
	return facts, nil
}

// prices are told of leads that got a price of their own or lost it, in micro-units.
var prices = &audit.Facts{
	Types: []string{eventsv1.LeadPriceChanged{}.Type()},
	Of: func(e *application.StoredEvent) ([]audit.Fact, error) {
		var changed eventsv1.LeadPriceChanged
		if err := json.Unmarshal(e.Payload, &changed); err != nil {
			return nil, err
		}
		if changed.Price == "" {
			return []audit.Fact{{Value: "none"}}, nil
		}
		price, err := changed.Price.Micros()
		return []audit.Fact{{Value: strconv.FormatInt(price, 10)}}, err
	},
}

// toldLeads compare leads and sales with events. A test lead has none.
var toldLeads = []audit.Rule{
	{
		Invariant: "I4", Name: "lead_is_as_told", Description: "A lead has the status and the payout that the last event about it tells.",
		Query: `SELECT t.seller_id AS seller, t.id AS aggregate, CASE WHEN t.test <> 0 THEN 'test' ELSE CONCAT(t.status, ', payout ', t.payout) END AS value
			FROM leads t WHERE {range}`,
		Facts: marketed, Told: func(value string, told audit.Told) (want, got string) {
			if value == "test" {
				return "", ""
			}
			return audit.SaysLast(value, told)
		},
	},
	{
		Invariant: "I4", Name: "price_is_as_told", Description: "A lead's own price is what the last lead.price_changed.v1 event of it tells.", Table: "unsold_leads",
		Query: `SELECT t.seller_id AS seller, t.id AS aggregate, CONCAT(u.asking_price, '') AS value FROM leads t
			JOIN unsold_leads u ON u.seller_id = t.seller_id AND u.lead_id = t.id AND u.asking_price IS NOT NULL WHERE {range}`,
		Facts: prices, Told: audit.SaysLast,
	},
	{
		Invariant: "I4", Name: "sale_is_in_one_event", Table: "sales",
		Description: "Every live sale is in exactly one lead.sold.v1 event of its lead, with its price, currency, contract and buyer.",
		Query: `SELECT t.seller_id AS seller, t.id AS aggregate, s.id AS part,
			CONCAT(CASE WHEN s.slot > 0 THEN '' ELSE 'dead ' END, s.price, ' ', s.currency, ' ', s.contract_id, ' ', s.buyer_id) AS value FROM leads t
			JOIN sales s ON s.seller_id = t.seller_id AND s.lead_id = t.id WHERE {range}`,
		Facts: marketed, Told: func(value string, told audit.Told) (want, got string) {
			if strings.HasPrefix(value, "dead ") {
				return "", ""
			}
			return inOneEvent(value, told)
		},
	},
	{
		Invariant: "I4", Name: "event_sale_exists", Description: "Every sale in a lead.sold.v1 event is a sale of that lead.", Table: "events", Facts: marketed,
	},
}
