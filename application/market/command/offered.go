package command

import (
	"context"
	"iter"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
)

// offered are the campaigns in which leads are offered. A campaign with very many contracts has only those that one of the leads may be
// sold under, so that the buyers and counters of the others are neither read nor locked.
type offered struct {
	campaigns map[string]*campaign.Campaign
	plans     map[string]*distribution.Plan // of all campaigns that have one
	lists     map[string]*distribution.Shortlist
	listed    map[string][]*distribution.Shortlist    // the same by campaign, in the order of the leads
	rules     map[string]map[string][]campaign.Dedupe // of the buyers, by campaign; nil: nobody has one
}

// spareRanks is how many more contracts a list begins with than may take its lead.
const spareRanks = 1

// offered returns what leads are offered to: *uncompiledError. whole says that the leads have their facts from outside. They are asked for
// only when a campaign has very many contracts.
func (l lookup) offered(campaigns map[string]*campaign.Campaign, whole bool, leads iter.Seq[lead.Facts]) (offered, error) {
	o := offered{campaigns: campaigns}
	plans, err := l.of(campaigns)
	if err != nil {
		return o, err
	}
	some := false
	for id, k := range plans {
		if k.dedupes != nil {
			if o.rules == nil {
				o.rules = map[string]map[string][]campaign.Dedupe{}
			}
			o.rules[id] = k.dedupes
		}
		plan := k.plan
		if plan == nil {
			continue
		}
		if o.plans == nil {
			o.plans = map[string]*distribution.Plan{}
		}
		o.plans[id], some = plan, some || plan.Large()
	}
	if !some {
		return o, nil
	}
	o.lists, o.listed = map[string]*distribution.Shortlist{}, map[string][]*distribution.Shortlist{}
	for f := range leads {
		if plan := o.plans[f.CampaignID]; plan.Large() {
			list := plan.Shortlist(f, whole)
			if c := campaigns[f.CampaignID]; l.begin.BuiltIn(c.Strategy()) {
				list.Begin(c.MaxSales() + spareRanks)
			}
			o.lists[f.ID], o.listed[f.CampaignID] = list, append(o.listed[f.CampaignID], list)
		}
	}
	o.campaigns = make(map[string]*campaign.Campaign, len(campaigns))
	for id, c := range campaigns {
		if plan := o.plans[id]; plan.Large() {
			c = c.Only(plan.Contracts(o.listed[id]...))
		}
		o.campaigns[id] = c
	}
	return o, nil
}

// rows reads the buyers, counters and claims that leads are decided by.
type rows struct {
	buyers   func(context.Context, []application.Ref) (map[string]*buyer.Buyer, error)
	counters func(context.Context, []application.Ref) (map[string]*distribution.Counter, error)
	claims   findClaims
}

// locked reads them, and locks the buyers and counters.
func locked(tx market.Tx) rows {
	return rows{
		func(ctx context.Context, refs []application.Ref) (map[string]*buyer.Buyer, error) {
			return tx.Buyers().LockAll(ctx, refs)
		},
		func(ctx context.Context, refs []application.Ref) (map[string]*distribution.Counter, error) {
			return tx.Counters().LockAll(ctx, refs)
		},
		func(ctx context.Context, refs []market.ClaimRef) (map[market.ClaimKey]market.Claim, error) {
			found, _, err := tx.Claims().Find(ctx, refs, nil)
			return found, err
		},
	}
}
