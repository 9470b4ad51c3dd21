package consolehttp

import (
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

type contractFormContent struct {
	*Visit

	Campaign      marketquery.Campaign
	Contract      marketquery.Contract
	Buyer         marketquery.Buyer
	New           bool
	Rules         []field.Rule
	Buyers        []Option
	Action, Leave string
	Expression    string // the filter that the rows say
	Checked       bool
}

// FilterRowFields are the fields of one row of a filter.
type FilterRowFields struct{ Field, Op, Value Field }

// The ways in which a form says a filter.
const (
	filterNone = "none"
	filterRows = "rows"
	filterCEL  = "cel"
)

// The bounds of the rows of a filter: how many are free in a form, and how many there are at most.
const (
	spareRows = 3
	mostRows  = 30
)

func rowField(n int, of string) string { return "filter_" + strconv.Itoa(n) + "_" + of }

// FilterModes are the ways in which a filter is said.
func (contractFormContent) FilterModes() []Option {
	return []Option{{Value: filterNone, Label: "All leads of the campaign"}, {Value: filterRows, Label: "Those that fit the rows below"}, {Value: filterCEL, Label: "Those that pass an expression"}}
}

// Joins are the ways to join rows.
func (contractFormContent) Joins() []Option {
	return []Option{{Value: joinAnd, Label: "all rows"}, {Value: joinOr, Label: "at least one row"}}
}

// FilterRows are the rows of the filter, some of them free.
func (c contractFormContent) FilterRows() []FilterRowFields {
	fields := []Option{{Label: "—"}}
	for _, r := range c.Rules {
		fields = append(fields, Option{Value: r.Name, Label: r.Name})
	}
	n := spareRows
	for i := range mostRows {
		if c.Form.Value(rowField(i, "field")) != "" {
			n = min(i+1+spareRows, mostRows)
		}
	}
	all := make([]FilterRowFields, n)
	for i := range all {
		number := " " + strconv.Itoa(i+1)
		all[i] = FilterRowFields{
			Field: c.Choice(rowField(i, "field"), "Field"+number, fields), Op: c.Choice(rowField(i, "op"), "Comparison"+number, filterOps), Value: c.Field(rowField(i, "value"), "Value"+number),
		}
	}
	return all
}

// fillFilter fills the form with a filter: with rows where they can say it.
func (v *Visit) fillFilter(text string, rules []field.Rule) {
	rows, join, ok := readFilter(text, rules)
	switch {
	case text == "":
		v.Form.Fill("filter_mode", filterNone, "filter_join", joinAnd)
	case !ok || len(rows) > mostRows:
		v.Form.Fill("filter_mode", filterCEL, "filter", text)
	default:
		v.Form.Fill("filter_mode", filterRows, "filter_join", join, "filter", text)
		for i, r := range rows {
			v.Form.Fill(rowField(i, "field"), r.Field, rowField(i, "op"), r.Op, rowField(i, "value"), r.Value)
		}
	}
}

// readFilter reads the filter of the form.
func (v *Visit) readFilter(rules []field.Rule) string {
	switch v.Form.Text("filter_mode") {
	case filterCEL:
		if v.Form.Text("filter") == "" {
			v.Form.Wrong("filter", "is required")
		}
		return v.Form.Text("filter")
	case filterRows:
		rows := make([]FilterRow, mostRows)
		for i := range rows {
			rows[i] = FilterRow{v.Form.Text(rowField(i, "field")), v.Form.Text(rowField(i, "op")), v.Form.Text(rowField(i, "value"))}
		}
		text, wrong := writeFilter(rows, v.Form.Text("filter_join"), rules)
		for i, why := range wrong {
			v.Form.Wrong(rowField(i, "value"), why)
		}
		if text == "" && len(wrong) == 0 {
			v.Form.Wrong(rowField(0, "field"), "must be chosen in at least one row")
		}
		return text
	}
	return ""
}

// filterWords says a filter as somebody would, a condition each; nothing for one that rows cannot say.
func filterWords(text string, rules []field.Rule) []string {
	rows, join, ok := readFilter(text, rules)
	if !ok {
		return nil
	}
	var all []string
	for i, r := range rows {
		at := slices.IndexFunc(filterOps, func(o Option) bool { return o.Value == r.Op })
		words := strings.TrimSpace(r.Field + " " + strings.TrimSuffix(filterOps[at].Label, " (with commas)") + " " + r.Value)
		if strings.Contains(filterOps[at].Label, "…") {
			words = r.Field + " " + strings.ReplaceAll(filterOps[at].Label, "…", r.Value)
		}
		if i > 0 {
			words = join + " " + words
		}
		all = append(all, words)
	}
	return all
}

// newContractForm reads what the form of a new contract needs.
func newContractForm(v *Visit) (c contractFormContent, err error) {
	if c, err = filterForm(v); err != nil {
		return c, err
	}
	c.New, c.Action, c.Leave = true, v.campaignPath()+"/new-contract", v.campaignPath()
	_, buyers, err := v.buyerNames()
	for _, b := range buyers {
		c.Buyers = append(c.Buyers, Option{Value: b.ID, Label: b.Name})
	}
	return c, err
}

// filterForm reads what a filter is checked by.
func filterForm(v *Visit) (c contractFormContent, err error) {
	c.Visit = v
	c.Campaign, err = Ask[marketquery.Campaign](v, marketquery.CampaignByID{Actor: v.Who(), ID: v.Param("id")})
	c.Rules = rulesOf(c.Campaign)
	return c, err
}

// contractForm reads what the form of the contract needs that the address names.
func contractForm(v *Visit) (c contractFormContent, err error) {
	if c, err = filterForm(v); err != nil {
		return c, err
	}
	if c.Contract, err = Ask[marketquery.Contract](v, marketquery.ContractByID{Actor: v.Who(), CampaignID: c.Campaign.ID, ID: v.Param("contract")}); err != nil {
		return c, err
	}
	c.Action, c.Leave = v.contractPath()+"/edit", v.contractPath()
	c.Buyer, err = Ask[marketquery.Buyer](v, marketquery.BuyerByID{Actor: v.Who(), ID: c.Contract.BuyerID})
	return c, err
}

func newContract(v *Visit) {
	c, err := newContractForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	v.Form.Fill("buyer_id", v.Query("buyer"), "priority", "1", "weight", "1", "filter_mode", filterNone, "filter_join", joinAnd, "delivery_mode", "none", "delivery_format", "json")
	v.Show("contract_form", c)
}

func createContract(v *Visit) {
	c, err := newContractForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	t := c.terms()
	done, err := Do[application.Done](v, marketcommand.CreateContract{
		Actor: v.Who(), CampaignID: c.Campaign.ID, BuyerID: v.Form.Text("buyer_id"), Status: v.Form.Text("status"), Terms: t.ContractTerms,
		Once: madeOnce(v, func(k marketquery.Contract) string { return k.ID }),
	})
	if err != nil {
		v.ShowAgain("contract_form", c, t.fields(err))
		return
	}
	v.Done(v.campaignPath()+"/contracts/"+string(done.Response.Body), "The contract is there. Leads that wait are offered to it now.")
}

func editContract(v *Visit) {
	c, err := contractForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	c.fill()
	v.Show("contract_form", c)
}

func updateContract(v *Visit) {
	c, err := contractForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	t := c.terms()
	_, err = Do[application.Done](v, marketcommand.UpdateContract{Actor: v.Who(), CampaignID: c.Campaign.ID, ID: c.Contract.ID, Terms: t.ContractTerms, Seen: v.seen(), Once: Once[marketquery.Contract](v)})
	if err != nil {
		v.stale(err, seenAt(c.Contract.UpdatedAt))
		v.ShowAgain("contract_form", c, t.fields(err))
		return
	}
	v.Done(v.contractPath(), "The contract is changed. Leads that wait are offered again.")
}

// checkFilter shows the filter that a form says, and what is wrong with it.
func checkFilter(v *Visit) {
	c, err := filterForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	c.Checked, c.Expression = true, v.readFilter(c.Rules)
	err = v.Form.Err()
	if err == nil {
		_, err = Ask[[]field.Rule](v, marketquery.CheckFilter{Actor: v.Who(), CampaignID: c.Campaign.ID, Expression: c.Expression})
	}
	e := fault.As(err)
	if err != nil && (e == nil || e.Kind != fault.Invalid) {
		v.Fail(err)
		return
	}
	v.Form.err = e // a filter with a mistake is an answer to this question
	v.Show("filter_check", c)
}

// HasHours reports whether the form has a schedule.
func (c contractFormContent) HasHours() bool {
	s, _ := c.readSchedule()
	return len(s.Hours) > 0
}
