// Package leadmill is the composition root: it wires domain, application, adapters and ports together and runs them.
// An enterprise build is
//
//	func main() { leadmill.New(acme.Module).Run() }
//
// with the team's own rules, strategies, interceptors and projections in acme.Module; see NewModule.
package leadmill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/leadmill/leadmill/adapters/sqlstore"
)

// App is Leadmill with the modules of a build.
type App struct {
	modules    []Module
	migrations sqlstore.Modules
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
func (a *App) with(ctx context.Context, c Config, logs io.Writer, use func(ctx context.Context, k *core) error) (err error) {
	var k core
	options := []fx.Option{
		fx.Supply(c, newLogger(c, logs), a.migrations), coreModule, fx.Populate(&k), fx.StartTimeout(startTimeout), fx.StopTimeout(stopTimeout),
		fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger }),
	}
	for _, m := range append([]Module{accountRoom, programRoom, marketRoom, feedRoom}, a.modules...) {
		options = append(options, m.option)
	}
	app := fx.New(options...)
	if err := app.Err(); err != nil {
		return fmt.Errorf("put leadmill together: %w", wiringCause(err))
	}
	if err := k.Operations.Err(); err != nil {
		return fmt.Errorf("put leadmill together: %w", err)
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := app.Start(starting); err != nil {
		return fmt.Errorf("start: %w", wiringCause(err))
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err = errors.Join(err, app.Stop(stopping))
	}()
	return use(ctx, &k)
}

var missingFor = regexp.MustCompile(`missing dependencies for function (\S+)`)

// wiringCause removes fx's own words from the error of a constructor. It keeps the name of a constructor whose dependencies
// are missing.
func wiringCause(err error) error {
	cause := dig.RootCause(err)
	if m := missingFor.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s: %w", m[1], cause)
	}
	return cause
}

func newLogger(c Config, w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: c.LogLevel}))
}
