package jobs_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/jobs"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/lease"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

func TestOneOfTwoRunsIt(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, databaseURL string) {
		hands, n := start(), &tally{}
		begun, goOn := make(chan struct{}), make(chan struct{})
		j := application.Job{Name: "one", Schedule: application.Every(time.Minute), Do: func(context.Context) error {
			defer n.begin()()
			begun <- struct{}{}
			<-goOn
			return nil
		}}
		c := jobs.Config{Lease: lease.Config{TTL: 30 * time.Second}} // shorter than the interval: it is given back after each run
		one, two := run(t, databaseURL, hands, c, j), run(t, databaseURL, hands, c, j)
		for round := 1; round <= 4; round++ {
			first := one.known(t)
			require.False(t, first.Owned)
			require.False(t, first.Next.Before(hands.Now().Add(time.Minute)), "not before the interval")
			require.False(t, first.Next.After(hands.Now().Add(66*time.Second)), "jitter is a tenth at most")
			hands.Advance(66 * time.Second)
			<-begun
			require.True(t, one.status(t).Owned)
			looks := 0 // of one in vain, the other one waits for its job
			eventually(t, "the other looks", func() bool {
				looks += len(one.faults.Statements()) + len(two.faults.Statements())
				return looks > 20
			})
			goOn <- struct{}{}
			eventually(t, "it is over", func() bool { return !one.status(t).Owned })
			s := two.status(t)
			require.Equal(t, int64(round), s.Runs)
			require.Equal(t, jobs.OK, s.Result)
			require.Equal(t, hands.Now(), s.Started)
			require.Equal(t, hands.Now(), s.Finished)
		}
		require.Equal(t, 4, n.runs())
		require.Zero(t, n.overlaps)
	})
}

// An owner that cannot reach the database any more must stop, and another one goes on when its lease has ended.
func TestAnOwnerThatIsGone(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, databaseURL string) {
		hands := start()
		begun, ended := make(chan struct{}, 1), make(chan error, 1)
		gone := run(t, databaseURL, hands, jobs.Config{Lease: brief}, application.Job{
			Name: "move", Schedule: application.Every(time.Minute), Do: func(ctx context.Context) error {
				begun <- struct{}{}
				<-ctx.Done()
				ended <- context.Cause(ctx)
				return ctx.Err()
			},
		})
		gone.known(t)
		hands.Advance(2 * time.Minute)
		<-begun
		var done atomic.Int64
		heir := run(t, databaseURL, hands, jobs.Config{Lease: brief}, application.Job{
			Name: "move", Schedule: application.Every(time.Minute), Do: func(context.Context) error {
				done.Add(1)
				return nil
			},
		})
		heir.looked(t, 5)
		require.Zero(t, done.Load(), "the owner renews its lease")
		down := errors.New("no connection")
		gone.faults.Before(func(string) error { return down })
		require.ErrorIs(t, <-ended, lease.ErrLost)
		eventually(t, "the other one runs it", func() bool { return done.Load() == 1 })
		eventually(t, "and stores that", func() bool { return heir.status(t).Runs == 1 })
		require.Equal(t, jobs.OK, heir.status(t).Result)
		gone.stop()
	})
}

// A lease that another instance took ends the run, and the old owner's end changes nothing.
func TestALeaseThatIsTaken(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, databaseURL string) {
		hands := start()
		begun, ended := make(chan struct{}, 1), make(chan error, 1)
		i := run(t, databaseURL, hands, jobs.Config{Lease: lease.Config{TTL: 50 * time.Second, Renew: 5 * time.Millisecond}}, application.Job{
			Name: "taken", Schedule: application.Every(time.Minute), Do: func(ctx context.Context) error {
				begun <- struct{}{}
				<-ctx.Done()
				ended <- context.Cause(ctx)
				return nil
			},
		})
		i.known(t)
		hands.Advance(2 * time.Minute)
		<-begun
		eventually(t, "a renewal tells when the run began", func() bool { return i.status(t).Started.Equal(hands.Now()) })
		_, err := i.db.Writer.Exec("UPDATE jobs SET owner = 'thief', fence = fence + 1")
		require.NoError(t, err)
		require.ErrorIs(t, <-ended, lease.ErrLost)
		i.stop()
		s := i.status(t)
		require.True(t, s.Owned, "the thief's lease is not released")
		require.Zero(t, s.Runs)
	})
}

func TestStoppingHandsOver(t *testing.T) {
	t.Parallel()
	for name, every := range map[string]time.Duration{"kept between runs": time.Minute, "leased for a run": 2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEngines(t, func(t *testing.T, databaseURL string) {
				hands, n := start(), &tally{}
				begun := make(chan struct{}, 1)
				one := run(t, databaseURL, hands, jobs.Config{Lease: long}, application.Job{
					Name: "count", Schedule: application.Every(every), Do: func(ctx context.Context) error {
						begun <- struct{}{}
						<-ctx.Done()
						return ctx.Err()
					},
				})
				one.known(t)
				hands.Advance(2 * every)
				<-begun
				two := run(t, databaseURL, hands, jobs.Config{Lease: long}, counted(n, application.Every(every)))
				two.looked(t, 3)
				require.Zero(t, n.runs())
				one.stop()
				eventually(t, "the other one runs it at once", func() bool { return n.runs() == 1 })
				two.stop()
				s := two.status(t)
				require.Equal(t, int64(1), s.Runs, "what was cut off does not count")
				require.Zero(t, s.Failures)
				require.False(t, s.Owned)
			})
		})
	}
}

func TestItIsNotDueAgainAfterARestart(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, databaseURL string) {
		hands, n := start(), &tally{}
		c := jobs.Config{Lease: brief}
		one := run(t, databaseURL, hands, c, counted(n, application.Every(24*time.Hour)))
		one.known(t)
		hands.Advance(25 * time.Hour)
		eventually(t, "it runs", func() bool { return one.status(t).Runs == 1 })
		one.stop()
		next := one.status(t).Next
		hands.Advance(next.Sub(hands.Now()) - time.Microsecond)
		two := open(t, databaseURL, hands, c, counted(n, application.Every(24*time.Hour)))
		two.faults.Statements()
		two.run(t)
		eventually(t, "it looks", func() bool { return len(two.faults.Statements()) > 0 }) // once: then it waits for the day to end
		two.stop()
		require.Equal(t, 1, n.runs(), "it is not due yet")
		require.Equal(t, next, two.status(t).Next)
		three := run(t, databaseURL, hands, c, counted(n, application.Every(24*time.Hour)))
		hands.Advance(time.Microsecond)
		eventually(t, "now it is", func() bool { return three.status(t).Runs == 2 })

		// With another schedule it is due by that.
		three.stop()
		four := run(t, databaseURL, hands, c, counted(n, application.Cron("*/5 * * * *")))
		eventually(t, "it is due soon", func() bool { return four.status(t).Next.Before(hands.Now().Add(6 * time.Minute)) })
	})
}

// wrongClock is hours ahead.
type wrongClock struct {
	*clock.Manual

	ahead atomic.Int64
}

func (c *wrongClock) Now() time.Time {
	return c.Manual.Now().Add(time.Duration(c.ahead.Load()) * time.Hour)
}

// A clock that was years ahead for a while does not keep a job from running for years.
func TestAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	for name, schedule := range map[string]application.Schedule{"every": application.Every(24 * time.Hour), "cron": application.Cron("0 3 * * *")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEngines(t, func(t *testing.T, databaseURL string) {
				hands, n := &wrongClock{Manual: start()}, &tally{}
				one := run(t, databaseURL, hands, jobs.Config{}, counted(n, schedule))
				one.known(t)
				hands.ahead.Store(10 * 365 * 24)
				eventually(t, "it runs", func() bool { return one.status(t).Runs == 1 })
				require.True(t, one.status(t).Next.After(hands.Manual.Now().Add(365*24*time.Hour)))
				hands.ahead.Store(0)
				eventually(t, "it is planned anew", func() bool { return one.status(t).Next.Before(hands.Now().Add(25 * time.Hour)) })
				hands.Advance(25 * time.Hour)
				eventually(t, "it runs again", func() bool { return one.status(t).Runs == 2 })
			})
		})
	}
}

func TestAMissedTimeIsMadeUpOnce(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, databaseURL string) {
		hands, n := start(), &tally{} // 1 o'clock
		j := counted(n, application.Cron("0 3 * * *"))
		one := run(t, databaseURL, hands, jobs.Config{}, j)
		next := one.known(t).Next
		require.Equal(t, time.Date(2026, 3, 4, 3, 0, 0, 0, time.UTC), next.Truncate(time.Second), "and up to a second")
		one.stop()
		hands.Advance(5*24*time.Hour + 4*time.Hour) // the 9th, 5 o'clock: missed six times
		two := run(t, databaseURL, hands, jobs.Config{}, j)
		eventually(t, "it runs", func() bool { return two.status(t).Runs == 1 })
		require.Equal(t, time.Date(2026, 3, 10, 3, 0, 0, 0, time.UTC), two.status(t).Next.Truncate(time.Second))
		two.stop()
		require.Equal(t, 1, n.runs())
	})
}

// seen is what an Observer was told.
type seen struct {
	errs chan error
}

func (s seen) JobRan(_ context.Context, job string, started, finished time.Time, err error) {
	if job != "fails" || finished.Before(started) {
		err = errors.New("told of something else")
	}
	s.errs <- err
}

func TestAJobThatFails(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, databaseURL string) {
		const canary = "john@canary.example"
		hands, told := start(), seen{make(chan error)}
		busy := fault.New(fault.Unavailable, "mail_server_busy", "The mail server is busy.")
		runs := make(chan func() error, 1)
		i := run(t, databaseURL, hands, jobs.Config{Observer: told}, application.Job{
			Name: "fails", Schedule: application.Every(time.Hour), Do: func(context.Context) error { return (<-runs)() },
		})
		i.known(t)
		for n, c := range []struct {
			do     func() error
			result string
			reason string
		}{
			{func() error { return busy.Because(errors.New(canary)) }, jobs.Failed, "mail_server_busy: The mail server is busy."},
			{func() error { return errors.New(canary) }, jobs.Failed, "*errors.errorString"},
			{func() error { panic(canary) }, jobs.Failed, "*bus.PanicError"},
			{func() error { return fault.New(fault.Invalid, "long", strings.Repeat("ü", 900)) }, jobs.Failed, "long: " + strings.Repeat("ü", 497)},
			{func() error { return nil }, jobs.OK, ""},
		} {
			runs <- c.do
			hands.Advance(2 * time.Hour)
			err := <-told.errs
			eventually(t, "it is stored", func() bool { return i.status(t).Runs == int64(n+1) })
			s := i.status(t)
			require.Equal(t, c.result, s.Result)
			require.Equal(t, c.reason, s.Reason)
			require.True(t, s.Next.After(hands.Now()), "it is tried again at its next time")
			switch n {
			case 0:
				require.ErrorIs(t, err, busy)
			case 2:
				_, ok := errors.AsType[*bus.PanicError](err)
				require.True(t, ok, "%v", err)
			case 4:
				require.NoError(t, err)
				require.Equal(t, int64(4), s.Failures)
			}
		}
	})
}

func TestRunNowIsUnderTheLease(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, databaseURL string) {
		hands, fail := start(), errors.New("no luck")
		begun, goOn := make(chan struct{}), make(chan struct{})
		j := application.Job{Name: "now", Schedule: application.Cron("0 3 * * *"), Do: func(context.Context) error {
			begun <- struct{}{}
			<-goOn
			return fail
		}}
		one, two := open(t, databaseURL, hands, jobs.Config{}, j), open(t, databaseURL, hands, jobs.Config{}, j)
		require.ErrorIs(t, one.RunNow(t.Context(), "other"), jobs.ErrUnknown)
		require.ErrorContains(t, one.RunNow(t.Context(), "other"), "now", "it names those there are")
		done := make(chan error, 1)
		go func() { done <- one.RunNow(context.Background(), "now") }()
		<-begun
		require.ErrorIs(t, two.RunNow(t.Context(), "now"), jobs.ErrOwned)
		goOn <- struct{}{}
		require.ErrorIs(t, <-done, fail)
		s := two.status(t)
		require.Equal(t, jobs.Failed, s.Result)
		require.Equal(t, int64(1), s.Runs)
		require.Equal(t, time.Date(2026, 3, 4, 3, 0, 0, 0, time.UTC), s.Next.Truncate(time.Second), "its time does not change")
		require.False(t, s.Owned)
	})
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	db, err := dialect.Open("sqlite:"+t.TempDir()+"/x.db", dialect.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	do := func(context.Context) error { return nil }
	ok := application.Job{Name: "a", Schedule: application.Every(time.Second), Do: do}
	for want, list := range map[string][]application.Job{
		`two jobs are named "a"`:            {ok, {Name: "b", Schedule: application.Cron("* * * * *"), Do: do}, ok},
		`job name "A" is not`:               {{Name: "A", Schedule: ok.Schedule, Do: do}},
		`job name "" is not`:                {{Schedule: ok.Schedule, Do: do}},
		"is not 1 to 64 of":                 {{Name: strings.Repeat("a", 65), Schedule: ok.Schedule, Do: do}},
		`job "a" has nothing to do`:         {{Name: "a", Schedule: ok.Schedule}},
		`job "a": schedule is "every 0s"`:   {{Name: "a", Do: do}},
		`schedule is "every -1m"`:           {{Name: "a", Schedule: application.Every(-time.Minute), Do: do}},
		`schedule is "every 999ms"`:         {{Name: "a", Schedule: application.Every(999 * time.Millisecond), Do: do}},
		`job "a": schedule "" cannot`:       {{Name: "a", Schedule: application.Cron(""), Do: do}},
		`schedule "* * * *" cannot`:         {{Name: "a", Schedule: application.Cron("* * * *"), Do: do}},
		`schedule "* * * * * *" cannot`:     {{Name: "a", Schedule: application.Cron("* * * * * *"), Do: do}},
		`schedule "60 * * * *" cannot`:      {{Name: "a", Schedule: application.Cron("60 * * * *"), Do: do}},
		`schedule "@daily" cannot`:          {{Name: "a", Schedule: application.Cron("@daily"), Do: do}},
		`it is in UTC`:                      {{Name: "a", Schedule: application.Cron("TZ=Europe/Paris 0 3 * * *"), Do: do}},
		`schedule "TZ=0" cannot`:            {{Name: "a", Schedule: application.Cron("TZ=0"), Do: do}},
		`schedule "0 3 * * mön" cannot`:     {{Name: "a", Schedule: application.Cron("0 3 * * mön"), Do: do}},
		`schedule "0 0 30 2 *" never comes`: {{Name: "a", Schedule: application.Cron("0 0 30 2 *"), Do: do}},
		"longer than 200":                   {{Name: "a", Schedule: application.Cron("0 3 * * " + strings.Repeat("1,", 100) + "1"), Do: do}},
	} {
		_, err := jobs.New(db, start(), list, jobs.Config{})
		require.ErrorContains(t, err, want)
	}
	_, err = jobs.New(db, start(), []application.Job{ok, {Name: "0.b-c", Schedule: application.Cron("*/15 3-5 1,15 JAN-MAR ?"), Do: do}}, jobs.Config{})
	require.NoError(t, err)
	_, err = jobs.New(db, start(), nil, jobs.Config{})
	require.NoError(t, err)
}

// What an idle minute writes for jobs that are due every second and every five: as much as renewing their leases.
func TestAnIdleMinute(t *testing.T) {
	t.Parallel()
	databaseURL := migrated.URL(t, dbtest.SQLite)
	synctest.Test(t, func(t *testing.T) {
		mails, sweeps, purges := &tally{}, &tally{}, &tally{}
		job := func(name string, n *tally, every time.Duration) application.Job {
			j := counted(n, application.Every(every))
			j.Name = name
			return j
		}
		i := run(t, databaseURL, clock.NewSystem(), jobs.Config{Look: time.Second},
			job("mails", mails, time.Second), job("sweep", sweeps, 5*time.Second), job("purge", purges, time.Minute))
		time.Sleep(10 * time.Minute) // of the bubble
		i.faults.Statements()
		before := []int{mails.runs(), sweeps.runs(), purges.runs()}
		const minutes = 10
		time.Sleep(minutes * time.Minute)
		writes, reads := 0, 0
		for _, q := range i.faults.Statements() {
			if strings.HasPrefix(q, "SELECT") {
				reads++
			} else if strings.HasPrefix(q, "UPDATE jobs") {
				writes++
			}
		}
		ran := []int{mails.runs() - before[0], sweeps.runs() - before[1], purges.runs() - before[2]}
		t.Logf("in %d minutes %v runs, %d writes, %d reads", minutes, ran, writes, reads)
		require.GreaterOrEqual(t, ran[0], 60*minutes*10/11)
		require.LessOrEqual(t, ran[0], 60*minutes)
		require.GreaterOrEqual(t, ran[1], 12*minutes*10/11-1)
		require.GreaterOrEqual(t, ran[2], minutes*10/11-1)
		// 20 a minute for each of the two that are kept, two a run of the other, and one more of each at the edges.
		require.LessOrEqual(t, writes, 2*20*minutes+2*minutes+3)
		require.LessOrEqual(t, reads, 6*minutes, "what is kept is not asked for, what is known is not asked for again")
		i.stop()
		list, err := i.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, int64(mails.runs()), list[0].Runs, "what was not written yet is, at the end")
		require.NoError(t, i.db.Close())
	})
}

// Tests of modules set the clock, and it stands still between: what is prompt stays so.
func TestAClockThatStandsStill(t *testing.T) {
	t.Parallel()
	databaseURL := migrated.URL(t, dbtest.SQLite)
	synctest.Test(t, func(t *testing.T) {
		hands, n := start(), &tally{}
		i := run(t, databaseURL, hands, jobs.Config{Look: time.Second}, counted(n, application.Every(5*time.Second)))
		time.Sleep(time.Minute)
		if runs := n.runs(); runs < 10 || runs > 12 {
			t.Errorf("%d runs in a minute, want 10 to 12", runs)
		}
		before := n.runs()
		hands.Advance(time.Hour)
		time.Sleep(time.Second)
		require.Equal(t, before+1, n.runs(), "an hour later it is due, once")
		i.stop()
		require.NoError(t, i.db.Close())
	})
}
