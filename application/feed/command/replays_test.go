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
	h := feedcommand.RunWebhookReplaysHandler{Deps: s.deps(), Reader: s, Log: unread{"seller_broken": true}, Logger: slog.New(slog.DiscardHandler)}
	done, err := h.Handle(t.Context(), feedcommand.RunWebhookReplays{})
	require.NoError(t, err)
	require.False(t, done.More)
	var want []string
	for i := range 16 {
		want = append(want, fmt.Sprintf("replay_%04d", 600+2*i))
	}
	require.Equal(t, want, s.saved, "one of each webhook, sixteen in all")
}
