package consolehttp

import (
	"slices"
	"strings"
	"time"

	accountquery "github.com/leadmill/leadmill/application/account/query"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/contact"
)

// Found is something that a search leads to.
type Found struct {
	Kind, Name, Link, Status string
	Detail                   string
	At                       time.Time
}

type searchContent struct {
	*Visit

	Asked string
	Found []Found
	// Searched says that leads were looked at one by one, back to a time; After is where the next look begins.
	Searched bool
	Back     time.Time
	After    string
}

const searchPath = "/console/search"

// searchPage says what can be searched for.
func searchPage(v *Visit) { v.Show("search", searchContent{Visit: v}) }

// search finds the page of a thing. What is searched for may be a phone or an email, so it is posted and stands in no address. Of one thing
// that has the very id that was typed the page is opened at once.
func search(v *Visit) {
	content := searchContent{Visit: v, Asked: v.Form.Text("q")}
	if len(content.Asked) > 200 || content.Asked == "" {
		v.Show("search", content)
		return
	}
	for _, look := range []func(*searchContent) error{searchIDs, searchNames, searchPeople, searchLeads} {
		if err := look(&content); err != nil {
			v.Fail(err)
			return
		}
		if len(content.Found) == 1 && content.Found[0].Status == exact {
			v.call.SeeOther(content.Found[0].Link)
			return
		}
	}
	v.Show("search", content)
}

// exact marks what has the very id that was asked for.
const exact = "exact"

// searchIDs finds what has the text as its id or key.
func searchIDs(c *searchContent) error {
	v, id := c.Visit, c.Asked
	if !isName(id) {
		return nil
	}
	switch {
	case strings.HasPrefix(id, "lead_"):
		_, err := Ask[marketquery.MarketplaceLead](v, marketquery.MarketplaceLeadByID{Actor: v.Who(), ID: id})
		return c.add(err, Found{Kind: "Lead", Name: id, Link: "/console/leads/" + id, Status: exact})
	case strings.HasPrefix(id, "buyer_"):
		b, err := Ask[marketquery.Buyer](v, marketquery.BuyerByID{Actor: v.Who(), ID: id})
		return c.add(err, Found{Kind: "Buyer", Name: b.Name, Link: "/console/buyers/" + id, Status: exact})
	case strings.HasPrefix(id, "campaign_"):
		n, err := Ask[marketquery.Campaign](v, marketquery.CampaignByID{Actor: v.Who(), ID: id})
		return c.add(err, Found{Kind: "Campaign", Name: n.Name, Link: "/console/campaigns/" + id, Status: exact})
	}
	p, err := Ask[programquery.PartnerDetail](v, programquery.PartnerByHandle{Actor: v.Who(), Handle: application.PartnerHandle{ID: id}})
	if err := c.add(err, Found{Kind: "Partner", Name: contact.FullName(p.Name, p.Surname), Detail: p.Email, Link: "/console/partners/" + p.ID}); err != nil {
		return err
	}
	p, err = Ask[programquery.PartnerDetail](v, programquery.PartnerByHandle{Actor: v.Who(), Handle: application.PartnerHandle{Key: id}})
	if err := c.add(err, Found{Kind: "Partner", Name: contact.FullName(p.Name, p.Surname), Detail: p.Email, Link: "/console/partners/" + p.ID}); err != nil {
		return err
	}
	n, err := Ask[programquery.Customer](v, programquery.CustomerByHandle{Actor: v.Who(), Handle: application.CustomerHandle{Key: id}})
	return c.add(err, Found{Kind: "Customer", Name: n.Key, Detail: contact.FullName(n.Name, n.Surname), Link: "/console/customers/" + n.ID})
}

// add takes what was found, unless an error says that there is nothing.
func (c *searchContent) add(err error, f Found) error {
	found, err := isFound(err)
	if found && !slices.ContainsFunc(c.Found, func(other Found) bool { return other.Link == f.Link }) {
		c.Found = append(c.Found, f)
	}
	return err
}

// isName reports whether a text could be an id or a key of ours.
func isName(s string) bool {
	return len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-.~", r)
	})
}

// mostNamed is how many things of one kind a search by name shows.
const mostNamed = 10

// searchNames finds buyers, campaigns and keys whose name has the text in it, among the newest of the seller.
func searchNames(c *searchContent) error {
	v, text := c.Visit, strings.ToLower(c.Asked)
	has := func(name string) bool { return strings.Contains(strings.ToLower(name), text) }
	_, buyers, err := v.buyerNames()
	if err != nil {
		return err
	}
	for _, b := range buyers {
		if has(b.Name) || has(b.Email) {
			c.named(Found{Kind: "Buyer", Name: b.Name, Link: "/console/buyers/" + b.ID, At: b.CreatedAt})
		}
	}
	campaigns, err := v.campaigns()
	if err != nil {
		return err
	}
	for _, n := range campaigns {
		if has(n.Name) || has(n.Category) {
			c.named(Found{Kind: "Campaign", Name: n.Name, Detail: n.Category, Link: "/console/campaigns/" + n.ID, At: n.CreatedAt})
		}
	}
	keys, err := Ask[application.List[accountquery.APIKey]](v, accountquery.APIKeys{Actor: v.Who(), Page: application.Page{Limit: named, Number: 1}})
	if err != nil {
		return err
	}
	for _, k := range keys.Items {
		if has(k.Name) || k.ID == c.Asked {
			c.named(Found{Kind: "API key", Name: k.Name, Detail: k.Scope + " · " + k.ID, Link: keysPath + "/" + k.ID, At: k.CreatedAt})
		}
	}
	return nil
}

func (c *searchContent) named(f Found) {
	n := 0
	for _, other := range c.Found {
		if other.Kind == f.Kind {
			n++
		}
	}
	if n < mostNamed {
		c.Found = append(c.Found, f)
	}
}

// searchPeople finds the partner and the customer with an email.
func searchPeople(c *searchContent) error {
	v := c.Visit
	if _, err := contact.ParseEmail(c.Asked); err != nil {
		return nil //nolint:nilerr // what is no email is nobody's
	}
	p, err := Ask[programquery.PartnerDetail](v, programquery.PartnerByHandle{Actor: v.Who(), Handle: application.PartnerHandle{Email: c.Asked}})
	if err := c.add(err, Found{Kind: "Partner", Name: contact.FullName(p.Name, p.Surname), Detail: p.Email, Link: "/console/partners/" + p.ID, At: p.CreatedAt}); err != nil {
		return err
	}
	n, err := Ask[programquery.Customer](v, programquery.CustomerByHandle{Actor: v.Who(), Handle: application.CustomerHandle{Email: c.Asked}})
	return c.add(err, Found{Kind: "Customer", Name: n.Key, Detail: n.Email, Link: "/console/customers/" + n.ID, At: n.CreatedAt})
}

// searchLeads looks for leads of a phone or an email, among so many as one question looks at; pressing again looks further back.
func searchLeads(c *searchContent) error {
	v := c.Visit
	q := marketquery.MarketplaceLeads{Actor: v.Who(), Page: application.Page{Limit: mostNamed, Number: 1}}
	if email, err := contact.ParseEmail(c.Asked); err == nil {
		q.Email = email
	} else if phone, err := contact.ParsePhone(c.Asked); err == nil && strings.ContainsFunc(c.Asked, func(r rune) bool { return r >= '0' && r <= '9' }) {
		q.Phone = phone
	} else {
		return nil
	}
	if after := v.Form.Text("after"); after != "" {
		key, err := application.DecodeCursor(after)
		if err != nil {
			return err
		}
		q.Page.After = key
	}
	leads, err := Ask[application.List[marketquery.MarketplaceLead]](v, q)
	if err != nil {
		return err
	}
	for _, l := range leads.Items {
		c.Found = append(c.Found, Found{Kind: "Lead", Name: v.Short(l.ID), Link: "/console/leads/" + l.ID, Status: l.Status, Detail: l.Category, At: l.CreatedAt})
	}
	if leads.Next != "" {
		c.Searched, c.After = true, application.EncodeCursor(leads.Next)
		if last, err := Ask[marketquery.MarketplaceLead](v, marketquery.MarketplaceLeadByID{Actor: v.Who(), ID: leads.Next}); err == nil {
			c.Back = last.CreatedAt
		}
	}
	return nil
}
