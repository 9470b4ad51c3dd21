package command_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// trail counts transactions, which write the audit trail, and fails them with an error.
type trail struct {
	done int
	err  error
}

func (w *trail) Do(context.Context, func(context.Context, market.Tx) error) error {
	w.done++
	return w.err
}

// bought are so many leads, a page at a time; the fields of the last are of its own.
func bought(t *testing.T, leads int) func(context.Context, marketquery.BoughtLeads) (application.List[marketquery.BoughtLead], error) {
	t.Helper()
	return func(_ context.Context, q marketquery.BoughtLeads) (application.List[marketquery.BoughtLead], error) {
		require.Equal(t, "buyer_1", q.BuyerID)
		at := 0
		if q.Page.After != "" {
			_, err := fmt.Sscanf(q.Page.After, "entry_%d", &at)
			require.NoError(t, err)
		}
		var list application.List[marketquery.BoughtLead]
		for ; at < leads && len(list.Items) < q.Page.Limit; at++ {
			fields := field.Set{"email": field.TextValue("a@example.com")}
			if at == leads-1 {
				fields = field.Set{"fax": field.TextValue("1")}
			}
			list.Items = append(list.Items, marketquery.BoughtLead{SaleID: fmt.Sprint("sale_", at), Fields: fields})
		}
		if at < leads {
			list.Next = fmt.Sprint("entry_", at)
		}
		return list, nil
	}
}

// TestLeadsAreTakenPageByPage: each is told once, behind the entry of the audit trail, without which nothing is.
func TestLeadsAreTakenPageByPage(t *testing.T) {
	t.Parallel()
	const leads = 601
	work := &trail{}
	h := marketcommand.ExportBoughtLeadsHandler{Deps: market.Deps{Work: work}, Leads: bought(t, leads)}
	var names, got []string
	c := marketcommand.ExportBoughtLeads{
		BoughtLeads: marketquery.BoughtLeads{BuyerID: "buyer_1", Page: application.Page{After: "entry_5"}},
		Begin: func(fields []string) error {
			require.Positive(t, work.done)
			names = fields
			return nil
		},
		Tell: func(l marketquery.BoughtLead) error {
			got = append(got, l.SaleID)
			return nil
		},
	}
	told, err := h.Handle(t.Context(), c)
	require.NoError(t, err)
	require.EqualValues(t, leads, told)
	require.Equal(t, []string{"email"}, names, "of the first page")
	require.Len(t, got, leads)
	require.Equal(t, []string{"sale_0", "sale_600"}, []string{got[0], got[600]})
	require.Equal(t, 1, work.done)

	full := errors.New("full")
	c.Tell = func(l marketquery.BoughtLead) error {
		if l.SaleID == "sale_300" {
			return full
		}
		return nil
	}
	told, err = h.Handle(t.Context(), c)
	require.ErrorIs(t, err, full)
	require.EqualValues(t, 300, told)

	work.err = application.ErrUnavailable
	c.Begin = func([]string) error { return errors.New("begun") }
	_, err = h.Handle(t.Context(), c)
	require.ErrorIs(t, err, application.ErrUnavailable)
}

// TestALeadIsRevealedUnderItsOwnName: the entry of the audit trail names the lead of the sale, and without it nothing is shown.
func TestALeadIsRevealedUnderItsOwnName(t *testing.T) {
	t.Parallel()
	work := &trail{}
	h := marketcommand.RevealBoughtLeadHandler{Deps: market.Deps{Work: work}, Lead: func(_ context.Context, q marketquery.BoughtLeadBySale) (marketquery.BoughtLead, error) {
		require.Equal(t, "buyer_1", q.BuyerID)
		if q.SaleID != "sale_1" {
			return marketquery.BoughtLead{}, lead.ErrSaleNotFound
		}
		return marketquery.BoughtLead{SaleID: "sale_1", LeadID: "lead_1"}, nil
	}}
	c := marketcommand.RevealBoughtLead{BuyerID: "buyer_1", SaleID: "sale_1", LeadID: "lead_1"}
	found, err := h.Handle(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, "lead_1", found.LeadID)
	require.Equal(t, "lead_1", c.AuditObject())
	require.Equal(t, 1, work.done)
	for _, other := range []marketcommand.RevealBoughtLead{{BuyerID: "buyer_1", SaleID: "sale_1", LeadID: "lead_2"}, {BuyerID: "buyer_1", SaleID: "sale_2", LeadID: "lead_1"}} {
		_, err = h.Handle(t.Context(), other)
		require.ErrorIs(t, err, lead.ErrSaleNotFound)
	}
	require.Equal(t, 1, work.done)
	work.err = application.ErrUnavailable
	found, err = h.Handle(t.Context(), c)
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.Empty(t, found)
}
