package acme

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestMigrationsAreListed(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		status := func() string { return strings.Join(strings.Fields(run(t, databaseURL, "migrate", "status")), " ") }
		assert.Contains(t, status(), "acme 1 0001_sales.sql false acme 2 0002_cases.sql false")
		run(t, databaseURL, "migrate", "up")
		assert.Contains(t, status(), "acme 1 0001_sales.sql true acme 2 0002_cases.sql true")
	})
}

// Migrations that were killed at whatever moment go on where they were: no step is left out and none is done twice.
func TestMigrationsGoOnAfterAKill(t *testing.T) {
	t.Parallel()
	leadmilltest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const steps, kills = 40, 6
		migrate := func(steps int, args ...string) *leadmilltest.Process {
			return leadmilltest.LaunchProcess(t, leadmilltest.ProcessOptions{
				DatabaseURL: databaseURL, Args: append([]string{"migrate"}, args...), Settings: []string{"LEADMILL_X_LONG=" + strconv.Itoa(steps)},
			})
		}
		up := migrate(1, "up") // the release before
		require.Zero(t, up.Wait(t), up.Logs.Tail())
		done := func() int { return len(up.Query(t, "SELECT step FROM x_long_steps")) }

		between := 0 // how many kills found some steps done and some not
		for range kills {
			p, before := migrate(steps, "up"), done()
			// On MySQL each step can be seen, and so be waited for. On SQLite all of them are one transaction.
			life := time.After(time.Duration(20+rand.IntN(400)) * time.Millisecond)
			if strings.HasPrefix(databaseURL, "mysql:") {
				leadmilltest.Eventually(t, func() error {
					if done() == before && before < steps-1 {
						return fmt.Errorf("still %d steps are done", before)
					}
					return nil
				})
			} else {
				<-life
			}
			p.Kill()
			switch n := done(); {
			case strings.HasPrefix(databaseURL, "mysql:") && n < steps-1:
				between++
			case strings.HasPrefix(databaseURL, "sqlite:"):
				assert.Contains(t, []int{0, steps - 1}, n)
			}
		}
		if strings.HasPrefix(databaseURL, "mysql:") {
			assert.Positive(t, between, "no kill hit anything")
		}

		last := migrate(steps, "up")
		require.Zero(t, last.Wait(t), last.Logs.Tail())
		for i, row := range last.Query(t, "SELECT step FROM x_long_steps ORDER BY step") {
			assert.Equal(t, strconv.Itoa(i+2), row[0], "each step once")
		}
		assert.Equal(t, steps-1, done())
		for i := 2; i <= steps; i++ {
			assert.Empty(t, last.Query(t, fmt.Sprintf("SELECT note FROM x_long_%d", i)))
		}
		listed := migrate(steps, "status")
		require.Zero(t, listed.Wait(t))
		assert.NotContains(t, listed.Output.String(), "false")
	})
}
