package query

import (
	"context"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

// CheckFilter asks whether an expression is a filter over the fields of a campaign: campaign.ErrNotFound, or fault.ErrValidation with the field filter, whose
// message says where the mistake is.
type CheckFilter struct {
	application.Actor

	CampaignID, Expression string
}

// Needs implements application.Message.
func (CheckFilter) Needs() application.Scope { return application.Program }

// FilterReader reads what filters are checked by.
type FilterReader interface {
	// CampaignByID answers CampaignByID.
	CampaignByID(ctx context.Context, q CampaignByID) (Campaign, error)
}

// CheckFilterHandler handles CheckFilter.
type CheckFilterHandler struct {
	Reader  FilterReader
	Filters distribution.Filters
}

// Handle answers with the fields that a filter of the campaign can ask about, the standard ones first.
func (h CheckFilterHandler) Handle(ctx context.Context, q CheckFilter) ([]field.Rule, error) {
	c, err := h.Reader.CampaignByID(ctx, CampaignByID{Actor: q.Actor, ID: q.CampaignID})
	if err != nil {
		return nil, err
	}
	rules := field.RestoreRules(c.Fields).WithConsent(c.Consent)
	if q.Expression == "" {
		return rules.All(), nil
	}
	var v fault.Violations
	_, err = h.Filters.Over(rules).Compile(q.Expression)
	v.AddErr("filter", err)
	return rules.All(), v.Err()
}
