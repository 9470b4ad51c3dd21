package lead_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

var usd = money.MustCurrency("USD")

func formSubmission() lead.FormSubmission {
	return lead.FormSubmission{
		ID: "lead_1", SellerID: "seller_1", SellerCode: "ACME1234", PartnerID: "partner_1", Number: 44, Name: "Jane Doe", Email: " Jane@Example.com ",
		FormVersion: 3, Answers: []lead.Answer{{ID: 89, Question: "Company", Answer: "Acme"}}, At: now,
	}
}

func offered() lead.FormSubmission {
	n := formSubmission()
	n.Offer = &lead.Offer{CampaignID: "campaign_1", Category: "Auto Insurance", Fields: field.Set{"email": field.TextValue("jane@example.com")}, Dimensions: dimensions}
	return n
}

func formRef() lead.Ref {
	return lead.Ref{LeadID: "lead_1", Origin: lead.OriginForm, SellerCode: "ACME1234", PartnerID: "partner_1", SubmittedAt: now}
}

func offeredRef() lead.Ref {
	r := formRef()
	r.CampaignID, r.Category, r.Dimensions = "campaign_1", "Auto Insurance", dimensions
	return r
}

// reviewed is a stored form lead.
func reviewed(t *testing.T, status lead.ReviewStatus, market lead.Status) *lead.Lead {
	t.Helper()
	l, err := lead.SubmitForm(offered())
	require.NoError(t, err)
	s := l.Snapshot()
	s.Status, s.Review.Status = market, status
	if market == lead.StatusPending {
		s.PendingUntil = until
	}
	if market == lead.StatusNotOffered {
		s.CampaignID, s.Category, s.Fields, s.Dimensions = "", "", nil, nil
	}
	return lead.FromSnapshot(s)
}

func TestSubmitForm(t *testing.T) {
	t.Parallel()
	n := formSubmission()
	l, err := lead.SubmitForm(n)
	require.NoError(t, err)
	want := lead.Snapshot{
		ID: "lead_1", SellerID: "seller_1", SellerCode: "ACME1234", Origin: lead.OriginForm, PartnerID: "partner_1", Status: lead.StatusNotOffered, CreatedAt: now, UpdatedAt: now,
		Review: &lead.Review{Number: 44, Status: lead.ReviewStatusOpen, Name: "Jane Doe", Email: "Jane@Example.com", FormVersion: 3, Answers: []lead.Answer{{ID: 89, Question: "Company", Answer: "Acme"}}}, Version: 1,
	}
	assert.Equal(t, want, l.Snapshot())
	assert.Equal(t, []event.Event{lead.Submitted{Ref: formRef(), Number: 44}}, l.Pending())
	assert.Equal(t, "partner_1", l.PartnerID())
	assert.Equal(t, now, l.CreatedAt())
	assert.Equal(t, want.Review, l.Review())
	n.Answers[0].Answer = "x"
	assert.Equal(t, want, l.Snapshot(), "nothing is shared with the request")
	for name, do := range steps {
		require.Error(t, do(l), "%s: a lead that is not offered has no market status", name)
	}

	l, err = lead.SubmitForm(offered())
	require.NoError(t, err)
	want.CampaignID, want.Category, want.Fields, want.Status = "campaign_1", "Auto Insurance", offered().Offer.Fields, lead.StatusReceived
	want.Dimensions = dimensions
	assert.Equal(t, want, l.Snapshot())
	assert.Equal(t, []event.Event{lead.Submitted{Ref: offeredRef(), Number: 44}}, l.Pending())
	assert.Equal(t, "jane@example.com", l.Facts().Field("email").Text, "rules see an offered lead as any other")
	assert.Equal(t, lead.OriginForm, l.Facts().Origin)

	assert.Nil(t, lead.Submit(submission(false)).Review(), "a supplier's lead has no review")
}

func TestCheckPerson(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, person, email string
		want                []fault.Violation
	}{
		{"both", "Jane", "jane@example.com", nil},
		{"longest name", strings.Repeat("😀", 200), "a@b.co", nil},
		{"right to left", "\u200fשלום", "a@b.co", nil},
		{"neither", "", "", []fault.Violation{{Field: "name", Code: fault.Required, Message: "is required"}, {Field: "email", Code: fault.Required, Message: "is required"}}},
		{"blank", " ", " ", []fault.Violation{{Field: "name", Code: fault.Required, Message: "is required"}, {Field: "email", Code: fault.InvalidValue, Message: "must be an email address"}}},
		{"odd", "a\x00", "jane", []fault.Violation{{Field: "name", Code: fault.InvalidValue, Message: "must not contain control characters"}, {Field: "email", Code: fault.InvalidValue, Message: "must be an email address"}}},
		{"long", strings.Repeat("x", 201), strings.Repeat("x", 5000) + "@example.com", []fault.Violation{
			{Field: "name", Code: fault.InvalidValue, Message: "must have at most 200 characters"},
			{Field: "email", Code: fault.InvalidValue, Message: "must be an email address"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := lead.CheckPerson(tc.person, tc.email)
			n := formSubmission()
			n.Name, n.Email = tc.person, tc.email
			l, submitErr := lead.SubmitForm(n)
			assert.Equal(t, err, submitErr)
			if tc.want == nil {
				require.NoError(t, err)
				assert.Equal(t, []string{tc.person, tc.email}, []string{l.Review().Name, l.Review().Email})
				return
			}
			require.ErrorIs(t, err, fault.ErrValidation)
			assert.Equal(t, tc.want, fault.As(err).Violations)
			assert.Nil(t, l)
		})
	}
}

// Every step of a review from every review status and every market status.
func TestReviewSteps(t *testing.T) {
	t.Parallel()
	amount := money.Micros(12_500_000)
	converted := lead.Converted{Ref: offeredRef(), PreviousReview: lead.ReviewStatusOpen, Number: 44, CustomerID: "customer_1", CustomerKey: "abc", Amount: &amount, Currency: "USD", At: later}
	erased := func(from lead.ReviewStatus) event.Event {
		return lead.Deleted{Ref: offeredRef(), PreviousReview: from, Number: 44, At: later}
	}
	type outcome struct {
		to    lead.ReviewStatus
		event event.Event
		err   error
	}
	for name, s := range map[string]struct {
		do   func(*lead.Lead) error
		from map[lead.ReviewStatus]outcome
	}{
		"convert": {func(l *lead.Lead) error { return l.Convert("customer_1", "abc", &amount, usd, later) }, map[lead.ReviewStatus]outcome{
			lead.ReviewStatusOpen: {lead.ReviewStatusConverted, converted, nil}, lead.ReviewStatusConverted: {err: lead.ErrConverted}, lead.ReviewStatusRejected: {err: lead.ErrReviewRejected}, lead.ReviewStatusDeleted: {err: lead.ErrNotFound},
		}},
		"reject": {func(l *lead.Lead) error { return l.RejectReview(later) }, map[lead.ReviewStatus]outcome{
			lead.ReviewStatusOpen:      {lead.ReviewStatusRejected, lead.ReviewRejected{Ref: offeredRef(), PreviousReview: lead.ReviewStatusOpen, At: later}, nil},
			lead.ReviewStatusConverted: {err: lead.ErrConverted}, lead.ReviewStatusRejected: {err: lead.ErrReviewRejected}, lead.ReviewStatusDeleted: {err: lead.ErrNotFound},
		}},
		"delete": {func(l *lead.Lead) error { return l.Delete(later) }, map[lead.ReviewStatus]outcome{
			lead.ReviewStatusOpen: {lead.ReviewStatusDeleted, erased(lead.ReviewStatusOpen), nil}, lead.ReviewStatusConverted: {lead.ReviewStatusDeleted, erased(lead.ReviewStatusConverted), nil},
			lead.ReviewStatusRejected: {lead.ReviewStatusDeleted, erased(lead.ReviewStatusRejected), nil}, lead.ReviewStatusDeleted: {err: lead.ErrNotFound},
		}},
	} {
		for from, want := range s.from {
			for _, market := range []lead.Status{lead.StatusPending, lead.StatusSold, lead.StatusDuplicate, lead.StatusRejected, lead.StatusUnsold, lead.StatusQuarantined} {
				t.Run(string(from)+" "+string(market)+" "+name, func(t *testing.T) {
					t.Parallel()
					l := reviewed(t, from, market)
					before := l.Snapshot()
					err := s.do(l)
					if want.err != nil {
						require.ErrorIs(t, err, want.err)
						assert.Equal(t, before, l.Snapshot(), "a refused step changes nothing")
						assert.Empty(t, l.Pending())
						return
					}
					require.NoError(t, err)
					assert.Equal(t, want.to, l.Review().Status)
					assert.Equal(t, later, l.Snapshot().UpdatedAt)
					if name != "convert" && (market == lead.StatusPending || market == lead.StatusQuarantined) {
						assert.Equal(t, lead.StatusUnsold, l.Status(), "one that is not wanted waits for no buyer")
						assert.True(t, l.PendingUntil().IsZero())
						assert.Equal(t, []event.Event{lead.Unsold{Ref: offeredRef(), PreviousStatus: market, At: later}, want.event}, l.Pending())
						return
					}
					assert.Equal(t, market, l.Status(), "the market status is another matter")
					assert.Equal(t, []event.Event{want.event}, l.Pending())
				})
			}
		}
	}
	assert.Equal(t, fault.RuleViolated, lead.ErrConverted.Kind)
	assert.Equal(t, fault.Code("lead_already_converted"), lead.ErrConverted.Code)
	assert.Equal(t, fault.RuleViolated, lead.ErrReviewRejected.Kind)
	assert.Equal(t, fault.Code("lead_already_rejected"), lead.ErrReviewRejected.Code)
}

func TestSuppliersLeadsHaveNoReview(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*lead.Lead) error{
		"convert": func(l *lead.Lead) error { return l.Convert("customer_1", "abc", nil, usd, later) },
		"reject":  func(l *lead.Lead) error { return l.RejectReview(later) },
		"delete":  func(l *lead.Lead) error { return l.Delete(later) },
	} {
		l := lead.FromSnapshot(lead.Submit(submission(false)).Snapshot())
		before := l.Snapshot()
		require.ErrorIs(t, do(l), lead.ErrNotFound, name)
		assert.Equal(t, before, l.Snapshot())
		assert.Empty(t, l.Pending())
	}
}

func TestConvert(t *testing.T) {
	t.Parallel()
	for _, amount := range []*money.Micros{nil, new(money.Micros(0)), new(money.Micros(7))} {
		l := reviewed(t, lead.ReviewStatusOpen, lead.StatusNotOffered)
		require.NoError(t, l.Convert("customer_1", "abc", amount, usd, later))
		r := l.Review()
		assert.Equal(t, "customer_1", r.CustomerID)
		assert.Equal(t, amount, r.CommissionAmount)
		assert.Equal(t, "Jane Doe", r.Name, "what was submitted stays")
		assert.Equal(t, []event.Event{lead.Converted{Ref: formRef(), PreviousReview: lead.ReviewStatusOpen, Number: 44, CustomerID: "customer_1", CustomerKey: "abc", Amount: amount, Currency: "USD", At: later}}, l.Pending())
	}
}

// A new member of the snapshot must be listed here as not personal, or be erased by Delete.
func TestDeleteForgetsWhatIsPersonal(t *testing.T) {
	t.Parallel()
	l := reviewed(t, lead.ReviewStatusOpen, lead.StatusSold)
	s := l.Snapshot()
	s.Sales = outcome().Sales
	l = lead.FromSnapshot(s)
	require.NoError(t, l.Convert("customer_1", "abc", new(money.Micros(7)), usd, later))
	before := reflect.ValueOf(*l.Review())
	require.NoError(t, l.Delete(later))
	kept := map[string]bool{"Number": true, "Status": true, "FormVersion": true, "CustomerID": true, "CommissionAmount": true}
	v := reflect.ValueOf(*l.Review())
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		require.False(t, before.Field(i).IsZero(), "the test must fill %s", name)
		assert.Equal(t, !kept[name], v.Field(i).IsZero(), name)
		delete(kept, name)
	}
	assert.Empty(t, kept)
	assert.Empty(t, l.Snapshot().Fields)
	assert.Empty(t, l.Snapshot().Dimensions)
	assert.NotEmpty(t, l.Sales(), "sales that were made stay")
	assert.Equal(t, lead.StatusSold, l.Status())
}

func TestReviewsShareNothing(t *testing.T) {
	t.Parallel()
	amount := money.Micros(7)
	l := reviewed(t, lead.ReviewStatusOpen, lead.StatusNotOffered)
	require.NoError(t, l.Convert("customer_1", "abc", &amount, usd, later))
	want := reviewed(t, lead.ReviewStatusOpen, lead.StatusNotOffered).Snapshot().Review
	want.Status, want.CustomerID, want.CommissionAmount = lead.ReviewStatusConverted, "customer_1", new(money.Micros(7))
	amount = 8
	scribble := func(r *lead.Review) {
		r.Status, r.Name, r.Answers[0].Answer, *r.CommissionAmount = "x", "x", "x", 9
	}
	scribble(l.Review())
	s := l.Snapshot()
	restored := lead.FromSnapshot(s)
	scribble(s.Review)
	assert.Equal(t, want, l.Review())
	assert.Equal(t, want, restored.Review())
	assert.Equal(t, money.Micros(7), *l.Pending()[0].(lead.Converted).Amount)
}

// Lead events hold nothing personal: what identifies a person stays in the lead (docs/events.md).
func TestReviewEventsHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	for _, e := range []event.Event{lead.Submitted{}, lead.Converted{}, lead.Rejected{}, lead.ReviewRejected{}, lead.Deleted{}, lead.Erased{}} {
		for field := range reflect.TypeOf(e).Fields() {
			assert.Contains(t, []string{"Ref", "Number", "KeyID", "CustomerID", "CustomerKey", "Amount", "Currency", "Code", "At", "PreviousStatus", "PreviousReview", "Status"}, field.Name)
		}
	}
	ref := reflect.TypeFor[lead.Ref]()
	for field := range ref.Fields() {
		assert.Contains(t, []string{"LeadID", "Origin", "CampaignID", "Category", "SellerCode", "PartnerID", "SubmittedAt", "Dimensions"}, field.Name)
	}
}
