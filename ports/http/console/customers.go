package consolehttp

import (
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

// customers shows the customers that were asked for, the newest first. What is searched for is a key, an id or an email as a whole, which a key of
// the database finds however many customers there are.
func customers(v *Visit) {
	content := customersContent{Visit: v}
	for _, name := range []string{"partner", "search"} {
		v.Form.Fill(name, v.Query(name))
		content.Filtered = content.Filtered || v.Query(name) != ""
	}
	if search := cut(v.Query("search")); search != "" {
		c, err := Ask[programquery.Customer](v, programquery.CustomerByHandle{Actor: v.Who(), Handle: application.CustomerHandle{Any: search}})
		found, err := isFound(err)
		if err != nil {
			v.Fail(err)
			return
		}
		if found {
			v.call.SeeOther(customersPath + "/" + c.ID)
			return
		}
		v.Show("customers", content)
		return
	}
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

// Reason says why the customer is its partner's.
func (c customerContent) Reason() string {
	if r := reasons[c.Customer.Policy]; r != "" {
		return r
	}
	return "The policy " + c.Customer.Policy + " decided so."
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
