package command

import (
	"context"
	"maps"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketquery "github.com/leadmill/leadmill/application/market/query"
)

// ExportBoughtLeads asks for all leads of a list with what they hold of people, told one after another as they are read, in pages: nothing is held
// over a page. It changes nothing, but is a command, so that the audit trail has who took them. Begin is told first which fields the leads of the
// first page have. An error of either function ends it.
type ExportBoughtLeads struct {
	marketquery.BoughtLeads

	Begin func(fields []string) error
	Tell  func(marketquery.BoughtLead) error
}

// AuditObject implements application.Audited.
func (c ExportBoughtLeads) AuditObject() string { return c.BuyerID }

// ExportBoughtLeadsHandler handles ExportBoughtLeads.
type ExportBoughtLeadsHandler struct {
	market.Deps
	// Leads answers a page of a list, with the fields of its leads.
	Leads func(context.Context, marketquery.BoughtLeads) (application.List[marketquery.BoughtLead], error)
}

// exportedAtOnce is how many leads are read at once.
const exportedAtOnce = 250

// Handle implements bus.Handler: it returns how many leads were told. The transaction has nothing to store but the entry of the audit trail, which is
// there before anything is told. Errors: buyer.ErrNotFound, those of Begin and Tell.
func (h ExportBoughtLeadsHandler) Handle(ctx context.Context, c ExportBoughtLeads) (told int64, err error) {
	list := c.BoughtLeads
	list.Page = application.Page{Limit: exportedAtOnce, Number: 1}
	page, err := h.Leads(ctx, list)
	if err != nil {
		return 0, err
	}
	if err := h.Work.Do(ctx, func(context.Context, market.Tx) error { return nil }); err != nil {
		return 0, err
	}
	names := map[string]bool{}
	for _, l := range page.Items {
		for name := range l.Fields {
			names[name] = true
		}
	}
	if err := c.Begin(slices.Sorted(maps.Keys(names))); err != nil {
		return 0, err
	}
	for {
		for _, l := range page.Items {
			if err := c.Tell(l); err != nil {
				return told, err
			}
			told++
		}
		if page.Next == "" {
			return told, nil
		}
		list.Page.After = page.Next
		if page, err = h.Leads(ctx, list); err != nil {
			return told, err
		}
	}
}
