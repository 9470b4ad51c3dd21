package command_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/mocks"
)

var at = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type counting struct{ n int }

func (c *counting) New(prefix string) string {
	c.n++
	return prefix + "_" + strconv.Itoa(c.n)
}

// intake is SubmitLeadHandler with mocks for all that it calls.
type intake struct {
	*marketcommand.SubmitLeadHandler

	replays   *mocks.MockReplayReader
	campaigns *mocks.MockCampaignReader
	batches   []*marketcommand.Submission
}

func newIntake(t *testing.T, batch func(n int) (application.Done, error)) *intake {
	t.Helper()
	control := gomock.NewController(t)
	in := &intake{replays: mocks.NewMockReplayReader(control), campaigns: mocks.NewMockCampaignReader(control)}
	in.SubmitLeadHandler = &marketcommand.SubmitLeadHandler{
		Deps:    market.Deps{Clock: clock.NewManual(at), IDs: &counting{}, InFlight: application.NewInFlight()},
		Replays: in.replays, Directory: marketcommand.NewDirectory(in.campaigns, marketcommand.NewPlans(nil)),
		Batch: bus.HandlerFunc[*marketcommand.Submission, application.Done](func(_ context.Context, s *marketcommand.Submission) (application.Done, error) {
			in.batches = append(in.batches, s)
			return batch(len(in.batches))
		}),
	}
	return in
}

func sold(int) (application.Done, error) {
	return application.Done{Response: application.Response{Status: 200, Body: []byte("sold")}}, nil
}

func autoInsurance(t *testing.T) *campaign.Campaign {
	t.Helper()
	name := "Auto Insurance"
	strategies, err := distribution.NewStrategies(nil)
	require.NoError(t, err)
	c, err := campaign.New("campaign_1", "seller_1", campaign.StatusActive, campaign.Definition{Name: &name, Category: &name}, strategies, at)
	require.NoError(t, err)
	return c
}

func aLead() marketcommand.SubmitLead {
	return marketcommand.SubmitLead{
		Actor:  application.Actor{Scope: seller.Supplier, KeyID: "key_1", SellerID: "seller_1", SellerCode: "ACME1234", SellerSlug: "acme"},
		Seller: "ACME1234", Category: " auto insurance ", Fields: field.Set{
			"firstName": field.TextValue("John"), "lastName": field.TextValue("Doe"),
			"phone": field.TextValue("555-123-4567"), "state": field.TextValue("tx"),
		},
	}
}

func TestSubmitLeadChecksInTheDocumentedOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*marketcommand.SubmitLead)
		asks   error // what the campaign reader returns; nil: it is not called
		want   error
		fields []string
	}{
		"seller and category missing before anything else": {
			change: func(l *marketcommand.SubmitLead) { l.Seller, l.Category, l.Fields = " ", "", nil },
			want:   field.ErrMissing, fields: []string{"seller", "category"},
		},
		"another seller before the category": {change: func(l *marketcommand.SubmitLead) { l.Seller, l.Category = "OTHER123", "nothing" }, want: marketcommand.ErrWrongSeller},
		"the category before missing fields": {
			change: func(l *marketcommand.SubmitLead) { l.Category, l.Fields = "nothing", nil },
			asks:   campaign.ErrNoMatching, want: campaign.ErrNoMatching,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newIntake(t, sold)
			in.replays.EXPECT().FindRecent(gomock.Any(), gomock.Any(), at.Add(-time.Minute)).Return(application.StoredResponse{}, false, nil).AnyTimes()
			if c.asks != nil {
				in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), "seller_1", "nothing").Return(nil, c.asks)
			}
			l := aLead()
			c.change(&l)
			_, err := in.Handle(t.Context(), l)
			require.ErrorIs(t, err, c.want)
			if c.fields != nil {
				require.Equal(t, c.fields, fault.As(err).Fields())
			}
			require.Empty(t, in.batches)
		})
	}
}

func TestSubmitLeadChecksAgainOnceWhenTheCampaignChanged(t *testing.T) {
	t.Parallel()
	stale := errStaleOf(t)
	in := newIntake(t, func(n int) (application.Done, error) {
		if n == 1 {
			return application.Done{}, stale
		}
		return sold(n)
	})
	in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), "seller_1", "auto insurance").Return(autoInsurance(t), nil).Times(2)
	done, err := in.Handle(t.Context(), aLead())
	require.NoError(t, err)
	require.Equal(t, "sold", string(done.Response.Body))
	require.Len(t, in.batches, 2)
}

func TestSubmitLeadThatStaysStaleHasNoCampaign(t *testing.T) {
	t.Parallel()
	stale := errStaleOf(t)
	in := newIntake(t, func(int) (application.Done, error) { return application.Done{}, stale })
	in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), "seller_1", "auto insurance").Return(autoInsurance(t), nil).Times(2)
	in.replays.EXPECT().FindRecent(gomock.Any(), gomock.Any(), at.Add(-time.Minute)).Return(application.StoredResponse{}, false, nil)
	_, err := in.Handle(t.Context(), aLead())
	require.ErrorIs(t, err, campaign.ErrNoMatching)
	require.Len(t, in.batches, 2)
}

func TestSubmitLeadReplaysTheIdempotencyKeyBeforeAnyCheck(t *testing.T) {
	t.Parallel()
	l := aLead()
	l.Category, l.IdempotencyKey, l.Fingerprint = "gone since", "k", [32]byte{1}
	for name, c := range map[string]struct {
		stored [32]byte
		want   error
	}{"same request": {[32]byte{1}, nil}, "another request": {[32]byte{2}, application.ErrKeyReused}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newIntake(t, sold)
			in.replays.EXPECT().FindResponse(gomock.Any(), gomock.Any(), at).
				Return(application.StoredResponse{Fingerprint: c.stored, Response: application.Response{Status: 200, Body: []byte("first")}}, true, nil)
			done, err := in.Handle(t.Context(), l)
			require.ErrorIs(t, err, c.want)
			if c.want == nil {
				require.True(t, done.Replayed)
				require.Equal(t, "first", string(done.Response.Body))
			}
			require.Empty(t, in.batches)
		})
	}
}

func TestSubmitLeadAnswersADoubleClickAsTheFirstThoughTheCampaignIsGone(t *testing.T) {
	t.Parallel()
	in := newIntake(t, sold)
	in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), "seller_1", "auto insurance").Return(nil, campaign.ErrNoMatching)
	in.replays.EXPECT().FindRecent(gomock.Any(), gomock.Any(), at.Add(-time.Minute)).Return(application.StoredResponse{Response: application.Response{Status: 200, Body: []byte("first")}}, true, nil)
	done, err := in.Handle(t.Context(), aLead())
	require.NoError(t, err)
	require.True(t, done.Replayed)
	require.Equal(t, "first", string(done.Response.Body))
}

func TestSubmitLeadPassesOnThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	in := newIntake(t, sold)
	in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), "seller_1", "auto insurance").Return(nil, application.ErrUnavailable)
	_, err := in.Handle(t.Context(), aLead())
	require.ErrorIs(t, err, application.ErrUnavailable)
}

// errStaleOf returns the error of a batch whose campaign changed: it runs a batch on a store without campaigns.
func errStaleOf(t *testing.T) error {
	t.Helper()
	var stale error
	in := newIntake(t, func(int) (application.Done, error) { return application.Done{}, nil })
	in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), gomock.Any(), gomock.Any()).Return(autoInsurance(t), nil)
	_, err := in.Handle(t.Context(), aLead())
	require.NoError(t, err)
	h := &marketcommand.SubmitLeadsHandler{Work: noCampaigns{}, Clock: clock.NewManual(at), Directory: in.Directory}
	for _, o := range h.HandleBatch(t.Context(), in.batches) {
		stale = o.Err
	}
	require.Error(t, stale)
	require.NotErrorIs(t, stale, application.ErrUnavailable)
	return stale
}

// noCampaigns is a unit of work over a database without campaigns.
type noCampaigns struct{ market.Tx }

func (n noCampaigns) Do(ctx context.Context, fn func(context.Context, market.Tx) error) error {
	return fn(ctx, n)
}
func (noCampaigns) Campaigns() application.CampaignRepository { return emptyCampaigns{} }
func (noCampaigns) Claims() market.ClaimRepository            { return emptyClaims{} }

type emptyCampaigns struct{ application.CampaignRepository }

func (emptyCampaigns) LockAll(context.Context, []application.Ref, map[string]*campaign.Campaign) (map[string]*campaign.Campaign, error) {
	return map[string]*campaign.Campaign{}, nil
}

type emptyClaims struct{ market.ClaimRepository }

func (emptyClaims) Find(context.Context, []market.ClaimRef, []market.RequestRef) (map[market.ClaimKey]market.Claim, map[market.RequestContent]market.Request, error) {
	return nil, nil, nil
}

// scores is a provider of facts that remembers about which leads it was asked.
type scores struct{ asked []lead.Facts }

func (*scores) Name() string           { return "score" }
func (*scores) Timeout() time.Duration { return 5 * time.Second }
func (s *scores) Ask(_ context.Context, f lead.Facts) (field.Set, error) {
	s.asked = append(s.asked, f)
	return field.Set{"points": field.TextValue("7")}, nil
}

func (s *scores) providers(t *testing.T) application.FactProviders {
	t.Helper()
	p, err := application.NewFactProviders(s)
	require.NoError(t, err)
	return p
}

func TestSubmitLeadAsksTheOutsideOnceThoughTheCampaignChanged(t *testing.T) {
	t.Parallel()
	stale := errStaleOf(t)
	in := newIntake(t, func(n int) (application.Done, error) {
		if n == 1 {
			return application.Done{}, stale
		}
		return sold(n)
	})
	outside := &scores{}
	in.Facts = outside.providers(t)
	in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), "seller_1", "auto insurance").Return(autoInsurance(t), nil).Times(2)
	_, err := in.Handle(t.Context(), aLead())
	require.NoError(t, err)
	require.Len(t, in.batches, 2)
	require.Len(t, outside.asked, 1)
	f := outside.asked[0]
	require.Equal(t, []string{"seller_1", "campaign_1", "Auto Insurance"}, []string{f.SellerID, f.CampaignID, f.Category})
	require.Equal(t, "+15551234567", f.Field("phone").Text, "as the campaign's rules normalise it")
	require.Equal(t, at, f.ReceivedAt)
}

func TestSubmitLeadAsksTheOutsideOnlyAboutALeadThatIsDecided(t *testing.T) {
	t.Parallel()
	outside := &scores{}
	replayed := newIntake(t, sold)
	replayed.Facts = outside.providers(t)
	replayed.replays.EXPECT().FindResponse(gomock.Any(), gomock.Any(), at).Return(application.StoredResponse{}, true, nil)
	again := aLead()
	again.IdempotencyKey = "k"
	_, err := replayed.Handle(t.Context(), again)
	require.NoError(t, err)

	refused := newIntake(t, sold)
	refused.Facts = outside.providers(t)
	refused.replays.EXPECT().FindRecent(gomock.Any(), gomock.Any(), at.Add(-time.Minute)).Return(application.StoredResponse{}, false, nil)
	refused.campaigns.EXPECT().ActiveCampaign(gomock.Any(), gomock.Any(), gomock.Any()).Return(autoInsurance(t), nil)
	lacking := aLead()
	lacking.Fields = field.Set{"phone": field.TextValue("555-123-4567")}
	_, err = refused.Handle(t.Context(), lacking)
	require.ErrorIs(t, err, field.ErrMissing)
	require.Empty(t, outside.asked)
}
