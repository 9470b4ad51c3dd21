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

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/leadmill/leadmill/application"
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
//
// Whoever reads standard error, most often a collector of logs, may stop reading it, or end: what is logged meanwhile is lost, and nothing
// else.
func (a *App) Run() {
	signal.Ignore(syscall.SIGPIPE) // a write to an output that nobody reads any more is an error, and no reason to end
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	config, _ := LoadConfig() // for how is logged; what is wrong with it the command tells
	logs := newLogPipe(os.Stderr, func(w io.Writer, lost int) {
		newLogger(config, w).Warn("lines of this log were lost, because nobody read it", slog.Int("lines", lost))
	})
	code := a.Main(ctx, os.Args[1:], os.Stdout, logs)
	stop()
	logs.close()
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

// starting ends when whoever starts Leadmill does not want it any more. Moving the rows of a large database may take long.
type starting struct{ context.Context }

// opened has an instance open its database so.
func opened(o opening) fx.Option { return fx.Replace(o) }

// at has everything happen at the time that a clock shows.
func at(clock application.Clock) fx.Option {
	return fx.Decorate(func(application.Clock) application.Clock { return clock })
}

// with puts the core together, calls use, and closes everything again. It makes and migrates the database unless an option is another
// opening.
func (a *App) with(ctx context.Context, c Config, logs io.Writer, use func(ctx context.Context, k *core) error, more ...fx.Option) error {
	var k core
	return a.made(ctx, c, logs, func() error {
		if err := errors.Join(k.Operations.Err(), k.checkScopes()); err != nil {
			return fmt.Errorf("put leadmill together: %w", err)
		}
		return use(ctx, &k)
	}, append(more, fx.Populate(&k))...)
}

// made puts together what the options ask for, calls use, and closes everything again, also when it could not be made.
func (a *App) made(ctx context.Context, c Config, logs io.Writer, use func() error, more ...fx.Option) (err error) {
	assembled, err := a.assembled()
	if err != nil {
		return err
	}
	closing := &closers{patience: closePatience}
	defer func() { err = errors.Join(err, closing.close()) }()
	options := append(assembled.options(), fx.Supply(assembled, c, newLogger(c, logs), a.driver, closing, starting{ctx}, opening{makes: true}), silent())
	if err := fx.New(append(options, more...)...).Err(); err != nil {
		return fmt.Errorf("put leadmill together: %w", dig.RootCause(err))
	}
	return use()
}

// assembled looks at the modules of the build. The error names everything that is wrong with them.
func (a *App) assembled() (*assembly, error) {
	all, err := assemble(append(rooms(), a.modules...))
	if err != nil {
		return all, fmt.Errorf("put leadmill together: %w", err)
	}
	return all, nil
}

// deciding returns the strategies of this build and its language of filters. They need no database, unless their constructors do.
func (a *App) deciding(ctx context.Context, c Config, logs io.Writer) (s distribution.Strategies, f distribution.Filters, err error) {
	err = a.made(ctx, c, logs, func() error { return nil }, fx.Populate(&s, &f), opened(opening{}))
	return s, f, err
}

// silent keeps fx from logging.
func silent() fx.Option {
	return fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger })
}

// rooms are Leadmill's own modules.
func rooms() []Module {
	return []Module{housekeeping, auditing, docsPages, accountRoom, programRoom, marketRoom, feedRoom, consoleRoom}
}

func newLogger(c Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == logJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
