package random

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// steps is a clock whose time goes forth and back, as concurrent callers may see it.
type steps struct {
	mu sync.Mutex
	n  int
}

func (c *steps) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return time.Date(2026, 1, 2, 3, 4, 5, (c.n%3)*int(time.Millisecond), time.UTC)
}

func TestIDsAscend(t *testing.T) {
	t.Parallel()
	g := NewIDs(&steps{})
	form := regexp.MustCompile(`^lead_[0-9A-HJKMNP-TV-Z]{26}$`)
	var mu sync.Mutex
	var all []string
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			mine := make([]string, 2000)
			for i := range mine {
				mine[i] = g.New("lead")
			}
			assert.True(t, slices.IsSorted(mine), "each caller sees them ascend")
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	done.Wait()
	assert.Regexp(t, form, all[0])
	slices.Sort(all)
	assert.Len(t, slices.Compact(all), 8000, "unique")
	parsed, err := ulid.ParseStrict(all[0][5:])
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Truncate(time.Second), ulid.Time(parsed.Time()).UTC().Truncate(time.Second))
}

type standing struct{ at time.Time }

func (c standing) Now() time.Time { return c.at }

func TestIDsSurviveExhaustedEntropy(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	full := bytes.Repeat([]byte{0xff}, 10) // the last id of its millisecond
	g := &IDs{clock: standing{at}, entropy: ulid.Monotonic(io.MultiReader(bytes.NewReader(full), bytes.NewReader(bytes.Repeat([]byte{1}, 10))), 1)}
	var ids []string
	for range 3 {
		ids = append(ids, g.New("x"))
	}
	assert.True(t, slices.IsSorted(ids), ids)
	assert.Len(t, slices.Compact(ids), 3)
	assert.Panics(t, func() {
		(&IDs{clock: standing{at}, entropy: ulid.Monotonic(bytes.NewReader(nil), 1)}).New("x")
	}, "an id without randomness is worse than none")
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		s := Secrets{}.New()
		assert.Regexp(t, `^[A-Z2-7]{52}$`, s)
		assert.False(t, seen[s])
		seen[s] = true
	}
}
