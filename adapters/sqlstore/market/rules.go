package market

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
	"github.com/leadmill/leadmill/domain/returns"
)

// contractRulesColumn is the column contracts.rules, which is NULL when there are none. Members are only ever added. A member that is absent is
// at its default.
type contractRulesColumn struct {
	Weight   int64          `json:"weight,omitempty"`
	Dedupe   dedupeRule     `json:"dedupe,omitzero"`
	Filter   string         `json:"filter,omitempty"`
	Schedule *scheduleRules `json:"schedule,omitempty"`
	Bid      *bidRules      `json:"bid,omitempty"`
}

// bidRules are how the buyer of a contract is asked to bid.
type bidRules struct {
	URL       string            `json:"url"`
	TimeoutMS int64             `json:"timeout_ms"`
	Fields    map[string]string `json:"fields,omitempty"`
}

func rulesOfBid(b *campaign.Bid) *bidRules {
	if b == nil {
		return nil
	}
	return &bidRules{URL: b.URL, TimeoutMS: b.Timeout.Milliseconds(), Fields: b.Fields}
}

func (b *bidRules) restore() *campaign.Bid {
	if b == nil {
		return nil
	}
	return &campaign.Bid{URL: b.URL, Timeout: time.Duration(b.TimeoutMS) * time.Millisecond, Fields: b.Fields}
}

func rulesOfContract(k campaign.ContractSnapshot) contractRulesColumn {
	r := contractRulesColumn{}
	if k.Weight != 1 {
		r.Weight = k.Weight
	}
	r.Dedupe = storedDedupe(k.Dedupe)
	r.Filter, r.Schedule, r.Bid = k.Filter, rulesOfSchedule(k.Schedule), rulesOfBid(k.Bid)
	return r
}

func (r contractRulesColumn) restore(k *campaign.ContractSnapshot) {
	k.Weight = max(1, r.Weight)
	k.Dedupe = r.Dedupe.restored()
	k.Filter, k.Schedule, k.Bid = r.Filter, r.Schedule.restore(), r.Bid.restore()
}

// buyerRulesColumn is the column buyers.rules, which is NULL when there are none. Members are only ever added. A member that is absent is at its
// default.
type buyerRulesColumn struct {
	LowBalance       *int64           `json:"low_balance,omitempty"` // micro-units
	ReturnWindowDays *int             `json:"return_window_days,omitempty"`
	AutoApprove      *autoApproveRule `json:"auto_approve,omitempty"`
	Caps             []storedCap      `json:"caps,omitempty"`
	CapZone          string           `json:"cap_zone,omitempty"`
	Portal           *portalRule      `json:"portal,omitempty"`
}

// portalRule is what people of a buyer may do themselves.
type portalRule struct {
	PauseContracts bool `json:"pause_contracts,omitempty"`
	ChangeCaps     bool `json:"change_caps,omitempty"`
}

// autoApproveRule holds the share in ten-thousandths of a percent.
type autoApproveRule struct {
	Share   int64    `json:"share"`
	Reasons []string `json:"reasons"`
	Days    int      `json:"days"`
}

func rulesOfBuyer(b buyer.Snapshot) buyerRulesColumn {
	r := buyerRulesColumn{Caps: storedCaps(b.Caps), CapZone: b.CapZone}
	if b.Portal != (buyer.Portal{}) {
		r.Portal = &portalRule{PauseContracts: b.Portal.PauseContracts, ChangeCaps: b.Portal.ChangeCaps}
	}
	if b.LowBalance.On {
		r.LowBalance = new(int64(b.LowBalance.At))
	}
	if b.Returns.Window.Own {
		r.ReturnWindowDays = &b.Returns.Window.Days
	}
	if a := b.Returns.AutoApprove; len(a.Reasons) > 0 {
		r.AutoApprove = &autoApproveRule{Share: int64(a.Share), Days: a.Days}
		for _, reason := range a.Reasons {
			r.AutoApprove.Reasons = append(r.AutoApprove.Reasons, string(reason))
		}
	}
	return r
}

func (r buyerRulesColumn) restore(b *buyer.Snapshot) {
	b.Caps, b.CapZone = restoredCaps(r.Caps), r.CapZone
	if r.Portal != nil {
		b.Portal = buyer.Portal{PauseContracts: r.Portal.PauseContracts, ChangeCaps: r.Portal.ChangeCaps}
	}
	if r.LowBalance != nil {
		b.LowBalance = buyer.Threshold{On: true, At: money.Micros(*r.LowBalance)}
	}
	if r.ReturnWindowDays != nil {
		b.Returns.Window = buyer.ReturnWindow{Own: true, Days: *r.ReturnWindowDays}
	}
	if a := r.AutoApprove; a != nil {
		b.Returns.AutoApprove = buyer.AutoApprove{Share: money.Percent(a.Share), Days: a.Days}
		for _, reason := range a.Reasons {
			b.Returns.AutoApprove.Reasons = append(b.Returns.AutoApprove.Reasons, returns.Reason(reason))
		}
	}
}

// storedCap is one of the caps of a contract, a buyer or a campaign. A limit that is absent does not exist; the budget is in micro-units.
type storedCap struct {
	Window string `json:"window"`
	Leads  *int64 `json:"leads,omitempty"`
	Budget *int64 `json:"budget,omitempty"`
}

func storedCaps(all []quota.Cap) []storedCap {
	caps := make([]storedCap, len(all))
	for i, c := range all {
		caps[i].Window = string(c.Window)
		if c.HasLeads {
			caps[i].Leads = &c.Leads
		}
		if c.HasBudget {
			budget := int64(c.Budget)
			caps[i].Budget = &budget
		}
	}
	return caps
}

func restoredCaps(stored []storedCap) []quota.Cap {
	if len(stored) == 0 {
		return nil
	}
	caps := make([]quota.Cap, len(stored))
	for i, c := range stored {
		caps[i].Window = calendar.Window(c.Window)
		if c.Leads != nil {
			caps[i].HasLeads, caps[i].Leads = true, *c.Leads
		}
		if c.Budget != nil {
			caps[i].HasBudget, caps[i].Budget = true, money.Micros(*c.Budget)
		}
	}
	return caps
}

// encodeRules returns rules as their column has them.
func encodeRules(rules any) (sql.NullString, error) {
	text, err := json.Marshal(rules)
	if err != nil || string(text) == "{}" {
		return sql.NullString{}, err
	}
	return sql.NullString{String: string(text), Valid: true}, nil
}

// decodeRules reads what encodeRules wrote for the row of an id.
func decodeRules(column sql.NullString, id string, rules any) error {
	if !column.Valid {
		return nil
	}
	if err := json.Unmarshal([]byte(column.String), rules); err != nil {
		return fmt.Errorf("restore the rules of %s: %w", id, err)
	}
	return nil
}
