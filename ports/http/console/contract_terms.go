package consolehttp

import (
	"strconv"
	"strings"

	marketcommand "github.com/leadmill/leadmill/application/market/command"
)

// fill fills the form with the contract.
func (c contractFormContent) fill() {
	k, f, currency := c.Contract, c.Form, c.Currency()
	f.Fill(seenField, seenAt(k.UpdatedAt), "price", k.Price.Format(currency), "priority", strconv.FormatInt(k.Priority, 10), "weight", strconv.FormatInt(k.Weight, 10), "delivery_mode", "none", "delivery_format", "json")
	c.fillCaps(k.Caps)
	c.fillFilter(k.Filter, c.Rules)
	c.fillSchedule(k.Schedule)
	for _, name := range k.DedupeFields {
		f.Fill("dedupe_"+name, "1")
	}
	if len(k.DedupeFields) > 0 {
		f.Fill("dedupe_match", k.DedupeMatch, "dedupe_days", strconv.Itoa(k.DedupeWindowDays))
	}
	if d := k.Delivery; d != nil {
		f.Fill("delivery_mode", string(d.Mode()), "delivery_url", d.URL, "delivery_email", d.Email, "delivery_format", string(d.Format), "delivery_timeout_ms", strconv.FormatInt(d.Timeout.Milliseconds(), 10))
		f.Fill("accepted_path", d.Response.Accepted.Path, "accepted_equals", d.Response.Accepted.Equals, "rejected_path", d.Response.Rejected.Path, "rejected_equals", d.Response.Rejected.Equals, "answer_price", d.Response.Price)
		if d.PriceFromAnswer {
			f.Fill("price_from_answer", "1")
		}
	}
	if k.Bid != nil {
		f.Fill("bid_url", k.Bid.URL, "bid_timeout_ms", strconv.FormatInt(k.Bid.Timeout.Milliseconds(), 10))
	}
}

// contractTerms are what the form says, and where in it.
type contractTerms struct {
	marketcommand.ContractTerms

	hours []string
}

// The bounds of numbers in the form: the command has the last word.
const (
	mostRank = 1_000_000
	mostMS   = 60_000
)

// terms reads the form. What it does not show stays as it is.
func (c contractFormContent) terms() contractTerms {
	v, f := c.Visit, c.Form
	var t contractTerms
	if price, given := f.Money("price", v.Currency()); given {
		t.Price = &price
	} else {
		f.Wrong("price", "is required")
	}
	t.Priority, t.Weight = v.number("priority", mostRank), v.number("weight", mostRank)
	if c.New {
		zone := f.Text("time_zone")
		t.TimeZone = &zone
	} else if zone := f.Text("time_zone"); zone != "" {
		t.TimeZone = &zone
	}
	t.Caps = v.readCaps()
	filter := v.readFilter(c.Rules)
	t.Filter = &filter
	schedule, hours := v.readSchedule()
	t.Schedule, t.hours = &schedule, hours
	t.Dedupe = v.readDedupe()
	t.Delivery = c.delivery()
	if url := f.Text("bid_url"); url != "" {
		t.Bid = &marketcommand.BidTerms{URL: &url, TimeoutMS: v.number("bid_timeout_ms", mostMS)}
	} else if c.Contract.Bid != nil {
		t.Bid = &marketcommand.BidTerms{Forget: true}
	}
	return t
}

// number reads a number that may be left out.
func (v *Visit) number(name string, most int64) *int64 {
	if n, given := v.Form.Number(name, 0, most); given {
		return &n
	}
	return nil
}

// readDedupe reads a duplicate rule.
func (v *Visit) readDedupe() *marketcommand.DedupeRule {
	rule := &marketcommand.DedupeRule{}
	for _, name := range []string{"phone", "email"} {
		if v.Form.Ticked("dedupe_" + name) {
			rule.Fields = append(rule.Fields, name)
		}
	}
	if len(rule.Fields) == 0 {
		return rule
	}
	days, given := v.Form.Number("dedupe_days", 0, mostDays)
	if !given {
		v.Form.Wrong("dedupe_days", "is required")
	}
	rule.WindowDays = int(days)
	match := &rule.Match
	*match = "any"
	if v.Form.Text("dedupe_match") == "all" {
		*match = "all"
	}
	return rule
}

// delivery reads how the buyer is told.
func (c contractFormContent) delivery() *marketcommand.DeliveryTerms {
	f := c.Form
	mode := f.Text("delivery_mode")
	if mode == "none" || mode == "" {
		none := "none"
		return &marketcommand.DeliveryTerms{Mode: &none}
	}
	url, email, format, pays := f.Text("delivery_url"), f.Text("delivery_email"), f.Text("delivery_format"), f.Ticked("price_from_answer")
	t := &marketcommand.DeliveryTerms{Mode: &mode, URL: &url, Email: &email, TimeoutMS: c.number("delivery_timeout_ms", mostMS)}
	if format != "" {
		t.Format = &format
	}
	if url == "" && email == "" {
		f.Wrong("delivery_url", "or an email is required")
	}
	if mode != "confirm" {
		return t
	}
	var r marketcommand.DeliveryResponse
	if c.Contract.Delivery != nil {
		r = c.Contract.Delivery.Response
	}
	r.Accepted.Path, r.Accepted.Equals = f.Text("accepted_path"), f.Text("accepted_equals")
	r.Rejected.Path, r.Rejected.Equals = f.Text("rejected_path"), f.Text("rejected_equals")
	r.Price = f.Text("answer_price")
	t.Response, t.PriceFromAnswer = &r, &pays
	return t
}

// contractFields are the fields of the form that are called otherwise than the members of the command.
var contractFields = map[string]string{
	"dedupe.window_days": "dedupe_days", "dedupe.match": "dedupe_match", "dedupe.fields": "dedupe_phone", "delivery.response.accepted": "accepted_equals", "delivery.response.accepted.path": "accepted_path",
	"delivery.response.accepted.equals": "accepted_equals", "delivery.response.rejected": "rejected_equals", "delivery.response.rejected.path": "rejected_path", "delivery.response.rejected.equals": "rejected_equals",
	"delivery.response.price": "answer_price", "delivery.response.price.path": "answer_price", "delivery.price_from_answer": "price_from_answer", "delivery.response": "accepted_equals", "schedule.zone": "hours_zone",
}

// fields names the fields of the form in an error.
func (t contractTerms) fields(err error) error {
	return renamed(err, func(member string) string {
		if field, ok := cappedField(t.Caps, member); ok {
			return field
		}
		if field, ok := scheduledField(t.hours, member); ok {
			return field
		}
		if field := contractFields[member]; field != "" {
			return field
		}
		for _, part := range []string{"delivery", "bid"} {
			if of, is := strings.CutPrefix(member, part+"."); is {
				return part + "_" + of
			}
		}
		return member
	})
}
