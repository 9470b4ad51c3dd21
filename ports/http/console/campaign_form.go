package consolehttp

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

type campaignFormContent struct {
	*Visit

	Campaign      marketquery.Campaign
	New           bool
	Action, Leave string
}

// OwnField are the fields of a form for a field of the campaign.
type OwnField struct{ Name, Type, Options, Required, Dimension Field }

func ownField(n int, of string) string { return "field_" + strconv.Itoa(n) + "_" + of }

// mostOwnFields is how many fields a campaign can have.
const mostOwnFields = 100

// Fields are the campaign's own fields, some of them free.
func (c campaignFormContent) Fields() []OwnField {
	n := spareRows
	for i := range mostOwnFields {
		if c.Form.Value(ownField(i, "name")) != "" {
			n = min(i+1+spareRows, mostOwnFields)
		}
	}
	var types []Option
	for _, t := range field.Types() {
		types = append(types, Option{Value: string(t), Label: newStatus(string(t)).Word})
	}
	all := make([]OwnField, n)
	for i := range all {
		number := " " + strconv.Itoa(i+1)
		all[i] = OwnField{
			Name: c.Field(ownField(i, "name"), "Field"+number, "mono", "1"), Type: c.Choice(ownField(i, "type"), "Type"+number, types),
			Options:  c.Field(ownField(i, "options"), "Values"+number, "rows", "2", "help", "Of an enum, a line each."),
			Required: c.Field(ownField(i, "required"), "Required "+number), Dimension: c.Field(ownField(i, "dimension"), "Told in events "+number),
		}
	}
	return all
}

// Strategies are the ways to order contracts; one that a team registered is kept.
func (c campaignFormContent) Strategies() []Option {
	all := []Option{{Value: "priority", Label: "By priority"}, {Value: "highest_price", Label: "The highest price first"}, {Value: "round_robin", Label: "In turn"}, {Value: "weighted", Label: "By weight"}}
	if s := c.Form.Value("strategy"); s != "" && !slices.ContainsFunc(all, func(o Option) bool { return o.Value == s }) {
		all = append(all, Option{Value: s, Label: s})
	}
	return all
}

// ConsentNames are the consent fields that a campaign can ask for.
func (campaignFormContent) ConsentNames() []string { return field.ConsentNames() }

func newCampaign(v *Visit) {
	v.Form.Fill("pending_ttl_hours", "72", "max_sales", "2", "return_window_days", "7", "price_shown", "payout", "strategy", "priority", "mode", "exclusive", "auction_timeout_ms", "1000")
	v.Show("campaign_form", campaignFormContent{Visit: v, New: true, Action: "/console/campaigns/new", Leave: "/console/campaigns"})
}

func createCampaign(v *Visit) {
	d := campaignDefinition(v)
	done, err := Do[application.Done](v, marketcommand.CreateCampaign{
		Actor: v.Who(), Status: v.Form.Text("status"), Definition: d.CampaignDefinition, Once: madeOnce(v, func(c marketquery.Campaign) string { return c.ID }),
	})
	if err != nil {
		v.ShowAgain("campaign_form", campaignFormContent{Visit: v, New: true, Action: "/console/campaigns/new", Leave: "/console/campaigns"}, d.named(err))
		return
	}
	v.Done("/console/campaigns/"+string(done.Response.Body), "The campaign is there. Give it a contract, so that somebody buys its leads.")
}

func campaignForm(v *Visit) (campaignFormContent, error) {
	c, err := Ask[marketquery.Campaign](v, marketquery.CampaignByID{Actor: v.Who(), ID: v.Param("id")})
	return campaignFormContent{Visit: v, Campaign: c, Action: v.campaignPath() + "/edit", Leave: v.campaignPath()}, err
}

func editCampaign(v *Visit) {
	c, err := campaignForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	c.fill()
	v.Show("campaign_form", c)
}

func updateCampaign(v *Visit) {
	c, err := campaignForm(v)
	if err != nil {
		v.Fail(err)
		return
	}
	d := campaignDefinition(v)
	_, err = Do[application.Done](v, marketcommand.UpdateCampaign{Actor: v.Who(), ID: c.Campaign.ID, Definition: d.CampaignDefinition, Seen: v.seen(), Once: Once[marketquery.Campaign](v)})
	if err != nil {
		v.stale(err, seenAt(c.Campaign.UpdatedAt))
		v.ShowAgain("campaign_form", c, d.named(err))
		return
	}
	v.Done(v.campaignPath(), "The campaign is changed.")
}

// fill fills the form with the campaign.
func (c campaignFormContent) fill() {
	n, f := c.Campaign, c.Form
	f.Fill(seenField, seenAt(n.UpdatedAt), "name", n.Name, "category", n.Category, "mode", n.Mode, "max_sales", strconv.Itoa(n.MaxSales), "strategy", n.Strategy,
		"pending_ttl_hours", strconv.Itoa(n.PendingTTLHours), "price_shown", n.PriceShown, "return_window_days", strconv.Itoa(n.Returns.WindowDays),
		"reserve_price", n.ReservePrice.Format(c.Currency()), "auction_timeout_ms", strconv.FormatInt(n.AuctionTimeout.Milliseconds(), 10), "redirect_url", n.RedirectURL, "payout_type", n.PayoutType)
	switch n.PayoutType {
	case marketquery.PayoutPercent:
		f.Fill("payout_value", n.PayoutPercent.String())
	case marketquery.PayoutFixed:
		f.Fill("payout_value", n.PayoutFixed.Format(c.Currency()))
	}
	tick := func(name string, on bool) {
		if on {
			f.Fill(name, "1")
		}
	}
	tick("resell_returned", n.Returns.Resell)
	tick("quarantine_all", n.QuarantineAll)
	f.Fill("quarantine_suppliers", strings.Join(n.QuarantineSuppliers, ", "))
	for _, name := range n.Consent {
		tick("consent_"+name, true)
	}
	for _, name := range n.DedupeFields {
		tick("dedupe_"+name, true)
	}
	if len(n.DedupeFields) > 0 {
		f.Fill("dedupe_match", n.DedupeMatch, "dedupe_days", strconv.Itoa(n.DedupeWindowDays))
	}
	for i, r := range n.Fields {
		f.Fill(ownField(i, "name"), r.Name, ownField(i, "type"), string(r.Type), ownField(i, "options"), strings.Join(r.Options, "\n"))
		tick(ownField(i, "required"), r.Required)
		tick(ownField(i, "dimension"), r.Dimension)
	}
	var names []string
	for _, source := range slices.Sorted(maps.Keys(n.FieldMap)) {
		names = append(names, source+" = "+n.FieldMap[source])
	}
	f.Fill("field_map", strings.Join(names, "\n"))
	c.fillCaps(n.Caps)
}

// definition is what a form says about a campaign, and where in it.
type definition struct {
	marketcommand.CampaignDefinition

	rows []int // the rows of its fields
}

// campaignDefinition reads the form.
func campaignDefinition(v *Visit) definition {
	f := v.Form
	text := func(name string) *string {
		s := f.Text(name)
		return &s
	}
	whole := func(name string) *int {
		n := v.number(name, mostRank)
		if n == nil {
			return nil
		}
		i := int(*n)
		return &i
	}
	var d definition
	d.Name, d.Category, d.Mode, d.Strategy, d.RedirectURL = text("name"), text("category"), text("mode"), text("strategy"), text("redirect_url")
	if d.MaxSales = whole("max_sales"); *d.Mode != "shared" {
		one := 1
		d.MaxSales = &one
	}
	d.PendingTTL, d.ReturnWindowDays = whole("pending_ttl_hours"), whole("return_window_days")
	d.PriceShown = marketcommand.PriceShownAs(f.Text("price_shown"))
	resell := f.Ticked("resell_returned")
	d.ResellReturned = &resell
	if price, given := f.Money("reserve_price", v.Currency()); given {
		d.ReservePrice = &price
	} else {
		d.ReservePrice = new(money.Micros)
	}
	d.AuctionTimeoutMS = v.number("auction_timeout_ms", mostMS)
	d.Dedupe, d.Payout, d.Caps = v.readDedupe(), v.readPayout(), v.readCaps()
	d.Quarantine = &marketcommand.Quarantine{All: f.Ticked("quarantine_all"), Suppliers: listed(f.Text("quarantine_suppliers"))}
	consent := []string{}
	for _, name := range field.ConsentNames() {
		if f.Ticked("consent_" + name) {
			consent = append(consent, name)
		}
	}
	d.Consent = &consent
	names := map[string]string{}
	for line := range strings.Lines(f.Text("field_map")) {
		source, to, ok := strings.Cut(line, "=")
		switch {
		case strings.TrimSpace(line) == "":
		case !ok:
			f.Wrong("field_map", "must be lines such as first_name = firstName")
		default:
			names[strings.TrimSpace(source)] = strings.TrimSpace(to)
		}
	}
	d.FieldMap = &names
	rules := []field.Rule{}
	for i := range mostOwnFields {
		if f.Text(ownField(i, "name")) == "" {
			continue
		}
		d.rows = append(d.rows, i)
		rules = append(rules, field.Rule{
			Name: f.Text(ownField(i, "name")), Type: field.Type(f.Text(ownField(i, "type"))), Options: lines(f.Text(ownField(i, "options"))),
			Required: f.Ticked(ownField(i, "required")), Dimension: f.Ticked(ownField(i, "dimension")),
		})
	}
	d.Fields = &rules
	return d
}

// lines are the lines of a text that say something.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// listed are the texts between commas.
func listed(text string) (all []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// readPayout reads what suppliers earn.
func (v *Visit) readPayout() *marketcommand.PayoutRule {
	rule := &marketcommand.PayoutRule{}
	value := v.Form.Text("payout_value")
	switch v.Form.Text("payout_type") {
	case marketquery.PayoutPercent:
		rule.Type = marketcommand.PayoutPercent
		var err error
		rule.Percent, err = money.ParsePercent(strings.TrimSuffix(value, "%"))
		v.Form.Check("payout_value", err)
	case marketquery.PayoutFixed:
		rule.Type = marketcommand.PayoutFixed
		var given bool
		if rule.Fixed, given = v.Form.Money("payout_value", v.Currency()); !given {
			v.Form.Wrong("payout_value", "is required")
		}
	}
	return rule
}

// campaignFields are the fields of the form that are called otherwise than the members of the command.
var campaignFields = map[string]string{
	"distribution.mode": "mode", "distribution.max_sales": "max_sales", "distribution.strategy": "strategy", "dedupe.window_days": "dedupe_days", "dedupe.match": "dedupe_match", "dedupe.fields": "dedupe_phone",
	"supplier_payout.type": "payout_type", "supplier_payout.value": "payout_value", "quarantine.suppliers": "quarantine_suppliers",
}

// named names the fields of the form in an error.
func (d definition) named(err error) error {
	return renamed(err, func(member string) string {
		if field, ok := cappedField(d.Caps, member); ok {
			return field
		}
		if field := campaignFields[member]; field != "" {
			return field
		}
		switch {
		case strings.HasPrefix(member, "quarantine."):
			return "quarantine_suppliers"
		case strings.HasPrefix(member, "field_map"):
			return "field_map"
		}
		rest, is := strings.CutPrefix(member, "fields.")
		number, of, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); is && err == nil && n < len(d.rows) {
			of, _, _ = strings.Cut(of, ".")
			return ownField(d.rows[n], of)
		}
		return member
	})
}
