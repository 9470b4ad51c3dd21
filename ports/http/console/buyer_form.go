package consolehttp

import (
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/money"
)

type buyerFormContent struct {
	*Visit

	New    bool
	Buyer  marketquery.Buyer
	Action string
}

// ReturnReasons are the reasons for which returns can be approved at once.
func (buyerFormContent) ReturnReasons() []string { return returnReasons }

// returnReasons are why leads are given back.
var returnReasons = []string{"duplicate", "invalid_contact", "out_of_area", "wrong_category", "not_requested", "fake_or_test", "consent_risk", "other"}

func newBuyer(v *Visit) {
	v.Show("buyer_form", buyerFormContent{Visit: v, New: true, Action: "/console/buyers/new"})
}

func createBuyer(v *Visit) {
	details := v.buyerDetails()
	done, err := Do[application.Done](v, marketcommand.CreateBuyer{Actor: v.Who(), Details: details, Once: madeOnce(v, func(b marketquery.Buyer) string { return b.ID })})
	if err != nil {
		v.ShowAgain("buyer_form", buyerFormContent{Visit: v, New: true, Action: "/console/buyers/new"}, buyerFields(details, err))
		return
	}
	v.Done("/console/buyers/"+string(done.Response.Body), "The buyer is there. Top it up, and give it a contract in a campaign.")
}

func editBuyer(v *Visit) {
	b, err := Ask[marketquery.Buyer](v, marketquery.BuyerByID{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		v.Fail(err)
		return
	}
	v.fillBuyer(b)
	v.Show("buyer_form", buyerFormContent{Visit: v, Buyer: b, Action: "/console/buyers/" + b.ID + "/edit"})
}

func updateBuyer(v *Visit) {
	b, err := Ask[marketquery.Buyer](v, marketquery.BuyerByID{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		v.Fail(err)
		return
	}
	details := v.buyerDetails()
	_, err = Do[application.Done](v, marketcommand.UpdateBuyer{Actor: v.Who(), ID: b.ID, Details: details, Seen: v.seen(), Once: Once[marketquery.Buyer](v)})
	if err != nil {
		v.stale(err, seenAt(b.UpdatedAt))
		v.ShowAgain("buyer_form", buyerFormContent{Visit: v, Buyer: b, Action: "/console/buyers/" + b.ID + "/edit"}, buyerFields(details, err))
		return
	}
	v.Done("/console/buyers/"+b.ID, "The buyer is changed.")
}

// fillBuyer fills the form with a buyer.
func (v *Visit) fillBuyer(b marketquery.Buyer) {
	v.Form.Fill(seenField, seenAt(b.UpdatedAt), "name", b.Name, "email", b.Email, "time_zone", b.TimeZone, "credit_limit", b.CreditLimit.Format(v.Currency()))
	if b.LowBalance.On {
		v.Form.Fill("low_balance", b.LowBalance.At.Format(v.Currency()))
	}
	if b.Returns.Window.Own {
		v.Form.Fill("return_window_days", strconv.Itoa(b.Returns.Window.Days))
	}
	if auto := b.Returns.AutoApprove; len(auto.Reasons) > 0 {
		v.Form.Fill("auto_share", auto.Share.String(), "auto_days", strconv.Itoa(auto.Days))
		for _, r := range auto.Reasons {
			v.Form.Fill("auto_"+string(r), "1")
		}
	}
	if b.Portal.PauseContracts {
		v.Form.Fill("portal_pause", "1")
	}
	if b.Portal.ChangeCaps {
		v.Form.Fill("portal_caps", "1")
	}
	v.fillCaps(b.Caps)
}

// The bounds of numbers in the form: the command has the last word.
const mostDays = 10_000

// buyerDetails reads the form.
func (v *Visit) buyerDetails() marketcommand.BuyerDetails {
	name, email, zone := v.Form.Text("name"), v.Form.Text("email"), v.Form.Text("time_zone")
	d := marketcommand.BuyerDetails{
		Name: &name, Email: &email, TimeZone: &zone, CreditLimit: new(money.Micros), LowBalance: &marketcommand.Threshold{},
		ReturnWindow: &marketcommand.ReturnWindow{}, AutoApprove: &marketcommand.AutoApprove{},
	}
	*d.CreditLimit, _ = v.Form.Money("credit_limit", v.Currency())
	d.LowBalance.At, d.LowBalance.On = v.Form.Money("low_balance", v.Currency())
	days, given := v.Form.Number("return_window_days", 0, mostDays)
	d.ReturnWindow.Days, d.ReturnWindow.Own = int(days), given
	for _, r := range returnReasons {
		if v.Form.Ticked("auto_" + r) {
			d.AutoApprove.Reasons = append(d.AutoApprove.Reasons, marketcommand.ReturnReason(r))
		}
	}
	if share := v.Form.Text("auto_share"); share != "" {
		var err error
		d.AutoApprove.Share, err = money.ParsePercent(share)
		v.Form.Check("auto_share", err)
	}
	days, _ = v.Form.Number("auto_days", 0, mostDays)
	d.AutoApprove.Days = int(days)
	d.Portal = &marketcommand.Portal{PauseContracts: v.Form.Ticked("portal_pause"), ChangeCaps: v.Form.Ticked("portal_caps")}
	d.Caps = v.readCaps()
	return d
}

// buyerFields names the fields of the form in an error.
func buyerFields(d marketcommand.BuyerDetails, err error) error {
	return renamed(err, func(member string) string {
		if field, ok := cappedField(d.Caps, member); ok {
			return field
		}
		if of, is := strings.CutPrefix(member, "returns.auto_approve."); is {
			return map[string]string{"share_percent": "auto_share", "days": "auto_days", "reasons": "auto_duplicate"}[of]
		}
		return member
	})
}
