package command_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/feed"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
)

// unread is a log of which some sellers' events cannot be read; the others have none.
type unread map[string]bool

func (u unread) SellerEvents(_ context.Context, sellerID string, _ []string, after int64, _ int) ([]application.StoredEvent, int64, error) {
	if u[sellerID] {
		return nil, 0, errors.New("it cannot be read")
	}
	return nil, after, nil
}

// Replays that cannot go on, however many and old, do not stop the others.
func TestReplaysThatCannotGoOnStopNoOther(t *testing.T) {
	t.Parallel()
	s := &store{full: map[string]bool{}}
	add := func(seller, hook string) {
		s.replays = append(s.replays, feed.Replay{SellerID: seller, WebhookID: hook, ID: fmt.Sprintf("replay_%04d", len(s.replays)), CreatedAt: noon.Add(time.Duration(len(s.replays)) * time.Second)})
	}
	for i := range 300 {
		hook := fmt.Sprint("full_", i)
		s.full[hook] = true
		add("seller_1", hook)
		add("seller_broken", fmt.Sprint("broken_", i))
	}
	for i := range 20 {
		add("seller_2", fmt.Sprint("well_", i))
		add("seller_2", fmt.Sprint("well_", i))
	}
	h := &feedcommand.RunWebhookReplaysHandler{Deps: s.deps(), Reader: s, Log: unread{"seller_broken": true}, Logger: slog.New(slog.DiscardHandler)}
	done, err := h.Handle(t.Context(), feedcommand.RunWebhookReplays{})
	require.NoError(t, err)
	require.False(t, done.More)
	var want []string
	for i := range 16 {
		want = append(want, fmt.Sprintf("replay_%04d", 600+2*i))
	}
	require.Equal(t, want, s.saved, "one of each webhook, sixteen in all")
}

// More of those that cannot go on than one run looks at, and some that cannot be read, do not stop the others either: the next runs come to them.
func TestNoNumberOfReplaysThatCannotGoOnStopsTheOthers(t *testing.T) {
	t.Parallel()
	s := &store{full: map[string]bool{}}
	for i := range 9_000 {
		r := feed.Replay{SellerID: "seller_1", WebhookID: fmt.Sprint("stuck_", i), ID: fmt.Sprintf("replay_%05d", i), CreatedAt: noon}
		if i%3 == 0 {
			r.Unreadable = errors.New("its types cannot be read")
		}
		s.full[r.WebhookID] = true
		s.replays = append(s.replays, r)
	}
	for i := range 20 {
		s.replays = append(s.replays, feed.Replay{SellerID: "seller_2", WebhookID: fmt.Sprint("well_", i), ID: fmt.Sprintf("replay_%05d", 9_000+i), CreatedAt: noon})
	}
	h := &feedcommand.RunWebhookReplaysHandler{Deps: s.deps(), Reader: s, Log: unread{}, Logger: slog.New(slog.DiscardHandler)}
	for range 6 {
		_, err := h.Handle(t.Context(), feedcommand.RunWebhookReplays{})
		require.NoError(t, err)
	}
	all := map[string]bool{}
	for _, id := range s.saved {
		all[id] = true
	}
	require.Len(t, all, 20, "each went on")
}
