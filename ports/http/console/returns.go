package consolehttp

import (
	"slices"

	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"

	"github.com/leadmill/leadmill/application"
)

const returnsPath = consolePath + "/returns"

type returnsContent struct {
	*Visit

	Returns   application.List[marketquery.Return]
	Status    string
	Tabs      []Option
	BuyerName func(string) string
}

// returnsToDecide is the status of returns that wait for a decision.
const returnsToDecide = "pending"

// listReturns shows the leads that buyers gave back: those to decide, unless the address says otherwise.
func listReturns(v *Visit) {
	content := returnsContent{Visit: v, Status: v.Query("status"), Tabs: []Option{{Value: "", Label: "To decide"}}}
	for _, s := range marketquery.ReturnStatuses() {
		if s != returnsToDecide {
			content.Tabs = append(content.Tabs, Option{Value: s, Label: newStatus(s).Word})
		}
	}
	if !slices.ContainsFunc(content.Tabs, func(o Option) bool { return o.Value == content.Status }) {
		content.Status = ""
	}
	q := marketquery.Returns{Actor: v.Who(), Status: content.Status}
	if q.Status == "" {
		q.Status = returnsToDecide
	}
	var err error
	if content.BuyerName, _, err = v.buyerNames(); err == nil {
		q.Page, err = v.Paged()
	}
	if err == nil {
		content.Returns, err = Ask[application.List[marketquery.Return]](v, q)
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("returns", content)
}

type returnDecisionContent struct {
	*Visit

	Return marketquery.Return
	Buyer  string
	Back   string
	Open   bool
}

func returnOf(v *Visit) (returnDecisionContent, error) {
	r, err := Ask[marketquery.Return](v, marketquery.ReturnByID{Actor: v.Who(), ID: v.Param("id")})
	if err != nil {
		return returnDecisionContent{}, err
	}
	names, _, err := v.buyerNames()
	if err != nil {
		return returnDecisionContent{}, err
	}
	return returnDecisionContent{Visit: v, Return: r, Buyer: names(r.BuyerID), Back: returnsPath + "/" + r.ID, Open: r.Status == returnsToDecide}, nil
}

// showReturn shows why a lead was given back, and asks for the decision.
func showReturn(v *Visit) {
	content, err := returnOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("return", content)
}

func approveReturn(v *Visit) {
	decideReturn(v, "The return is approved: the buyer has its money back.", func() error {
		_, err := Do[application.Done](v, marketcommand.ApproveReturn{
			Actor: v.Who(), ID: v.Param("id"), Note: v.Form.Text("note"), Redistribute: v.Form.Ticked("redistribute"), Once: Once[marketquery.Return](v),
		})
		return err
	})
}

func rejectReturn(v *Visit) {
	decideReturn(v, "The return is rejected: the sale stays.", func() error {
		_, err := Do[application.Done](v, marketcommand.RejectReturn{Actor: v.Who(), ID: v.Param("id"), Note: v.Form.Text("note"), Once: Once[marketquery.Return](v)})
		return err
	})
}

// decideReturn goes on to the returns that are left.
func decideReturn(v *Visit, notice string, decide func() error) {
	content, err := returnOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	if err := decide(); err != nil {
		v.ShowAgain("return", content, err)
		return
	}
	v.Done(returnsPath, notice)
}
