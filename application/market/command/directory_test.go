package command_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
)

// slowReader answers as it was when it was asked, once it is let.
type slowReader struct {
	market.CampaignReader

	mu    sync.Mutex
	c     *campaign.Campaign // nil: there is none
	asked int
	let   chan struct{}
}

func (r *slowReader) ActiveCampaign(context.Context, string, string) (*campaign.Campaign, error) {
	r.mu.Lock()
	c := r.c
	r.asked++
	r.mu.Unlock()
	<-r.let
	if c == nil {
		return nil, campaign.ErrNoMatching
	}
	return c, nil
}

func (r *slowReader) times() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// Who asks for a category that has no campaign shares the answer with those who asked before it was read. Who asks later does not: a campaign
// that was made meanwhile is found.
func TestLeadsOfACategoryWithoutACampaignAskTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{let: make(chan struct{})}
		in := newIntake(t, sold)
		in.Directory = marketcommand.NewDirectory(reader, marketcommand.NewPlans(nil))
		in.replays.EXPECT().FindRecent(gomock.Any(), gomock.Any(), gomock.Any()).Return(application.StoredResponse{}, false, nil).AnyTimes()
		errs := make(chan error, 100)
		send := func(n int) {
			for range n {
				go func() {
					_, err := in.Handle(t.Context(), aLead())
					errs <- err
				}()
			}
			synctest.Wait()
		}
		expect := func(n int, want error) {
			t.Helper()
			synctest.Wait()
			require.Len(t, errs, n)
			for range n {
				if err := <-errs; !errors.Is(err, want) {
					t.Errorf("answered %v, want %v", err, want)
				}
			}
		}
		send(1)
		send(50)
		require.Equal(t, 1, reader.times())
		reader.let <- struct{}{}
		expect(1, campaign.ErrNoMatching)
		require.Equal(t, 2, reader.times(), "of those who came meanwhile one asks")
		reader.mu.Lock()
		reader.c = autoInsurance(t)
		reader.mu.Unlock()
		send(1)
		reader.let <- struct{}{}
		expect(50, campaign.ErrNoMatching)
		require.Equal(t, 3, reader.times(), "who came after the campaign was made asks anew")
		reader.let <- struct{}{}
		expect(1, nil)
	})
}

// Somebody who gives up while the campaign is read leaves the others to read it.
func TestWhoGivesUpAnswersNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in := newIntake(t, sold)
		gone, cancel := context.WithCancel(t.Context())
		in.campaigns.EXPECT().ActiveCampaign(gone, gomock.Any(), gomock.Any()).DoAndReturn(func(ctx context.Context, _, _ string) (*campaign.Campaign, error) {
			<-ctx.Done()
			return nil, application.ErrUnavailable
		})
		in.campaigns.EXPECT().ActiveCampaign(t.Context(), gomock.Any(), gomock.Any()).Return(autoInsurance(t), nil)
		first, second := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := in.Handle(gone, aLead())
			first <- err
		}()
		synctest.Wait()
		go func() {
			_, err := in.Handle(t.Context(), aLead())
			second <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-first, application.ErrUnavailable)
		require.NoError(t, <-second)
	})
}

// A lead that the remembered campaign refuses costs a look at the stored version, and the campaign is read again when that differs.
func TestARefusedLeadReadsAChangedCampaignOnly(t *testing.T) {
	t.Parallel()
	in := newIntake(t, sold)
	in.replays.EXPECT().FindRecent(gomock.Any(), gomock.Any(), gomock.Any()).Return(application.StoredResponse{}, false, nil).AnyTimes()
	asFirst := autoInsurance(t)
	in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), "seller_1", "auto insurance").Return(asFirst, nil)
	_, err := in.Handle(t.Context(), aLead())
	require.NoError(t, err)

	lacking := aLead()
	lacking.Fields = field.Set{"phone": field.TextValue("555-123-4567"), "state": field.TextValue("TX"), "firstName": field.TextValue("Ada")}
	in.campaigns.EXPECT().ActiveVersion(gomock.Any(), "seller_1", "auto insurance").Return(asFirst.ID(), asFirst.Version(), nil).Times(3)
	for range 3 {
		_, err = in.Handle(t.Context(), lacking)
		require.ErrorIs(t, err, field.ErrMissing)
	}

	changed := asFirst.Snapshot()
	changed.Version++
	in.campaigns.EXPECT().ActiveVersion(gomock.Any(), "seller_1", "auto insurance").Return(changed.ID, changed.Version, nil).Times(2)
	in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), "seller_1", "auto insurance").Return(campaign.FromSnapshot(changed), nil)
	for range 2 {
		_, err = in.Handle(t.Context(), lacking)
		require.ErrorIs(t, err, field.ErrMissing)
	}

	in.campaigns.EXPECT().ActiveVersion(gomock.Any(), "seller_1", "auto insurance").Return("", int64(0), campaign.ErrNoMatching)
	in.campaigns.EXPECT().ActiveCampaign(gomock.Any(), "seller_1", "auto insurance").Return(nil, campaign.ErrNoMatching)
	_, err = in.Handle(t.Context(), lacking)
	require.ErrorIs(t, err, campaign.ErrNoMatching, "one that was paused elsewhere")
	require.Len(t, in.batches, 1)
}
