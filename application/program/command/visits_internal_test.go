package command

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Whoever sees pages from many addresses cannot fill the memory.
func TestVisitsAreBounded(t *testing.T) {
	t.Parallel()
	var s visits
	const start = time.Hour
	first := visit{"seller_1", "ref_1", "192.0.2.1"}
	assert.True(t, s.counts(first, true, start))
	for i := range maxVisits - 1 {
		assert.True(t, s.counts(visit{"seller_1", "ref_1", strconv.Itoa(i)}, false, start+30*time.Second))
	}
	assert.Len(t, s.seen, maxVisits)
	assert.False(t, s.counts(first, true, start+59*time.Second))

	assert.True(t, s.counts(visit{"seller_1", "ref_1", "one more"}, false, start+60*time.Second), "what is over makes room")
	assert.Len(t, s.seen, maxVisits)
	assert.False(t, s.counts(visit{"seller_1", "ref_1", "7"}, true, start+60*time.Second), "what is not over is kept")

	assert.True(t, s.counts(visit{"seller_1", "ref_1", "and one more"}, false, start+60*time.Second))
	assert.Len(t, s.seen, 1, "without any room it begins anew")
}
