package eventlog_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/application"
)

// An operator lets a projection and a reaction go on without an event that they will never take: what waited behind it comes, in order, and the
// reason is kept.
func TestAParkedEventIsSkipped(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, d database) {
		i, elsewhere := d.start(t), d.open(t)
		j := &journal{name: "poisoned", fail: func(e application.StoredEvent) error {
			if e.AggregateID == "a2" && e.AggregateVersion == 3 || e.AggregateID == "a4" && e.AggregateVersion == 5 {
				return errors.New("refused")
			}
			return nil
		}}
		r := &deliveries{fail: func(e entry) error {
			if e.Aggregate == "s/a2" && e.Version == 3 {
				return errors.New("refused")
			}
			return nil
		}}
		seed(t, i, 1, 5)
		require.NoError(t, i.sequencer.Drain(t.Context()))
		runner := i.runner(t, eventlog.RunnerConfig{Attempts: 1}, j)
		background(t, runner.Run)
		react(t, i.subscriber(t, eventlog.SubscriberConfig{Name: "refusing", Attempts: 1}), r)
		eventually(t, "both parked", func() bool { return len(i.parked(t)) == 3+1+3 })
		var position int64
		for _, p := range i.parked(t) {
			if p.Consumer == "refusing" && p.Attempts > 0 {
				position = p.Position
			}
		}
		now := clock{}.Now()
		for _, wrong := range []struct {
			consumer string
			position int64
		}{{"refusing", position + 1}, {"nobody", position}, {"NO NAME", position}} {
			require.ErrorIs(t, elsewhere.consumers.SkipParked(t.Context(), wrong.consumer, wrong.position, "because", now), eventlog.ErrNotParked)
		}

		require.NoError(t, elsewhere.consumers.SkipParked(t.Context(), "poisoned", position, "because", now))
		require.NoError(t, elsewhere.consumers.SkipParked(t.Context(), "poisoned", position, "again", now), "to say it again is no error")
		n, err := runner.RetryBehind(t.Context(), "poisoned", position)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		n, err = runner.RetryBehind(t.Context(), "poisoned", position)
		require.NoError(t, err)
		require.Zero(t, n, "nothing is parked there any more")
		_, err = runner.RetryBehind(t.Context(), "nobody", position)
		require.ErrorIs(t, err, eventlog.ErrUnknownProjection)
		require.Equal(t, 1, i.status(t, "poisoned").Parked, "another aggregate is parked still")

		require.NoError(t, elsewhere.consumers.SkipParked(t.Context(), "refusing", position, "because", now))
		eventually(t, "the reaction went on", func() bool { return r.count() == 24 && i.status(t, "refusing").Parked == 0 })
		seed(t, i, 6, 1)
		eventually(t, "later ones come at once", func() bool { return r.count() == 29 && j.count(t, i) == 23+4 })
		require.Equal(t, []int64{1, 2, 4, 5, 6}, versionsOf(r.all(), "s/a2"))
		require.Equal(t, []int64{1, 2, 4, 5, 6}, versionsOf(j.entries(t, i), "s/a2"))
		require.Equal(t, int64(2), i.number(t, "SELECT COUNT(*) FROM event_skipped WHERE reason = 'because' AND segment_id < 0"))
	})
}

// versionsOf are those of an aggregate's events, in the order in which they came.
func versionsOf(list []entry, aggregate string) (versions []int64) {
	for _, e := range list {
		if e.Aggregate == aggregate {
			versions = append(versions, e.Version)
		}
	}
	return versions
}
