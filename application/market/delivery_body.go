package market

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// DeliveryContent is what a buyer is told of a sale. Asks: the buyer is asked to confirm it, and its answer counts.
type DeliveryContent struct {
	LeadID, SaleID, Category, Currency string
	Price                              money.Micros
	SoldAt                             time.Time
	Test, Asks                         bool
	Fields                             field.Set

	BidReference string // what the buyer called its bid; empty for none
}

// hidden stands where something personal or secret stood.
const hidden = "***"

// Masked returns the content without what the lead holds of a person.
func (c DeliveryContent) Masked() DeliveryContent {
	fields := make(field.Set, len(c.Fields))
	for name, v := range c.Fields {
		if v.Kind != field.Null {
			v = field.TextValue(hidden)
		}
		fields[name] = v
	}
	c.Fields = fields
	return c
}

// member is one member of what is sent.
type member struct {
	name  string
	value field.Value
	group []member // instead of a value
}

// Body returns the type and the body of the request that tells a buyer of a sale.
func (c DeliveryContent) Body(d *campaign.Delivery) (contentType string, body []byte) {
	members := c.members(d)
	switch d.Format {
	case campaign.DeliveryForm:
		return "application/x-www-form-urlencoded", formBody(members)
	case campaign.DeliveryXML:
		return "application/xml; charset=utf-8", xmlBody(members)
	case campaign.DeliveryJSON:
	}
	return "application/json", jsonBody(nil, members)
}

// inset has every line of a value but its first begin with spaces, however the line before ends, so that no value can pass for another member.
var inset = strings.NewReplacer("\r\n", "\n  ", "\r", "\n  ", "\n", "\n  ", "\v", "\n  ", "\f", "\n  ", "\u0085", "\n  ", "\u2028", "\n  ", "\u2029", "\n  ")

// Text returns what a mail tells a buyer of a sale, a line for each member.
func (c DeliveryContent) Text(d *campaign.Delivery) string {
	var b strings.Builder
	write := func(m member) {
		b.WriteString(inset.Replace(m.name) + ": " + inset.Replace(m.value.Text) + "\n")
	}
	for _, m := range c.members(d) {
		if m.group == nil {
			write(m)
		}
		for _, f := range m.group {
			write(f)
		}
	}
	return b.String()
}

// members returns what is sent, in a fixed order.
func (c DeliveryContent) members(d *campaign.Delivery) []member {
	var all []member
	if len(d.Fields) == 0 {
		group := make([]member, 0, len(c.Fields))
		for _, name := range c.Fields.Names() {
			group = append(group, member{name: name, value: c.Fields[name]})
		}
		for _, name := range campaign.DeliveryMembers() {
			m := member{name: name, value: c.own(name)}
			if name == "fields" {
				m = member{name: name, group: group}
			}
			all = append(all, m)
		}
		if _, taken := d.Static[bidReference]; c.BidReference != "" && !taken {
			all = append(all, member{name: bidReference, value: c.own(bidReference)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Fields)) {
		source := d.Fields[name]
		value := c.own(ownName[source])
		if of, ok := campaign.SourceField(source); ok {
			value = c.Fields[of]
		}
		all = append(all, member{name: name, value: value})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Static)) {
		all = append(all, member{name: name, value: field.TextValue(d.Static[name])})
	}
	return all
}

// ownName is the name under which the default body has what a source is.
var ownName = map[string]string{
	campaign.SourceLeadID: "lead_id", campaign.SourceSaleID: "sale_id", campaign.SourceCategory: "category", campaign.SourcePrice: "price",
	campaign.SourceCurrency: "currency", campaign.SourceSoldAt: "sold_at", campaign.SourceTest: "test",
	campaign.SourceBidReference: bidReference,
}

// bidReference is the member of a lead that was sold for a bid.
const bidReference = "bid_reference"

func (c DeliveryContent) own(name string) field.Value {
	switch name {
	case "lead_id":
		return field.TextValue(c.LeadID)
	case "sale_id":
		return field.TextValue(c.SaleID)
	case "category":
		return field.TextValue(c.Category)
	case "price":
		return field.Value{Kind: field.Number, Text: string(currencyOf(c.Currency)(c.Price))}
	case bidReference:
		if c.BidReference != "" {
			return field.TextValue(c.BidReference)
		}
	case "currency":
		return field.TextValue(c.Currency)
	case "sold_at":
		return field.TextValue(c.SoldAt.UTC().Format(time.RFC3339))
	case "test":
		if c.Test {
			return field.Value{Kind: field.Bool, Text: "true"}
		}
		return field.Value{Kind: field.Bool, Text: "false"}
	}
	return field.Value{}
}

func jsonBody(b []byte, members []member) []byte {
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, m.name), ':')
		switch {
		case m.group != nil:
			b = jsonBody(b, m.group)
		case m.value.Kind == field.Null:
			b = append(b, "null"...)
		case m.value.Kind != field.Text && json.Valid([]byte(m.value.Text)):
			b = append(b, m.value.Text...)
		default:
			b = appendText(b, m.value.Text)
		}
	}
	return append(b, '}')
}

func appendText(b []byte, s string) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // a string cannot fail
		return append(b, `""`...)
	}
	return append(b, bytes.TrimSpace(out.Bytes())...)
}

func formBody(members []member) []byte {
	var parts []string
	add := func(name, value string) { parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(value)) }
	for _, m := range members {
		if m.group == nil {
			add(m.name, m.value.Text)
		}
		for _, f := range m.group {
			add(m.name+"["+f.name+"]", f.value.Text)
		}
	}
	return []byte(strings.Join(parts, "&"))
}

// xmlBody writes elements of the members' names, which were checked; the fields of a lead, whose names nobody checked, have theirs in an attribute.
func xmlBody(members []member) []byte {
	var b bytes.Buffer
	escape := func(s string) {
		_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	}
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<lead>")
	for _, m := range members {
		b.WriteString("<" + m.name + ">")
		if m.group == nil {
			escape(m.value.Text)
		}
		for _, f := range m.group {
			b.WriteString(`<field name="`)
			escape(f.name)
			b.WriteString(`">`)
			escape(f.value.Text)
			b.WriteString("</field>")
		}
		b.WriteString("</" + m.name + ">")
	}
	b.WriteString("</lead>\n")
	return b.Bytes()
}
