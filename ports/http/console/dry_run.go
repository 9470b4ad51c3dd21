package consolehttp

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/field"
)

// DryLine is what one contract would do with a lead.
type DryLine struct {
	ContractID, BuyerID, Buyer, Text, Tone string
	Price                                  string
}

type dryRunContent struct {
	*Visit

	Campaign marketquery.Campaign
	Rules    []field.Rule
	Done     bool
	Result   marketcommand.PreviewLeadResult
	Lines    []DryLine
	Buyers   []string
}

// mostPasted bounds how much of a lead is pasted, in bytes.
const mostPasted = 64 << 10

func dryRunOf(v *Visit) (dryRunContent, error) {
	c, err := Ask[marketquery.Campaign](v, marketquery.CampaignByID{Actor: v.Who(), ID: v.Param("id")})
	return dryRunContent{Visit: v, Campaign: c, Rules: rulesOf(c)}, err
}

// rulesOf are all fields of a campaign's leads, the standard ones first.
func rulesOf(c marketquery.Campaign) []field.Rule {
	return field.RestoreRules(c.Fields).WithConsent(c.Consent).All()
}

// samples are values that a lead may have, for a dry run to begin with.
var samples = map[field.Type]string{
	field.TypeEmail: "jane@example.com", field.TypePhone: "214-555-0123", field.TypeUSState: "TX", field.TypeZip: "75001", field.TypeNumber: "100", field.TypeInteger: "1",
	field.TypeBoolean: "true", field.TypeDate: "1980-05-02", field.TypeURL: "https://example.com/", field.TypeString: "Jane", field.TypeText: "Text",
}

// askDryRun asks for a lead to try.
func askDryRun(v *Visit) {
	c, err := dryRunOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	var lines []string
	for _, r := range c.Rules {
		value := samples[r.Type]
		if len(r.Options) > 0 {
			value = r.Options[0]
		}
		if r.Required {
			lines = append(lines, r.Name+": "+value)
		}
	}
	v.Form.Fill("lead", strings.Join(lines, "\n"))
	v.Show("dry_run", c)
}

// dryRun says what would become of a lead. Nothing is kept of it.
func dryRun(v *Visit) {
	c, err := dryRunOf(v)
	if err != nil {
		v.Fail(err)
		return
	}
	q := marketcommand.PreviewLead{Actor: v.Who(), CampaignID: c.Campaign.ID, PartnerID: v.Form.Text("partner_id")}
	var wrong string
	if q.Fields, wrong = pastedLead(v.Form.Text("lead")); wrong != "" {
		v.Form.Wrong("lead", wrong)
	}
	q.Test = q.Fields["test"].True()
	for _, name := range []string{"seller", "category", "test", "external_id", "ping_id"} {
		delete(q.Fields, name)
	}
	if c.Result, err = Do[marketcommand.PreviewLeadResult](v, q); err != nil {
		v.ShowAgain("dry_run", c, err)
		return
	}
	c.Done = true
	names, _, err := v.buyerNames()
	if err != nil {
		v.Fail(err)
		return
	}
	for _, id := range c.Result.BuyerIDs {
		c.Buyers = append(c.Buyers, names(id))
	}
	as := leadContent{Visit: v, Lead: marketquery.MarketplaceLead{CampaignID: c.Campaign.ID}, BuyerName: names}
	for _, k := range c.Result.Trace.Considered {
		seen := as.verdict(k.ContractID, k.BuyerID, k.Reason, k.Of)
		if k.Reason == "sold" {
			seen.Text = "would buy it"
		}
		c.Lines = append(c.Lines, DryLine{ContractID: k.ContractID, BuyerID: k.BuyerID, Buyer: seen.Buyer, Text: seen.Text, Tone: seen.Tone, Price: v.Money(k.Price)})
	}
	v.Show("dry_run", c)
}

// Outcome says what would become of the lead.
func (c dryRunContent) Outcome() string {
	switch c.Result.Outcome {
	case "sold":
		return "It would be sold to " + strings.Join(c.Buyers, ", ") + "."
	case "pending":
		if len(c.Buyers) > 0 {
			return "It would wait for the answer of " + strings.Join(c.Buyers, ", ") + "."
		}
		return "It would wait: no contract takes it now."
	case "duplicate":
		return "It would be a duplicate of an earlier lead."
	case "quarantined":
		return "It would wait until you looked at it. " + c.Result.Reason
	}
	return "It would be " + c.Result.Outcome + ". " + c.Result.Reason
}

// More says why contracts did not take it that are not listed.
func (c dryRunContent) More() []string {
	var all []string
	for reason, n := range c.Result.Trace.More {
		all = append(all, c.Count(n)+" more: "+sentence(reason, ""))
	}
	slices.Sort(all)
	return all
}

// pastedLead reads a lead: a JSON object, or lines with a name and a value.
func pastedLead(text string) (fields field.Set, wrong string) {
	fields = field.Set{}
	switch {
	case text == "":
		return fields, "is required"
	case len(text) > mostPasted:
		return fields, "is too long"
	case !strings.HasPrefix(text, "{"):
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			name, value, ok := strings.Cut(line, ":")
			if tab, rest, tabbed := strings.Cut(line, "\t"); tabbed && (!ok || len(tab) < len(name)) {
				name, value, ok = tab, rest, true
			}
			if !ok {
				return fields, "must be a JSON object, or lines such as state: TX"
			}
			fields[strings.TrimSpace(name)] = field.TextValue(strings.TrimSpace(value))
		}
		return fields, ""
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil {
		return fields, "is no JSON that can be read"
	}
	for name, raw := range members {
		fields[name] = jsonValue(raw)
	}
	return fields, ""
}

// jsonValue is a value of a JSON object as a field has it.
func jsonValue(raw json.RawMessage) field.Value {
	text := string(bytes.TrimSpace(raw))
	switch {
	case text == "null":
		return field.Value{}
	case text == "true", text == "false":
		return field.Value{Kind: field.Bool, Text: text}
	case strings.HasPrefix(text, `"`):
		var s string
		_ = json.Unmarshal(raw, &s) // it was read as part of the object
		return field.TextValue(s)
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		var compact bytes.Buffer
		_ = json.Compact(&compact, raw)
		return field.Value{Kind: field.Other, Text: compact.String()}
	}
	return field.Value{Kind: field.Number, Text: text}
}
