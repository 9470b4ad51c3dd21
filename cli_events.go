package leadmill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/eventlog/archive"
)

func (c *cli) forget() *cobra.Command {
	return &cobra.Command{
		Use: "forget CONSUMER", Short: "Drop a consumer that no build has any more, with its parked events", Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, k *core, args []string) error {
			if slices.Contains(k.Runner.Names(), args[0]) || slices.Contains(k.reactions(), args[0]) {
				return fmt.Errorf("this build has %s: only a consumer that no build has any more can be forgotten", args[0])
			}
			if err := k.Log.consumers.Forget(ctx, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.stdout, "%s is forgotten.\n", args[0])
			return err
		}),
	}
}

func (c *cli) rebase() *cobra.Command {
	return &cobra.Command{
		Use: "rebase", Short: "Give the log another identity, after the database was restored", Args: cobra.NoArgs,
		Long: "Give the log another identity, after the database was restored from a backup. Positions behind the backup are given again to other\n" +
			"events: readers of /v1/events who keep a position of the former log are then told so by 409.",
		RunE: c.run(func(ctx context.Context, k *core, _ []string) error {
			logID, err := eventlog.Rebase(ctx, k.DB)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.stdout, "The log is now %s.\n", logID)
			return err
		}),
	}
}

func (c *cli) restore() *cobra.Command {
	var hold time.Duration
	cmd := &cobra.Command{
		Use: "restore [FILE | DAY | DAY..DAY]...", Short: "Put archived events back into the log",
		Long: "Put archived events of LEADMILL_ARCHIVE_DIR back into the log, at their positions: of files of its manifest, of days such as\n" +
			"2026-01-31, or all. What is there already stays as it is.",
		Args: cobra.ArbitraryArgs,
	}
	cmd.Flags().DurationVar(&hold, "hold", 24*time.Hour, "how long nothing is archived again")
	cmd.RunE = c.run(func(ctx context.Context, k *core, args []string) error {
		if k.Config.ArchiveDir == "" {
			return &usageError{errors.New("LEADMILL_ARCHIVE_DIR is not set")}
		}
		a, dir, err := openArchive(k.Config, k.DB, k.Clock, k.Logger)
		if err != nil {
			return err
		}
		all, err := dir.Files()
		if err != nil {
			return err
		}
		files, err := archive.Choose(all, args)
		if err != nil {
			return &usageError{err}
		}
		if len(files) == 0 {
			return errors.New("the archive has no files")
		}
		done, err := a.Restore(ctx, files, hold)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.stdout, "%d files restored, %d segments of them were missing. The log begins at position %d.\n",
			done.Files, done.Segments, done.First); err != nil || done.Missing == 0 {
			return err
		}
		_, err = fmt.Fprintf(c.stdout, "Nothing before it can be read until the events up to position %d are restored too.\n", done.Missing)
		return err
	})
	return cmd
}
