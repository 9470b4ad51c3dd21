package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/delivery"
)

// A receiver that failed and has nothing due is out of the order at once, and forgotten after a while.
func TestReceiversAreForgotten(t *testing.T) {
	t.Parallel()
	e := newEndpoint()
	e.due = true
	ref := application.Ref{SellerID: "seller_1", ID: "one"}
	r := &sending{endpoints: map[application.Ref]*endpoint{ref: e}}
	r.queue(ref, e)
	r.queue(ref, e)
	require.Equal(t, []application.Ref{ref}, r.order)
	e.failed(0, false, delivery.Timeout)
	e.due = false
	r.start(t.Context())
	require.Empty(t, r.order)
	require.False(t, e.forgettable(time.Minute))
	require.True(t, e.forgettable(remembered))
	e.due = true
	r.queue(ref, e)
	require.False(t, e.forgettable(remembered))
}
