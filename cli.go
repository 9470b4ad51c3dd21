package leadmill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/seller"
)

// cli is the command line: the App it runs and where it prints.
type cli struct {
	app            *App
	stdout, stderr io.Writer
}

func (a *App) command(stdout, stderr io.Writer, args []string) *cobra.Command {
	c := &cli{a, stdout, stderr}
	root := &cobra.Command{
		Use: "leadmill", Short: "A partner program and lead marketplace in one service",
		Long: "Leadmill is a partner program and lead marketplace in one service.\nSettings come from the environment; see the README.",
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true, CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.AddCommand(c.own()...)
	root.AddCommand(c.ofModules()...)
	for _, sub := range allCommands(root) {
		if run := sub.RunE; run != nil {
			sub.RunE = func(cmd *cobra.Command, given []string) error {
				if err := c.checkNames(os.Environ()); err != nil {
					return err
				}
				return run(cmd, given)
			}
		}
		if args := sub.Args; args != nil {
			sub.Args = func(cmd *cobra.Command, given []string) error {
				if err := errors.Join(args(cmd, given), cmd.ValidateRequiredFlags()); err != nil {
					return &usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
				}
				return nil
			}
		}
	}
	return root
}

// own returns the commands that every build has.
func (c *cli) own() []*cobra.Command {
	return []*cobra.Command{c.serve(), c.demo(), c.migrate(), c.keys(), c.people(), c.doctor(), c.backup(), c.restoreBackup(), c.events(), c.erasures(), c.jobs(), c.healthcheck(), c.bench(), c.sandbox(), c.mcp(), c.version()}
}

func allCommands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, allCommands(sub)...)
	}
	return all
}

// run makes the function of a command that uses the whole core, built with the settings of the environment, on a database that is
// there.
func (c *cli) run(use func(ctx context.Context, k *core, args []string) error) func(*cobra.Command, []string) error {
	return c.runOn(opening{tell: c.stderr}, use)
}

// runMaking is run for a command that makes and migrates the database. Its standard error is a log and nothing else.
func (c *cli) runMaking(use func(ctx context.Context, k *core, args []string) error) func(*cobra.Command, []string) error {
	return c.runOn(opening{makes: true, tell: c.stdout}, use)
}

func (c *cli) runOn(o opening, use func(ctx context.Context, k *core, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		config, err := LoadConfig()
		if o.makes {
			_, wrong := telemetry.ReadOpenTelemetry(os.Getenv)
			err = errors.Join(err, wrong)
		}
		if err != nil {
			return &usageError{err}
		}
		return c.app.with(cmd.Context(), config, c.stderr, func(ctx context.Context, k *core) error { return use(ctx, k, args) }, opened(o))
	}
}

// group makes a command that only has sub-commands.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return &usageError{fmt.Errorf("a command is missing; see %s --help", cmd.CommandPath())}
	}}
	g.AddCommand(subs...)
	return g
}

func (c *cli) serve() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Migrate the database and serve the API", Args: cobra.NoArgs,
		RunE: c.runMaking(func(ctx context.Context, k *core, _ []string) error { return k.serve(ctx, c.tellAddress(k)) }),
	}
}

// tellAddress returns a function that prints where the API listens, and the admin key if this start made one.
func (c *cli) tellAddress(k *core) func(ctx context.Context, base string) error {
	return func(_ context.Context, base string) error {
		if k.Admin.made != "" {
			_, _ = fmt.Fprintf(c.stdout, "Admin key (printed this once; keep it): %s\n", k.Admin.made)
		}
		_, _ = fmt.Fprintf(c.stdout, "Leadmill listens on %s\n", base)
		return nil
	}
}

func (c *cli) migrate() *cobra.Command {
	withDB := func(o dialect.Options, use func(ctx context.Context, db *dialect.DB, log *slog.Logger, modules sqlstore.Modules) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			config, err := LoadConfig()
			if err != nil {
				return &usageError{err}
			}
			modules, err := c.app.migrations()
			if err != nil {
				return err
			}
			db, err := openDB(config, c.stderr, o)
			if err != nil {
				return err
			}
			logger := newLogger(config, c.stderr)
			if err := waitFor(cmd.Context(), db, config, logger); err != nil {
				return errors.Join(err, db.Close())
			}
			return errors.Join(use(cmd.Context(), db, logger, modules), db.Close())
		}
	}
	up := &cobra.Command{
		Use: "up", Short: "Bring the database to the schema of this binary", Args: cobra.NoArgs,
		RunE: withDB(dialect.Options{Unhurried: true}, func(ctx context.Context, db *dialect.DB, log *slog.Logger, modules sqlstore.Modules) error {
			if err := sqlstore.MigrateAndTell(ctx, db, log, modules...); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.stdout, "The schema is current.")
			return err
		}),
	}
	status := &cobra.Command{
		Use: "status", Short: "List the migrations and which are applied", Args: cobra.NoArgs,
		RunE: withDB(dialect.Options{Existing: true, Unhurried: true}, func(ctx context.Context, db *dialect.DB, _ *slog.Logger, modules sqlstore.Modules) error {
			list, err := sqlstore.Status(ctx, db, modules...)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "MODULE\tVERSION\tNAME\tAPPLIED")
			for _, m := range list {
				_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%t\n", cmp.Or(m.Module, "leadmill"), m.Version, m.Name, m.Applied)
			}
			return w.Flush()
		}),
	}
	return group("migrate", "Bring the database's schema up to date, or look at it", up, status)
}

// keep returns a Once without a key for a caller that wants the result itself: it stores the result in into.
func keep[R any](into *R) application.Once[R] {
	return application.Once[R]{Render: func(r R) application.Response {
		*into = r
		return application.Response{}
	}}
}

// operator returns the actor of the command line for a seller. Whoever can reach the database may act for every seller.
func (k *core) operator(ctx context.Context, code string) (application.Actor, error) {
	s, err := k.Account.SellerByCode.Handle(ctx, accountquery.SellerByCode{Actor: application.Actor{Scope: seller.Admin}, Code: code})
	if err != nil {
		return application.Actor{}, err
	}
	return actorOf(s)
}

func (c *cli) events() *cobra.Command {
	replay := &cobra.Command{
		Use: "replay PROJECTION", Short: "Empty a projection and build it again from the first event", Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, k *core, args []string) error {
			if err := k.replay(ctx, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.stdout, "%s is built again.\n", args[0])
			return err
		}),
	}
	status := &cobra.Command{
		Use: "status", Short: "List the consumers of the log and how far behind they are", Args: cobra.NoArgs,
		RunE: c.run(func(ctx context.Context, k *core, _ []string) error {
			list, err := k.Log.consumers.Status(ctx)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "CONSUMER\tPOSITION\tLAG\tPARKED")
			for _, s := range list {
				_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", s.Consumer, s.Position, s.Lag, s.Parked)
			}
			return w.Flush()
		}),
	}
	return group("events", "Look after the event log and its consumers", c.tail(), replay, status, c.parked(), c.retry(), c.skipSegment(), c.forget(), c.restore(), c.rebase())
}

func (c *cli) skipSegment() *cobra.Command {
	var consumer, reason string
	cmd := &cobra.Command{
		Use: "skip-segment ID", Short: "Let a consumer go on without a segment of the log that cannot be read", Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&consumer, "consumer", "", "projection or reaction that shall go on")
	cmd.Flags().StringVar(&reason, "reason", "", "why, which is kept")
	cmd.RunE = c.run(func(ctx context.Context, k *core, args []string) error {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || id < 1 {
			return &usageError{fmt.Errorf("the segment's id is a number from 1, not %q", args[0])}
		}
		if consumer == "" || strings.TrimSpace(reason) == "" {
			return &usageError{errors.New("--consumer and --reason are required")}
		}
		first, last, err := k.Log.consumers.Skip(ctx, consumer, id, reason, k.Clock.Now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.stdout, "%s goes on without the events at positions %d to %d.\n", consumer, first, last)
		return err
	})
	return cmd
}

func (c *cli) version() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		_, err := fmt.Fprintln(c.stdout, "leadmill "+Version())
		return err
	}}
}

// released is the version of a release, which the linker sets.
var released string //nolint:gochecknoglobals // the linker sets nothing else

// Version returns the version of this binary: that of the release, of its module, or its revision.
func Version() string {
	if released != "" {
		return released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (info.Main.Version == "" || info.Main.Version == "(devel)") {
			return s.Value
		}
	}
	if info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
