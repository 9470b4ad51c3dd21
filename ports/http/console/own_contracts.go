package consolehttp

import (
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
)

type ownContractsContent struct {
	*BuyerPortal

	Contracts []marketquery.BuyerContract
}

func contractsOf(b *BuyerPortal) (ownContractsContent, error) {
	all, err := Ask[[]marketquery.BuyerContract](b.Visit, marketquery.ContractsOfBuyer{Actor: b.Who(), BuyerID: b.Buyer.ID})
	return ownContractsContent{b, all}, err
}

// ownContracts lists the buyer's contracts.
func ownContracts(b *BuyerPortal) {
	content, err := contractsOf(b)
	if err != nil {
		b.Fail(err)
		return
	}
	b.Show("own_contracts", content)
}

type ownContractContent struct {
	*BuyerPortal

	K    marketquery.BuyerContract
	Test *marketquery.DeliveryAttempt // of a test lead that was sent just now
}

var errNoContract = fault.New(fault.NotFound, "contract_not_found", "Contract not found.")

// contractOfBuyer is the contract that the address names.
func contractOfBuyer(b *BuyerPortal) (ownContractContent, error) {
	list, err := contractsOf(b)
	if err != nil {
		return ownContractContent{}, err
	}
	i := slices.IndexFunc(list.Contracts, func(k marketquery.BuyerContract) bool { return k.ID == b.Param("id") })
	if i < 0 {
		return ownContractContent{}, errNoContract
	}
	return ownContractContent{BuyerPortal: b, K: list.Contracts[i]}, nil
}

// showOwnContract shows a contract of the buyer's.
func showOwnContract(b *BuyerPortal) {
	content, err := contractOfBuyer(b)
	if err != nil {
		b.Fail(err)
		return
	}
	b.Show("own_contract", content)
}

// onContract changes the contract that the address names, and goes back to it.
func onContract(b *BuyerPortal, notice string, change func(marketquery.BuyerContract) error) {
	content, err := contractOfBuyer(b)
	if err != nil {
		b.Fail(err)
		return
	}
	if err := change(content.K); err != nil {
		b.ShowAgain("own_contract", content, err)
		return
	}
	b.Done(buyerPath+"/contracts/"+content.K.ID, notice)
}

func pauseOwnContract(b *BuyerPortal) {
	onContract(b, b.say("buyer.paused"), func(k marketquery.BuyerContract) error {
		_, err := Do[application.Done](b.Visit, marketcommand.PauseContract{Actor: b.Who(), CampaignID: k.CampaignID, ID: k.ID})
		return err
	})
}

func resumeOwnContract(b *BuyerPortal) {
	onContract(b, b.say("buyer.resumed"), func(k marketquery.BuyerContract) error {
		_, err := Do[application.Done](b.Visit, marketcommand.ResumeContract{Actor: b.Who(), CampaignID: k.CampaignID, ID: k.ID})
		return err
	})
}

// CapFields are the fields for caps, a window each.
func (b *BuyerPortal) CapFields() []CapFields {
	var all []CapFields
	for _, w := range calendar.Windows() {
		window := b.say("buyer.window." + string(w))
		all = append(all, CapFields{
			Leads:  b.Labelled(capField(w, "leads"), b.say("buyer.cap_leads", window), "mode", "numeric"),
			Budget: b.Labelled(capField(w, "budget"), b.say("buyer.cap_money", window), "mode", "decimal"),
		})
	}
	return all
}

// askOwnCaps shows the caps of a contract in a form, where the seller lets the buyer change them.
func askOwnCaps(b *BuyerPortal) {
	content, err := contractOfBuyer(b)
	if err == nil && !b.Buyer.Portal.ChangeCaps {
		err = marketcommand.ErrNotAllowed
	}
	if err != nil {
		b.Fail(err)
		return
	}
	b.Form.Fill(seenField, seenAt(content.K.UpdatedAt))
	b.fillCaps(content.K.Caps)
	b.Show("own_caps", content)
}

func changeOwnCaps(b *BuyerPortal) {
	content, err := contractOfBuyer(b)
	if err != nil {
		b.Fail(err)
		return
	}
	caps := b.readCaps()
	_, err = Do[application.Done](b.Visit, marketcommand.ChangeContractCaps{
		Actor: b.Who(), CampaignID: content.K.CampaignID, ID: content.K.ID, Caps: *caps, Seen: b.seen(), Once: Once[marketquery.Contract](b.Visit),
	})
	if err != nil {
		b.stale(err, seenAt(content.K.UpdatedAt))
		b.ShowAgain("own_caps", content, renamed(err, func(member string) string {
			if field, ok := cappedField(caps, member); ok {
				return field
			}
			return member
		}))
		return
	}
	b.Done(buyerPath+"/contracts/"+content.K.ID, b.say("buyer.caps_changed"))
}

// testTime is how long the receiver of a test lead may take, and a second in which it waits for its place.
const testTime = 31 * time.Second

// testOwnDelivery sends a made-up lead to the buyer and shows what was answered.
func testOwnDelivery(b *BuyerPortal) {
	content, err := contractOfBuyer(b)
	if err != nil {
		b.Fail(err)
		return
	}
	b.call.Extend(testTime)
	done, err := Do[marketquery.DeliveryAttempt](b.Visit, marketcommand.TestDelivery{Actor: b.Who(), CampaignID: content.K.CampaignID, ID: content.K.ID})
	if err != nil {
		b.ShowAgain("own_contract", content, err)
		return
	}
	content.Test = &done
	b.Show("own_contract", content)
}
