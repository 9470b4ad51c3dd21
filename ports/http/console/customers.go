package consolehttp

import (
	"net/url"
	"strings"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
)

const customersPath = consolePath + "/customers"

type customersContent struct {
	*Visit

	Customers application.List[programquery.Customer]
	Filtered  bool
}

// customers shows the customers, the newest first: all, or those of a partner.
func customers(v *Visit) {
	content := customersContent{Visit: v, Filtered: v.Query("partner") != ""}
	v.Form.Fill("partner", v.Query("partner"))
	q := programquery.Customers{Actor: v.Who(), Partner: application.PartnerHandle{Any: cut(v.Query("partner"))}}
	var err error
	if q.Page, err = v.Paged(); err == nil {
		content.Customers, err = Ask[application.List[programquery.Customer]](v, q)
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("customers", content)
}

// findCustomers leads to the customer that has a key, an id or an email, which a key of the database finds however many customers there are; or to
// the customers of a partner. What is looked for may name a person: it is posted, and only ids stand in addresses.
func findCustomers(v *Visit) {
	search, of := cut(v.Form.Text("search")), cut(v.Form.Text("partner"))
	path := customersPath
	var err error
	switch {
	case search != "":
		var c programquery.Customer
		c, err = Ask[programquery.Customer](v, programquery.CustomerByHandle{Actor: v.Who(), Handle: application.CustomerHandle{Any: search}})
		path += "/" + c.ID
	case of != "":
		handle := application.PartnerHandle{Any: of}
		if strings.Contains(of, "@") {
			handle = application.PartnerHandle{Email: of}
		}
		var p programquery.PartnerDetail
		p, err = Ask[programquery.PartnerDetail](v, programquery.PartnerByHandle{Actor: v.Who(), Handle: handle})
		path += "?partner=" + url.QueryEscape(p.ID)
	}
	found, err := isFound(err)
	switch {
	case err != nil:
		v.Fail(err)
	case !found:
		v.Show("customers", customersContent{Visit: v, Filtered: true})
	default:
		v.call.SeeOther(path)
	}
}

type customerContent struct {
	*Visit

	Customer programquery.CustomerAttribution
	Back     string
}

// reasons say in words why an attribution policy of ours decided as it did.
var reasons = map[string]string{
	"operator":    "An operator gave the customer to this partner.",
	"lead":        "The partner submitted the lead that became this customer.",
	"first_touch": "The customer came by this partner first, and first touches count in this program.",
	"last_touch":  "The customer came by this partner last, and last touches count in this program.",
	"explicit":    "The partner was named when the customer was created.",
	"link":        "The customer followed a link of this partner.",
}

// Reason says why a policy gave the customer to a partner.
func (customerContent) Reason(policy string) string {
	if r := reasons[policy]; r != "" {
		return r
	}
	return "The policy " + policy + " decided so."
}

// Moved reports whether the customer was another partner's before.
func (c customerContent) Moved() bool { return c.Customer.Since.After(c.Customer.CreatedAt) }

func showCustomer(v *Visit) {
	content, err := customerOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("customer", content)
}

func customerOf(v *Visit) (customerContent, error) {
	c, err := Ask[programquery.CustomerAttribution](v, programquery.AttributionOfCustomer{Actor: v.Who(), Handle: customerHandle(v)})
	return customerContent{v, c, customersPath + "/" + v.Param("id")}, err
}

func customerHandle(v *Visit) application.CustomerHandle {
	return application.CustomerHandle{ID: v.Param("id")}
}

// giveCustomer gives a customer to another partner.
func giveCustomer(v *Visit) {
	content, err := customerOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	handle := v.Form.Text("partner")
	if handle == "" {
		v.Form.Wrong("partner", "is required: the id or a referral key of a partner")
	}
	if _, err := Do[application.Done](v, programcommand.UpdateCustomer{
		Actor: v.Who(), Handle: application.CustomerHandle{ID: content.Customer.ID}, Referral: programcommand.Referral{Partner: application.PartnerHandle{Any: handle}},
		Once: Once[programquery.Customer](v),
	}); err != nil {
		v.ShowAgain("customer", content, err)
		return
	}
	v.Done(content.Back, "The customer is the partner's now.")
}

func askArchiveCustomer(v *Visit) {
	content, err := customerOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.ShowConfirm(Confirm{
		Title: "Archive this customer?", Button: "Archive the customer", Danger: true, Action: content.Back + "/archive", Back: content.Back,
		Consequence: "It is put aside and stays the partner's. You can take it out of the archive again.",
	})
}

func archiveCustomer(v *Visit) {
	_, err := Do[application.Done](v, programcommand.ArchiveCustomer{Actor: v.Who(), Handle: customerHandle(v), Once: Once[programquery.Customer](v)})
	v.After(err, customersPath+"/"+v.Param("id"), "The customer is archived.")
}

func unarchiveCustomer(v *Visit) {
	_, err := Do[application.Done](v, programcommand.UnarchiveCustomer{Actor: v.Who(), Handle: customerHandle(v), Once: Once[programquery.Customer](v)})
	v.After(err, customersPath+"/"+v.Param("id"), "The customer is out of the archive.")
}
