package query

import (
	"context"

	"github.com/leadmill/leadmill/application"
)

// ExportLeads asks for all leads of a list, told one after another as they are read, in pages: nothing is held over a page, no transaction
// lasts, and what comes meanwhile may be told or not, but nothing twice. An error of Tell ends the question.
type ExportLeads struct {
	MarketplaceLeads

	Tell func(MarketplaceLead) error
	// More is called before a further page is read, which may take long where few leads match. Its error ends the question too. It may be nil.
	More func() error
}

// exportPage is how many leads are read at once.
const exportPage = 1_000

// ExportLeadsHandler handles ExportLeads.
type ExportLeadsHandler struct {
	// Leads answers a page of a list.
	Leads func(context.Context, MarketplaceLeads) (application.List[MarketplaceLead], error)
}

// Handle answers the question with how many leads were told. Errors: those of Leads, Tell and More.
func (h ExportLeadsHandler) Handle(ctx context.Context, q ExportLeads) (told int64, err error) {
	list := q.MarketplaceLeads
	list.Page = application.Page{Limit: exportPage, Number: 1, After: q.Page.After, Ascending: q.Page.Ascending}
	for {
		page, err := h.Leads(ctx, list)
		if err != nil {
			return told, err
		}
		for _, l := range page.Items {
			if err := q.Tell(l); err != nil {
				return told, err
			}
			told++
		}
		if page.Next == "" {
			return told, nil
		}
		if q.More != nil {
			if err := q.More(); err != nil {
				return told, err
			}
		}
		list.Page.After = page.Next
	}
}
