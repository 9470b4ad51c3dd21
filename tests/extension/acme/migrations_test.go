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
		const steps, kills = 40, 3
		migrate := func(steps int, args ...string) *leadmilltest.Process {
			return leadmilltest.LaunchProcess(t, leadmilltest.ProcessOptions{
				DatabaseURL: databaseURL, Args: append([]string{"migrate"}, args...), Settings: []string{"LEADMILL_X_LONG=" + strconv.Itoa(steps)},
			})
		}
		up := migrate(1, "up") // the release before
		require.Zero(t, up.Wait(t), up.Logs.Tail())
		done := func() int { return len(up.Query(t, "SELECT step FROM x_long_steps")) }

		inside := 0 // how many kills found some steps done and some not
		mysql := strings.HasPrefix(databaseURL, "mysql:")
		for range kills {
			p, next := migrate(steps, "up"), min(done()+1+rand.IntN(8), steps-1)
			if mysql {
				leadmilltest.Eventually(t, func() error {
					if n := done(); n < next {
						return fmt.Errorf("%d steps are done, want %d", n, next)
					}
					return nil
				})
			} else { // all steps are one transaction, which cannot be looked into
				life := time.NewTimer(time.Duration(30+rand.IntN(100)) * time.Millisecond)
				<-life.C
			}
			p.Kill()
			if n := done(); n > 0 && n < steps-1 {
				inside++
			}
		}
		assert.Equal(t, mysql, inside > 0, "%d kills were between two steps", inside)

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
