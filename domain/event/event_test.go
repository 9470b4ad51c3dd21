package event_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/leadmill/leadmill/domain/event"
)

type happened struct{ n int }

func (happened) EventType() string { return "thing.happened" }

func TestRecorder(t *testing.T) {
	t.Parallel()
	var fresh event.Recorder
	assert.Zero(t, fresh.Version())
	assert.Empty(t, fresh.Pending())

	r := event.Restored(7)
	assert.Equal(t, int64(7), r.Version())
	r.Record(happened{1})
	r.Record(happened{2})
	for range 2 {
		assert.Equal(t, []event.Event{happened{1}, happened{2}}, r.Pending(), "reading does not clear")
		assert.Equal(t, int64(9), r.Version())
		assert.Equal(t, int64(7), r.StoredVersion())
	}
	r.Committed()
	assert.Empty(t, r.Pending())
	assert.Equal(t, int64(9), r.StoredVersion())
	assert.Equal(t, int64(9), r.Version())
	r.Committed()
	assert.Equal(t, int64(9), r.Version(), "committing nothing counts nothing")
	r.Record(happened{3})
	assert.Equal(t, []event.Event{happened{3}}, r.Pending())
	assert.Equal(t, int64(10), r.Version())
}
