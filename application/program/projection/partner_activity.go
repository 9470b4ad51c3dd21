// Package projection holds the read models of the partner program that are built from the events.
//
// Stability: unsupported; it may change at any time.
package projection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/lead"
)

// PartnerGroup is the key of a partner's figures; a partner's id is unique only within its seller.
type PartnerGroup struct{ SellerID, PartnerID string }

// PartnerDelta is what is added to a partner's figures; members may be negative.
type PartnerDelta struct{ Clicks, Signups, Leads int64 }

// ProgramDay is the key of a program's figures. Day is YYYY-MM-DD in UTC.
type ProgramDay struct{ SellerID, Day string }

// ProgramDelta is what is added to the figures of a program's day; Leads may be negative. Joining and leaving are counted
// separately, each on the day it happens.
type ProgramDelta struct{ PartnersJoined, PartnersLeft, CustomersJoined, CustomersLeft, Clicks, Leads int64 }

// PartnerActivityStore stores the figures of partners. When the database cannot be reached, its errors are of kind
// fault.Unavailable.
type PartnerActivityStore interface {
	// Add adds to the figures of partners and of days.
	Add(ctx context.Context, tx projection.Tx, partners map[PartnerGroup]PartnerDelta, days map[ProgramDay]ProgramDelta) error
	// Reset empties all tables.
	Reset(ctx context.Context, tx projection.Tx) error
}

// PartnerActivity builds the read model of partners' referrals and of GET /v1/program/overview. A customer counts as a
// signup of the partner it is attributed to. Deleted customers and deleted form leads do not count.
type PartnerActivity struct{ store PartnerActivityStore }

// NewPartnerActivity returns the projection.
func NewPartnerActivity(s PartnerActivityStore) *PartnerActivity { return &PartnerActivity{s} }

// Name implements projection.Projection.
func (*PartnerActivity) Name() string { return "partner-activity" }

// Reset implements projection.Projection.
func (p *PartnerActivity) Reset(ctx context.Context, tx projection.Tx) error {
	return p.store.Reset(ctx, tx)
}

// Types implements projection.Selective.
func (*PartnerActivity) Types() []string { return slices.Clone(activityTypes) }

// Wants implements projection.Selective. Most events of the log are of suppliers' leads: these are passed by without decoding
// them.
func (*PartnerActivity) Wants(e *application.StoredEvent) bool { return wanted(e) }

func wanted(e *application.StoredEvent) bool {
	return e.Type != leadSubmitted || bytes.Contains(e.Payload, formOrigin)
}

// The public events that are counted.
var (
	leadSubmitted      = eventsv1.LeadSubmitted{}.Type()
	partnerCreated     = eventsv1.PartnerCreated{}.Type()
	partnerDeleted     = eventsv1.PartnerDeleted{}.Type()
	customerCreated    = eventsv1.CustomerCreated{}.Type()
	customerAttributed = eventsv1.CustomerAttributed{}.Type()
	customerDeleted    = eventsv1.CustomerDeleted{}.Type()
)

var activityTypes = []string{
	program.PartnerClickedType, program.LeadDeletedType, leadSubmitted, partnerCreated, partnerDeleted, customerCreated, customerAttributed,
	customerDeleted,
}

// activityFact holds the members of the events that are read; each type has some of them.
type activityFact struct {
	PartnerID         string `json:"partner_id"`
	PreviousPartnerID string `json:"previous_partner_id"` // of customer.attributed.v1
	Joined            bool   `json:"joined"`              // of partner.deleted.v1
	Origin            string `json:"origin"`              // of lead.submitted.v1
	Clicks            int64  `json:"clicks"`              // of partner.clicked.v1; none is one
}

// Apply implements projection.Projection. It adds up a batch in memory, so that the number of written rows depends on
// partners and days, not on events.
func (p *PartnerActivity) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	b := activityBatch{partners: map[PartnerGroup]PartnerDelta{}, days: map[ProgramDay]ProgramDelta{}}
	for i := range events {
		if err := b.apply(&events[i]); err != nil {
			return fmt.Errorf("partner activity: event %s at %d: %w", events[i].Type, events[i].Position, err)
		}
	}
	if len(b.partners) == 0 && len(b.days) == 0 {
		return nil
	}
	return p.store.Add(ctx, tx, b.partners, b.days)
}

// formOrigin is lead.OriginForm as JSON, which the event of each form lead contains.
var formOrigin = []byte(`"` + lead.OriginForm + `"`)

// activityBatch adds up a batch of events.
type activityBatch struct {
	partners map[PartnerGroup]PartnerDelta
	days     map[ProgramDay]ProgramDelta
}

func (b *activityBatch) apply(e *application.StoredEvent) error {
	if !slices.Contains(activityTypes, e.Type) || !wanted(e) {
		return nil
	}
	var f activityFact
	if err := json.Unmarshal(e.Payload, &f); err != nil {
		return err
	}
	if f.PartnerID == "" {
		return errors.New("no partner")
	}
	switch e.Type {
	case program.PartnerClickedType:
		n := max(f.Clicks, 1)
		b.add(e, f.PartnerID, PartnerDelta{Clicks: n}, ProgramDelta{Clicks: n})
	case partnerCreated:
		b.add(e, f.PartnerID, PartnerDelta{}, ProgramDelta{PartnersJoined: 1})
	case partnerDeleted:
		if f.Joined {
			b.add(e, f.PartnerID, PartnerDelta{}, ProgramDelta{PartnersLeft: 1})
		}
	case customerCreated:
		b.add(e, f.PartnerID, PartnerDelta{}, ProgramDelta{CustomersJoined: 1})
	case customerAttributed:
		b.add(e, f.PartnerID, PartnerDelta{Signups: 1}, ProgramDelta{})
		if f.PreviousPartnerID != "" {
			b.add(e, f.PreviousPartnerID, PartnerDelta{Signups: -1}, ProgramDelta{})
		}
	case customerDeleted:
		b.add(e, f.PartnerID, PartnerDelta{Signups: -1}, ProgramDelta{CustomersLeft: 1})
	case leadSubmitted:
		if f.Origin == string(lead.OriginForm) {
			b.add(e, f.PartnerID, PartnerDelta{Leads: 1}, ProgramDelta{Leads: 1})
		}
	case program.LeadDeletedType:
		b.add(e, f.PartnerID, PartnerDelta{Leads: -1}, ProgramDelta{Leads: -1})
	}
	return nil
}

// add adds an event to the figures of its partner and of its day. A zero delta makes no row.
func (b *activityBatch) add(e *application.StoredEvent, partnerID string, p PartnerDelta, d ProgramDelta) {
	if p != (PartnerDelta{}) {
		group := PartnerGroup{e.SellerID, partnerID}
		sum := b.partners[group]
		sum.Clicks, sum.Signups, sum.Leads = sum.Clicks+p.Clicks, sum.Signups+p.Signups, sum.Leads+p.Leads
		b.partners[group] = sum
	}
	if d != (ProgramDelta{}) {
		day := ProgramDay{e.SellerID, e.OccurredAt.UTC().Format(time.DateOnly)}
		sum := b.days[day]
		sum.PartnersJoined, sum.PartnersLeft = sum.PartnersJoined+d.PartnersJoined, sum.PartnersLeft+d.PartnersLeft
		sum.CustomersJoined, sum.CustomersLeft = sum.CustomersJoined+d.CustomersJoined, sum.CustomersLeft+d.CustomersLeft
		sum.Clicks, sum.Leads = sum.Clicks+d.Clicks, sum.Leads+d.Leads
		b.days[day] = sum
	}
}
