package lead_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

var (
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later = now.Add(time.Hour)
	until = now.Add(72 * time.Hour)
)

// dimensions are those of all leads that are made here: each event of a lead must have them.
var dimensions = []field.Dimension{{Name: "state", Value: "TX"}}

func submission(test bool) lead.Submission {
	return lead.Submission{
		ID: "lead_1", SellerID: "seller_1", SellerCode: "ACME1234", KeyID: "key1", PartnerID: "partner_1", CampaignID: "campaign_1",
		Category: "Auto Insurance", Fields: field.Set{"phone": field.TextValue("+15551234567")}, ExternalID: "x-1", Test: test, At: now,
		Dimensions: dimensions,
	}
}

func outcome() lead.Outcome {
	return lead.Outcome{Sales: []lead.Sale{{ID: "sale_1", ContractID: "contract_1", BuyerID: "buyer_1", Price: 45, Currency: "USD", Status: lead.SaleCaptured, At: later}}, Payout: 31, Shown: 31}
}

func ref() lead.Ref {
	return lead.Ref{
		LeadID: "lead_1", Origin: lead.OriginSupplier, CampaignID: "campaign_1", Category: "Auto Insurance", SellerCode: "ACME1234",
		PartnerID: "partner_1", SubmittedAt: now, Dimensions: dimensions,
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	l := lead.Submit(submission(false))
	assert.Equal(t, lead.Snapshot{
		ID: "lead_1", SellerID: "seller_1", SellerCode: "ACME1234", Origin: lead.OriginSupplier, KeyID: "key1", PartnerID: "partner_1",
		CampaignID: "campaign_1", Category: "Auto Insurance", Fields: field.Set{"phone": field.TextValue("+15551234567")}, ExternalID: "x-1",
		Status: lead.StatusReceived, CreatedAt: now, UpdatedAt: now, Version: 1, Dimensions: dimensions,
	}, l.Snapshot())
	assert.Equal(t, []event.Event{lead.Submitted{Ref: ref(), KeyID: "key1"}}, l.Pending())
	_, shown := l.Shown()
	assert.False(t, shown)
}

type step func(*lead.Lead) error

var steps = map[string]step{
	"sell":      func(l *lead.Lead) error { return l.Sell(outcome(), later) },
	"wait":      func(l *lead.Lead) error { return l.Wait(until, later) },
	"duplicate": func(l *lead.Lead) error { return l.MarkDuplicate(lead.ErrDuplicate, later) },
	"reject": func(l *lead.Lead) error {
		return l.Reject(fault.New(fault.RuleViolated, "too_young", "Too young."), later)
	},
	"expire": func(l *lead.Lead) error { return l.Expire(later) },
	"quarantine": func(l *lead.Lead) error {
		return l.Quarantine(fault.New(fault.RuleViolated, "odd", "Odd."), later)
	},
	"turn down": func(l *lead.Lead) error { return l.RejectByOperator(later) },
	"suppress":  func(l *lead.Lead) error { return l.Suppress(later) },
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	ok := func(to lead.Status, e event.Event) func(t *testing.T, l *lead.Lead, err error) {
		return func(t *testing.T, l *lead.Lead, err error) {
			require.NoError(t, err)
			assert.Equal(t, to, l.Status())
			assert.Equal(t, []event.Event{e}, l.Pending())
			assert.Equal(t, later, l.Snapshot().UpdatedAt)
		}
	}
	for from, want := range map[lead.Status]map[string]any{
		lead.StatusReceived: {
			"sell":      ok(lead.StatusSold, lead.Sold{Ref: ref(), PreviousStatus: lead.StatusReceived, Sales: outcome().Sales, Payout: 31, At: later}),
			"wait":      ok(lead.StatusPending, lead.Pending{Ref: ref(), PreviousStatus: lead.StatusReceived, Until: until, At: later}),
			"duplicate": ok(lead.StatusDuplicate, lead.Duplicate{Ref: ref(), PreviousStatus: lead.StatusReceived, Code: "duplicate_lead", At: later}),
			"reject":    ok(lead.StatusRejected, lead.Rejected{Ref: ref(), PreviousStatus: lead.StatusReceived, Code: "too_young", At: later}), "expire": lead.ErrNotPending,
			"quarantine": ok(lead.StatusQuarantined, lead.Quarantined{Ref: ref(), PreviousStatus: lead.StatusReceived, Code: "odd", At: later}), "turn down": lead.ErrNotOpen, "suppress": lead.ErrNotPending,
		},
		lead.StatusPending: {
			"sell":   ok(lead.StatusSold, lead.Sold{Ref: ref(), PreviousStatus: lead.StatusPending, Sales: outcome().Sales, Payout: 31, At: later}),
			"expire": ok(lead.StatusUnsold, lead.Unsold{Ref: ref(), PreviousStatus: lead.StatusPending, At: later}), "wait": lead.ErrDecided, "duplicate": lead.ErrDecided, "reject": lead.ErrDecided,
			"quarantine": lead.ErrDecided, "turn down": ok(lead.StatusRejected, lead.Rejected{Ref: ref(), PreviousStatus: lead.StatusPending, Code: "rejected_by_operator", At: later}),
			"suppress": ok(lead.StatusRejected, lead.Rejected{Ref: ref(), PreviousStatus: lead.StatusPending, Code: "suppressed", At: later}),
		},
		lead.StatusQuarantined: {
			"sell":      ok(lead.StatusSold, lead.Sold{Ref: ref(), PreviousStatus: lead.StatusQuarantined, Sales: outcome().Sales, Payout: 31, At: later}),
			"wait":      ok(lead.StatusPending, lead.Pending{Ref: ref(), PreviousStatus: lead.StatusQuarantined, Until: until, At: later}),
			"turn down": ok(lead.StatusRejected, lead.Rejected{Ref: ref(), PreviousStatus: lead.StatusQuarantined, Code: "rejected_in_quarantine", At: later}),
			"expire":    lead.ErrNotPending, "duplicate": lead.ErrDecided, "reject": lead.ErrDecided, "quarantine": lead.ErrDecided,
			"suppress": ok(lead.StatusRejected, lead.Rejected{Ref: ref(), PreviousStatus: lead.StatusQuarantined, Code: "suppressed", At: later}),
		},
		lead.StatusSold:      {"sell": lead.ErrAlreadySold, "wait": lead.ErrDecided, "duplicate": lead.ErrDecided, "reject": lead.ErrDecided, "expire": lead.ErrNotPending, "quarantine": lead.ErrDecided, "turn down": lead.ErrNotOpen, "suppress": lead.ErrNotPending},
		lead.StatusDuplicate: {"sell": lead.ErrNotPending, "wait": lead.ErrDecided, "duplicate": lead.ErrDecided, "reject": lead.ErrDecided, "expire": lead.ErrNotPending, "quarantine": lead.ErrDecided, "turn down": lead.ErrNotOpen, "suppress": lead.ErrNotPending},
		lead.StatusRejected:  {"sell": lead.ErrNotPending, "wait": lead.ErrDecided, "duplicate": lead.ErrDecided, "reject": lead.ErrDecided, "expire": lead.ErrNotPending, "quarantine": lead.ErrDecided, "turn down": lead.ErrNotOpen, "suppress": lead.ErrNotPending},
		lead.StatusUnsold:    {"sell": lead.ErrNotPending, "wait": lead.ErrDecided, "duplicate": lead.ErrDecided, "reject": lead.ErrDecided, "expire": lead.ErrNotPending, "quarantine": lead.ErrDecided, "turn down": lead.ErrNotOpen, "suppress": lead.ErrNotPending},
	} {
		require.Len(t, want, len(steps))
		for name, expected := range want {
			t.Run(string(from)+" "+name, func(t *testing.T) {
				t.Parallel()
				s := lead.Submit(submission(false)).Snapshot()
				s.Status, s.PendingUntil = from, until
				l := lead.FromSnapshot(s)
				before := l.Snapshot()
				err := steps[name](l)
				if refused, is := expected.(*fault.Error); is {
					require.ErrorIs(t, err, refused)
					assert.Equal(t, before, l.Snapshot(), "a refused step changes nothing")
					assert.Empty(t, l.Pending())
					return
				}
				expected.(func(*testing.T, *lead.Lead, error))(t, l, err)
				if l.Status() == lead.StatusSold || l.Status() == lead.StatusUnsold {
					assert.True(t, l.PendingUntil().IsZero(), "it waits no more")
				}
				assert.Equal(t, int64(2), l.Version())
			})
		}
	}
	assert.Equal(t, []lead.Status{lead.StatusPending, lead.StatusSold, lead.StatusDuplicate, lead.StatusRejected, lead.StatusUnsold, lead.StatusQuarantined, lead.StatusReturned}, lead.Statuses())
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]event.Event{
		"lead.submitted": lead.Submitted{}, "lead.pending": lead.Pending{}, "lead.sold": lead.Sold{},
		"lead.duplicate": lead.Duplicate{}, "lead.rejected": lead.Rejected{}, "lead.unsold": lead.Unsold{}, "lead.quarantined": lead.Quarantined{}, "lead.converted": lead.Converted{}, "lead.deleted": lead.Deleted{},
	} {
		assert.Equal(t, want, e.EventType())
	}
}

func TestTestLeadsTellNobody(t *testing.T) {
	t.Parallel()
	for name, do := range steps {
		l := lead.Submit(submission(true))
		err := do(l)
		assert.Equal(t, slices.Contains([]string{"expire", "turn down", "suppress"}, name), err != nil, name)
		assert.True(t, l.Test())
		assert.Empty(t, l.Pending(), name)
		assert.Zero(t, l.Version(), name)
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	l := lead.Submit(submission(false))
	require.NoError(t, l.Sell(outcome(), later))
	price, ok := l.Shown()
	assert.True(t, ok)
	assert.Equal(t, money.Micros(31), price)

	hidden := lead.Submit(submission(false))
	o := outcome()
	o.ShownHidden = true
	require.NoError(t, hidden.Sell(o, later))
	_, ok = hidden.Shown()
	assert.False(t, ok)

	rejected := lead.Submit(submission(false))
	require.NoError(t, steps["reject"](rejected))
	code, reason := rejected.Why()
	assert.Equal(t, fault.Code("too_young"), code)
	assert.Equal(t, "Too young.", reason)
}

func TestNothingIsShared(t *testing.T) {
	t.Parallel()
	l := lead.Submit(submission(false))
	o := outcome()
	require.NoError(t, l.Sell(o, later))
	o.Sales[0].Price = 1
	l.Sales()[0].Price = 1
	l.Snapshot().Sales[0].Price = 1
	l.Pending()[1].(lead.Sold).Sales[0].Price = 1
	assert.Equal(t, money.Micros(45), l.Sales()[0].Price)
	s := l.Snapshot()
	restored := lead.FromSnapshot(s)
	s.Sales[0].Price = 1
	assert.Equal(t, money.Micros(45), restored.Sales()[0].Price)

	f := l.Facts()
	f.Fields()["phone"] = field.TextValue("changed")
	f.Category = "changed"
	assert.Equal(t, "+15551234567", l.Facts().Field("phone").Text)
	assert.Equal(t, field.Value{}, f.Field("missing"))
	assert.Equal(t, "Auto Insurance", l.Facts().Category)
	assert.Equal(t, now, f.ReceivedAt)
}

func TestFromSnapshotNeverValidates(t *testing.T) {
	t.Parallel()
	s := lead.Snapshot{
		ID: "l", Origin: "form", Status: "vanished", Code: "x", Reason: "y", Payout: -1, Shown: -1, Sales: []lead.Sale{{Price: -1, Status: "odd"}},
		Trace: lead.Trace{Considered: []lead.Consideration{{Reason: "?"}}, More: map[string]int{"z": 1}}, CreatedAt: later, UpdatedAt: now, PendingUntil: now, Version: 3,
	}
	l := lead.FromSnapshot(s)
	assert.Equal(t, s, l.Snapshot())
	assert.Empty(t, l.Pending())
}

func TestTraceIsBounded(t *testing.T) {
	t.Parallel()
	var tr lead.Trace
	for i := range 100 {
		tr.Add(lead.Consideration{ContractID: fmt.Sprint(i), Reason: "cap_day"})
	}
	assert.Len(t, tr.Considered, 100)
	assert.Nil(t, tr.More)
	tr.Add(lead.Consideration{ContractID: "100", Reason: "cap_day"})
	tr.Add(lead.Consideration{ContractID: "101", Reason: "cap_day"})
	tr.Add(lead.Consideration{ContractID: "102", Reason: "sold"})
	assert.Len(t, tr.Considered, 100)
	assert.Equal(t, "99", tr.Considered[99].ContractID)
	assert.Equal(t, map[string]int{"cap_day": 2, "sold": 1}, tr.More)
	l := lead.Submit(submission(false))
	l.SetTrace(tr)
	assert.Equal(t, tr, l.Snapshot().Trace)
}

type rule struct {
	code  fault.Code
	order int
	err   error
	asked *[]fault.Code
}

func (r rule) Code() fault.Code { return r.code }
func (r rule) Order() int       { return r.order }
func (r rule) Check(lead.Facts) error {
	if r.asked != nil {
		*r.asked = append(*r.asked, r.code)
	}
	return r.err
}

func TestIntakeRules(t *testing.T) {
	t.Parallel()
	var asked []fault.Code
	rules, err := lead.NewIntakeRules(rule{"c", 2, errors.New("Not here."), &asked}, rule{"b", 1, nil, &asked}, rule{"a", 2, nil, &asked}, rule{"d", 3, errors.New("never"), &asked})
	require.NoError(t, err)
	assert.Equal(t, []fault.Code{"b", "a", "c", "d"}, rules.Codes())
	why, err := rules.Check(lead.Facts{})
	require.NoError(t, err)
	require.NotNil(t, why)
	assert.Equal(t, []fault.Code{"b", "a", "c"}, asked, "until one refuses")
	assert.Equal(t, fault.RuleViolated, why.Kind)
	assert.Equal(t, fault.Code("c"), why.Code)
	assert.Equal(t, "Not here.", why.Message)

	own, err := lead.NewIntakeRules(rule{code: "mine", err: fmt.Errorf("wrapped: %w", fault.New(fault.Internal, "theirs", "Too far away."))})
	require.NoError(t, err)
	why, err = own.Check(lead.Facts{})
	require.NoError(t, err)
	assert.Equal(t, fault.Code("mine"), why.Code, "the rule's code, not its error's")
	assert.Equal(t, "Too far away.", why.Message)
	assert.Equal(t, fault.RuleViolated, why.Kind)

	var none lead.IntakeRules
	why, err = none.Check(lead.Facts{})
	require.NoError(t, err)
	assert.Nil(t, why)
	_, err = lead.NewIntakeRules(rule{code: "a"}, rule{code: "b"}, rule{code: "a", order: 5})
	require.ErrorContains(t, err, `"a"`)
}
