package leadmill

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"slices"

	"github.com/leadmill/leadmill/application"
)

// StartOptions change what an Instance uses. The zero value changes nothing.
type StartOptions struct {
	// Clock replaces the system's clock. Leases of event consumers and jobs still use the database's clock.
	Clock application.Clock
	// Driver wraps the connector of the database's driver, to count statements or to make them fail.
	Driver func(driver.Connector) driver.Connector
	// Logs receives the log; nil discards it.
	Logs io.Writer
}

// Instance is Leadmill running inside another program: a team's tests of its module use it in place of a process.
type Instance struct {
	url  string
	core *core
	stop context.CancelFunc
	done chan error
}

// Start does what the command serve does, with c in place of the environment's settings, and returns when the API answers.
// A port of 0 in c.HTTPAddr picks a free one. ctx ends the instance as Stop does. Errors are those of serve.
func (a *App) Start(ctx context.Context, c Config, o StartOptions) (*Instance, error) {
	if o.Logs == nil {
		o.Logs = io.Discard
	}
	app := &App{modules: slices.Clone(a.modules), driver: o.Driver}
	if o.Clock != nil {
		app.modules = append(app.modules, ownModule("clock_of_the_test", ReplaceClock(func() application.Clock { return o.Clock })))
	}
	ctx, stop := context.WithCancel(ctx)
	i := &Instance{stop: stop, done: make(chan error, 1)}
	listening := make(chan struct{})
	go func() {
		i.done <- app.with(ctx, c, o.Logs, func(ctx context.Context, k *core) error {
			return k.serve(ctx, func(_ context.Context, base string) error {
				i.url, i.core = base, k
				close(listening)
				return nil
			})
		})
	}()
	select {
	case <-listening:
		return i, nil
	case err := <-i.done:
		stop()
		if err == nil {
			err = errors.New("leadmill: ended while it started")
		}
		return nil, err
	}
}

// URL returns the address under which clients reach the API, without a slash at its end.
func (i *Instance) URL() string { return i.url }

// Consumers returns the names of the projections and reactions that the instance runs, in alphabetical order. The log keeps a
// cursor for each under its name.
func (i *Instance) Consumers() []string {
	names := append(i.core.Runner.Names(), i.core.reactions()...)
	slices.Sort(names)
	return names
}

// RunJob runs a job now, whether it is due or not, and returns what it failed with. It waits for nobody. Errors: a job that this build
// lacks, and one that an instance has, this one or another: while it runs, and between its runs too when it is due more often than
// every 10 seconds.
func (i *Instance) RunJob(ctx context.Context, name string) error {
	return i.core.Jobs.RunNow(ctx, name)
}

// Stop finishes the requests in work, stops the instance and returns what went wrong since Start. Call it once.
func (i *Instance) Stop() error {
	i.stop()
	return <-i.done
}
