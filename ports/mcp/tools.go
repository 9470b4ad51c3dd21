package mcp

import "strings"

const instructions = `Leadmill is a partner program and a lead marketplace. Suppliers (partners) send leads into campaigns; each contract is a buyer's standing order in a
campaign; a sold lead is charged to the buyer's account. Amounts are in the seller's currency (getSettings), times are UTC, ids begin with what they
name: lead_, buyer_. Lists have links.next, whose cursor gives the next page. To tell why a lead waits or was not sold, ask explainMarketplaceLead.
Leads, partners and customers are persons: say no more of them than you were asked for.`

// explainTool tells a decision in sentences.
const explainTool = "explainMarketplaceLead"

// tool is an operation that an assistant may call.
type tool struct {
	operation string
	says      string // what an assistant must know besides what the document says
	changes   bool
	final     bool // what it does cannot be undone
	outside   bool // it reaches people or systems outside
	explains  bool
}

// describe returns what an assistant reads of a tool.
func (t tool) describe(o *operation) string {
	if t.explains {
		return t.says
	}
	parts := []string{o.summary + "."}
	for _, more := range []string{strings.TrimSpace(o.description), t.says} {
		if more != "" {
			parts = append(parts, more)
		}
	}
	return strings.Join(parts, "\n")
}

// reads are the tools that change nothing.
var reads = []tool{
	{operation: "getSettings"},
	{operation: "getProgram"},
	{operation: "getMarketplaceLead", explains: true, says: "Tells in sentences what became of a lead and why: which buyers were asked, and why each did not take it. For leads that wait (pending), were not sold " +
		"(unsold), were refused, or went to one buyer and not to another."},
	{operation: "listMarketplaceLeads", says: "These are the leads of the marketplace, which are sold to buyers. status=pending lists those that wait."},
	{operation: "getMarketplaceLead"},
	{operation: "listLeadDeliveries"},
	{operation: "previewLead"},
	{operation: "listFormLeads", says: "These are the leads that partners register, which the seller converts to customers."},
	{operation: "getFormLead"},
	{operation: "listPartners"},
	{operation: "searchPartners"},
	{operation: "getPartner"},
	{operation: "getEarnings"},
	{operation: "listCustomers"},
	{operation: "searchCustomers"},
	{operation: "getCustomer"},
	{operation: "listBuyers", says: "Each with its balance, its credit limit and what is held for leads that are reserved."},
	{operation: "getBuyer"},
	{operation: "getBuyerUsage"},
	{operation: "listLedger"},
	{operation: "getStatement"},
	{operation: "listCampaigns"},
	{operation: "getCampaign"},
	{operation: "getCampaignUsage"},
	{operation: "listContracts"},
	{operation: "getContract"},
	{operation: "getContractUsage"},
	{operation: "reportCampaigns"},
	{operation: "listSales"},
	{operation: "listReturns"},
	{operation: "listDeliveries"},
	{operation: "listEvents", says: "types leaves out the others, such as lead.sold.v1,lead.unsold.v1. Events have ids and no persons. Begin with after=0 and go on with next."},
	{operation: "listWebhooks"},
	{operation: "getWebhook"},
	{operation: "listWebhookDeliveries"},
}

// commands are the tools that change something. None moves money by itself, changes a price, deletes, erases, or shows or makes a key or a secret; each
// takes an Idempotency-Key.
var commands = []tool{
	{operation: "approvePartner", changes: true, final: true, outside: true, says: "The partner may refer customers and register leads from then on."},
	{operation: "rejectPartner", changes: true, final: true, outside: true},
	{operation: "invitePartner", changes: true, final: true, outside: true, says: "This sends a mail to the person."},
	{operation: "createFormLead", changes: true, says: "Registers a lead for a partner. Where the program offers such leads to buyers, it may be sold at once."},
	{operation: "approveMarketplaceLead", changes: true, final: true, outside: true, says: "If a buyer takes it, that buyer is charged and told, and the supplier earns."},
	{operation: "redistributeMarketplaceLead", changes: true, final: true, outside: true, says: "If a buyer takes it, that buyer is charged and told, and the supplier earns."},
	{operation: "rejectMarketplaceLead", changes: true, final: true, says: "Nobody is charged. It cannot be offered again."},
	{operation: "pauseContract", changes: true, says: "The contract takes no lead until it is resumed."},
	{operation: "resumeContract", changes: true, outside: true, says: "The contract takes leads again, also those that wait, and its buyer is charged for them."},
	{operation: "pauseCampaign", changes: true, says: "No lead is taken for the campaign until it is resumed."},
	{operation: "resumeCampaign", changes: true, outside: true, says: "Leads are sold in it again, also those that wait, and buyers are charged for them."},
	{operation: "pauseBuyer", changes: true, says: "The buyer gets no lead until it is resumed."},
	{operation: "resumeBuyer", changes: true, outside: true, says: "The buyer gets leads again, also those that wait, and is charged for them."},
}
