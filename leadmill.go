// Package leadmill is the composition root: it wires domain, application, adapters and ports together and runs them.
// An enterprise build is
//
//	func main() { leadmill.New(acme.Module).Run() }
//
// with the team's own rules, tables, commands, routes and reactions in acme.Module; see NewModule, and docs/extending.md, which
// leads through all of it.
//
// Stability: experimental.
package leadmill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/leadmill/leadmill/domain/distribution"
)

// App is Leadmill with the modules of a build.
type App struct {
	modules []Module
	driver  wrapDriver
}

// New returns Leadmill extended by modules.
func New(modules ...Module) *App { return &App{modules: modules} }

// Run runs the command line of the process and exits: 0 when all went well, 1 on an error, 2 on a wrong setting or call.
func (a *App) Run() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := a.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Main is Run for tests and for programs of their own: it takes the arguments and returns the exit code.
func (a *App) Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := a.command(stdout, stderr, args).ExecuteContext(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		complain(stderr, err)
		return 2
	default:
		complain(stderr, err)
		return 1
	}
}

// usageError is a wrong setting or a wrong call of the command line.
type usageError struct{ err error }

// Error implements error.
func (e *usageError) Error() string { return e.err.Error() }

// Unwrap returns the mistake.
func (e *usageError) Unwrap() error { return e.err }

// complain prints an error, each of several problems on a line of its own.
func complain(w io.Writer, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		_, _ = fmt.Fprintln(w, "leadmill: "+line)
	}
}

// startTimeout bounds migrating and starting. stopTimeout is longer than the 20 seconds in which the HTTP server finishes
// its requests.
const (
	startTimeout = 10 * time.Minute
	stopTimeout  = 40 * time.Second
)

// with builds and starts the core, calls use, and stops everything again.
func (a *App) with(ctx context.Context, c Config, logs io.Writer, use func(ctx context.Context, k *core) error, more ...fx.Option) (err error) {
	assembled, err := a.assembled()
	if err != nil {
		return err
	}
	var k core
	options := append(assembled.options(), fx.Supply(assembled, c, newLogger(c, logs), a.driver), fx.Populate(&k), fx.StartTimeout(startTimeout),
		fx.StopTimeout(stopTimeout), silent())
	app := fx.New(append(options, more...)...)
	if err := app.Err(); err != nil {
		return fmt.Errorf("put leadmill together: %w", dig.RootCause(err))
	}
	if err := errors.Join(k.Operations.Err(), k.Scopes.Check(k.Operations)); err != nil {
		return fmt.Errorf("put leadmill together: %w", err)
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := app.Start(starting); err != nil {
		return fmt.Errorf("start: %w", dig.RootCause(err))
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err = errors.Join(err, app.Stop(stopping))
	}()
	return use(ctx, &k)
}

// assembled looks at the modules of the build. The error names everything that is wrong with them.
func (a *App) assembled() (*assembly, error) {
	all, err := assemble(append(rooms(), a.modules...))
	if err != nil {
		return all, fmt.Errorf("put leadmill together: %w", err)
	}
	return all, nil
}

// strategies returns the strategies of this build, without a database.
func (a *App) strategies(c Config, logs io.Writer) (s distribution.Strategies, err error) {
	all, err := a.assembled()
	if err != nil {
		return distribution.Strategies{}, err
	}
	options := append(all.options(), fx.Supply(all, c, newLogger(c, logs), a.driver), fx.Populate(&s), silent())
	if err := fx.New(options...).Err(); err != nil {
		return distribution.Strategies{}, fmt.Errorf("put leadmill together: %w", dig.RootCause(err))
	}
	return s, nil
}

// silent keeps fx from logging.
func silent() fx.Option {
	return fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger })
}

// rooms are Leadmill's own modules.
func rooms() []Module { return []Module{housekeeping, accountRoom, programRoom, marketRoom, feedRoom} }

func newLogger(c Config, w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: c.LogLevel}))
}
