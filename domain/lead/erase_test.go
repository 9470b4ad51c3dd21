package lead_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// Erase clears what is personal and nothing else: a new member of the snapshot must be kept or listed here.
func TestEraseKeepsAllButThePerson(t *testing.T) {
	t.Parallel()
	for _, test := range []bool{false, true} {
		n := submission(test)
		l := lead.Submit(n)
		require.NoError(t, l.Sell(outcome(), later))
		l.Committed()
		before, events := l.Snapshot(), l.StoredVersion()
		require.NotEmpty(t, before.Fields)
		at := later.Add(time.Hour)
		require.NoError(t, l.Erase(at))
		want := before
		want.Fields, want.ErasedAt, want.UpdatedAt, want.Version = l.Snapshot().Fields, at, at, l.Snapshot().Version
		assert.Empty(t, want.Fields)
		assert.Equal(t, want, l.Snapshot())
		if test {
			assert.Empty(t, l.Pending(), "nothing is told of a test")
		} else {
			ref := l.Pending()[0].(lead.Erased).Ref
			assert.Equal(t, before.ID, ref.LeadID)
			assert.Equal(t, []event.Event{lead.Erased{Ref: ref, Status: lead.StatusSold, At: at}}, l.Pending())
			assert.Equal(t, events+1, l.Version())
		}
		restored := lead.FromSnapshot(l.Snapshot())
		require.ErrorIs(t, restored.Erase(at), lead.ErrErased)
		assert.Empty(t, restored.Pending())
	}
}

func TestErasedFormLead(t *testing.T) {
	t.Parallel()
	l := reviewed(t, lead.ReviewStatusOpen, lead.StatusPending)
	before := l.Review()
	require.NoError(t, l.Erase(later))
	var types []string
	for _, e := range l.Pending() {
		types = append(types, e.EventType())
	}
	assert.Equal(t, []string{"lead.unsold", "lead.erased"}, types, "nobody buys a lead without a person")
	assert.Equal(t, lead.StatusUnsold, l.Status())
	assert.Equal(t, lead.StatusUnsold, l.Pending()[1].(lead.Erased).Status)
	got := l.Review()
	erased := map[string]bool{"Name": true, "Email": true, "Answers": true}
	for i, f := range reflect.VisibleFields(reflect.TypeFor[lead.Review]()) {
		if erased[f.Name] {
			assert.False(t, reflect.ValueOf(*before).Field(i).IsZero(), f.Name)
			assert.True(t, reflect.ValueOf(*got).Field(i).IsZero(), f.Name)
		} else {
			assert.Equal(t, reflect.ValueOf(*before).Field(i).Interface(), reflect.ValueOf(*got).Field(i).Interface(), f.Name)
		}
	}
	require.ErrorIs(t, l.Convert("customer_1", "abc", new(money.Micros(7)), usd, later), lead.ErrErased)
	require.NoError(t, l.RejectReview(later))
	require.NoError(t, l.Delete(later))
	require.ErrorIs(t, l.Erase(later), lead.ErrErased)

	deleted := reviewed(t, lead.ReviewStatusOpen, lead.StatusNotOffered)
	require.NoError(t, deleted.Delete(later))
	require.ErrorIs(t, deleted.Erase(later), lead.ErrErased)
}

func TestAnExternalIDThatIsAnEmailIsErased(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"jane@example.com": "", "order-7": "order-7"} {
		n := submission(false)
		n.ExternalID = id
		l := lead.Submit(n)
		require.NoError(t, l.Sell(outcome(), later))
		require.NoError(t, l.Erase(later))
		assert.Equal(t, want, l.Snapshot().ExternalID)
	}
}
