package consolehttp

import (
	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
)

type contractContent struct {
	*Visit

	Campaign marketquery.Campaign
	Contract marketquery.Contract
	Buyer    marketquery.Buyer
	Usage    []marketquery.Usage
	Sent     []marketquery.Delivery
}

// contractOf reads the contract that the address names, with its campaign and its buyer.
func contractOf(v *Visit) (c contractContent, err error) {
	c.Visit = v
	if c.Campaign, err = Ask[marketquery.Campaign](v, marketquery.CampaignByID{Actor: v.Who(), ID: v.Param("id")}); err != nil {
		return c, err
	}
	if c.Contract, err = Ask[marketquery.Contract](v, marketquery.ContractByID{Actor: v.Who(), CampaignID: c.Campaign.ID, ID: v.Param("contract")}); err != nil {
		return c, err
	}
	c.Buyer, err = Ask[marketquery.Buyer](v, marketquery.BuyerByID{Actor: v.Who(), ID: c.Contract.BuyerID})
	return c, err
}

// contractDeliveries is how many deliveries the page of a contract shows.
const contractDeliveries = 10

// contractPage shows a contract.
func contractPage(v *Visit) {
	c, err := contractOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	if c.Usage, err = Ask[[]marketquery.Usage](v, marketquery.ContractUsage{Actor: v.Who(), CampaignID: c.Campaign.ID, ID: c.Contract.ID}); err != nil {
		v.Fail(err)
		return
	}
	sent, err := Ask[application.List[marketquery.Delivery]](v, marketquery.Deliveries{Actor: v.Who(), ContractID: c.Contract.ID, Page: application.Page{Limit: contractDeliveries, Number: 1}})
	if err != nil {
		v.Fail(err)
		return
	}
	c.Sent = sent.Items
	v.Show("contract", c)
}

// Bought is what the contract bought so far.
func (c contractContent) Bought() marketquery.Usage {
	for _, u := range c.Usage {
		if u.Window == "total" {
			return u
		}
	}
	return marketquery.Usage{}
}

// Filter is the contract's filter in rows; none when rows cannot say it.
func (c contractContent) Filter() []string {
	return filterWords(c.Contract.Filter, rulesOf(c.Campaign))
}

func (v *Visit) contractPath() string { return v.campaignPath() + "/contracts/" + v.Param("contract") }

func pauseContract(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.PauseContract{Actor: v.Who(), CampaignID: v.Param("id"), ID: v.Param("contract")})
	v.After(err, v.contractPath(), "The contract is paused: it takes no leads.")
}

func resumeContract(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.ResumeContract{Actor: v.Who(), CampaignID: v.Param("id"), ID: v.Param("contract")})
	v.After(err, v.contractPath(), "The contract takes leads again.")
}

func askEndContract(v *Visit) {
	c, err := contractOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.ShowConfirm(Confirm{
		Title: "End the contract of " + c.Buyer.Name + "?", Button: "End the contract", Action: v.contractPath() + "/archive", Back: v.contractPath(), Danger: true,
		Consequence: "It takes no lead any more and cannot be opened again. What it bought stays, and is still delivered.",
	})
}

func endContract(v *Visit) {
	_, err := Do[application.Done](v, marketcommand.DeleteContract{Actor: v.Who(), CampaignID: v.Param("id"), ID: v.Param("contract")})
	v.After(err, v.campaignPath(), "The contract is ended.")
}
