package leadmill

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/lead"
)

// closing notes that it is closed.
type closing struct {
	aRule

	name string
	into *[]string
}

func (c *closing) Close() error {
	*c.into = append(*c.into, c.name)
	if c.name == "bad" {
		panic("no way")
	}
	return nil
}

// under is made of another value, which is made before it and closed after it.
type under struct{ closing }

func buildIn(t *testing.T, parts ...Extension) error {
	t.Helper()
	c := Config{HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db"), BatchMax: 1, MailDir: t.TempDir()}
	return New(NewModule("acme", parts...)).with(t.Context(), c, io.Discard, func(context.Context, *core) error { return nil })
}

func TestWhatModulesMakeIsClosed(t *testing.T) {
	t.Parallel()
	var closed []string
	parts := []Extension{
		Provide(func() *under { return &under{closing{name: "under", into: &closed}} }),
		Provide(func(*under) *closing { return &closing{name: "over", into: &closed} }),
		AsIntakeRule(func(c *closing) lead.IntakeRule { return c }), // the same value once more
	}
	require.NoError(t, buildIn(t, parts...))
	assert.Equal(t, []string{"over", "under"}, closed, "each once, in the reverse order")

	closed = nil
	err := buildIn(t, append(parts, AsStrategy(func(*closing) (aStrategy, error) { return aStrategy{}, errors.New("the licence is over") }))...)
	require.ErrorContains(t, err, "the licence is over")
	assert.Equal(t, []string{"over", "under"}, closed, "also when another constructor fails")

	closed = nil
	require.ErrorContains(t, buildIn(t, append(parts, AsScope("x", "Nothing"))...), `"Nothing"`)
	assert.Equal(t, []string{"over", "under"}, closed, "also when the build is refused")

	closed = nil
	err = buildIn(t, append(parts[:2:2], AsIntakeRule(func(*closing) lead.IntakeRule { return &closing{name: "bad", into: &closed} }))...)
	require.ErrorContains(t, err, `module "acme": github.com/leadmill/leadmill.TestWhatModulesMakeIsClosed.func5: Close panicked: no way`)
	assert.Equal(t, []string{"bad", "over", "under"}, closed, "what fails to close keeps nothing open")
}

func TestAStopThatIsHeldUpEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		defer close(forever)
		c := closers{patience: time.Minute}
		closed := false
		c.add("the database", func() error { closed = true; return nil })
		c.add(`module "acme": newPool`, func() error { <-forever; return nil })
		began := time.Now()
		require.EqualError(t, c.close(), `stop: module "acme": newPool: Close does not end`)
		assert.Equal(t, time.Minute, time.Since(began))
		assert.False(t, closed, "what it uses stays open")
	})
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		w := newWork(ctx, 15*time.Second)
		w.begin("quick", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		w.begin("jobs", func(context.Context) error { <-forever; return nil })
		w.begin("fails", func(context.Context) error { return errors.New("no luck") })
		require.EqualError(t, <-w.failed, "fails stopped: no luck")
		stop()
		began := time.Now()
		require.EqualError(t, w.end(), "stop: jobs does not end")
		assert.Equal(t, 15*time.Second, time.Since(began))
		close(forever)
		require.NoError(t, w.end())
	})
}

// TestTwoInstancesOfOneModule starts a module value in two programs at once and again after they stopped: it keeps nothing.
func TestTwoInstancesOfOneModule(t *testing.T) {
	t.Parallel()
	module := NewModule("acme", AsIntakeRule(newRule), AsCLI(greetCommand, newGreet), AsScope("reports", "CampaignReport"),
		AsJob("chore", application.Every(time.Hour), newChore), AsReaction("crm", []string{"lead.sold.v1"}, newReactor),
		AsMigrations(files("CREATE TABLE x_acme_a (id BIGINT PRIMARY KEY)"), "."), ReplaceMailer(func() aMailer { return aMailer{} }))
	app := New(module)
	apps := []*App{app, app, New(module)}
	urls := make([]string, len(apps))
	for n := range urls {
		urls[n] = "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db")
	}
	for range 2 {
		var together sync.WaitGroup
		for n, a := range apps {
			c := Config{HTTPAddr: "127.0.0.1:0", DatabaseURL: urls[n], BatchMax: 1, AdminKey: siteAdmin}
			together.Go(func() {
				i, err := a.Start(t.Context(), c, StartOptions{})
				if assert.NoError(t, err) {
					assert.Contains(t, i.Consumers(), "crm")
					assert.NoError(t, i.RunJob(t.Context(), "chore"))
					assert.NoError(t, i.Stop())
				}
			})
		}
		together.Wait()
	}
}

type aMailer struct{ application.Mailer }
