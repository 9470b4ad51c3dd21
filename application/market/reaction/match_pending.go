// Package reaction holds the reactions of the marketplace to events: one file a reaction.
//
// Stability: unsupported; it may change at any time.
package reaction

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/lead"
)

// MatchPending is the name of the reaction that NewMatchPending returns.
const MatchPending = "match-pending"

// MatchPendingTypes returns the types of its events: a buyer, contract or campaign that can take more than before, as behind a return, and a
// form lead or a returned one that became pending, or a lead whose price was changed.
func MatchPendingTypes() []string {
	return []string{
		eventsv1.BuyerFunded{}.Type(), eventsv1.BuyerResumed{}.Type(), eventsv1.BuyerUpdated{}.Type(),
		eventsv1.ContractCreated{}.Type(), eventsv1.ContractUpdated{}.Type(), eventsv1.ContractResumed{}.Type(),
		eventsv1.CampaignUpdated{}.Type(), eventsv1.CampaignResumed{}.Type(),
		eventsv1.LeadPending{}.Type(), eventsv1.LeadPriceChanged{}.Type(), eventsv1.ReturnApproved{}.Type(),
	}
}

// NewMatchPending returns the reaction that offers pending leads again after an event that may bring them a buyer. It also makes
// the first offer of a form lead that became pending, and of a lead that waits because it was returned.
func NewMatchPending(match bus.Handler[marketcommand.MatchPending, marketcommand.Matched]) application.Reactor {
	return matchPending{match}
}

type matchPending struct {
	match bus.Handler[marketcommand.MatchPending, marketcommand.Matched]
}

// React implements application.Reactor. It ignores a supplier's lead that became pending, which was offered just before.
func (r matchPending) React(ctx context.Context, e application.StoredEvent) error {
	var about struct {
		CampaignID string `json:"campaign_id"`
		BuyerID    string `json:"buyer_id"`
		LeadID     string `json:"lead_id"`
		Origin     string `json:"origin"`
		Previous   string `json:"previous_status"`
	}
	if err := json.Unmarshal(e.Payload, &about); err != nil {
		return fmt.Errorf("read %s: %w", e.Type, err)
	}
	if e.Type == (eventsv1.ReturnApproved{}).Type() { // the buyer has more to spend, and its contract more room
		about.CampaignID, about.LeadID = "", ""
	}
	if about.CampaignID == "" && about.BuyerID == "" || e.Type == (eventsv1.LeadPending{}).Type() &&
		about.Origin != string(lead.OriginForm) && about.Previous != string(lead.StatusReturned) {
		return nil
	}
	_, err := r.match.Handle(ctx, marketcommand.MatchPending{
		SellerID: e.SellerID, CampaignID: about.CampaignID, BuyerID: about.BuyerID,
		LeadID: about.LeadID,
	})
	return err
}
