package leadmill

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// parked returns the commands that look after events that consumers could not handle. Without one of them it lists these.
func (c *cli) parked() *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List the events that consumers could not handle", Args: cobra.NoArgs, RunE: c.run(c.listParked)}
	all := group("parked", "List the events that consumers could not handle; have them handled again, or skip one", list, c.retry(), c.skipParked())
	all.RunE = c.run(c.listParked)
	return all
}

func (c *cli) listParked(ctx context.Context, k *core, _ []string) error {
	list, err := k.Log.consumers.Parked(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "CONSUMER\tPOSITION\tAGGREGATE\tATTEMPTS\tERROR")
	for _, p := range list {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s %s\t%d\t%s\n", p.Consumer, p.Position, p.AggregateType, p.AggregateID, p.Attempts, p.Error)
	}
	return w.Flush()
}

func (c *cli) retry() *cobra.Command {
	return &cobra.Command{
		Use: "retry CONSUMER", Short: "Have a projection or a reaction handle its parked events again, in order", Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, k *core, args []string) error {
			done, err := k.retry(ctx, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.stdout, done)
			return err
		}),
	}
}

func (c *cli) skipParked() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "skip CONSUMER POSITION", Short: "Let a consumer go on without a parked event, and have those that wait behind it handled", Args: cobra.ExactArgs(2),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, which is kept")
	cmd.RunE = c.run(func(ctx context.Context, k *core, args []string) error {
		position, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || position < 1 {
			return &usageError{fmt.Errorf("the event's position is a number from 1, not %q", args[1])}
		}
		if strings.TrimSpace(reason) == "" {
			return &usageError{errors.New("--reason is required")}
		}
		done, err := k.skipParked(ctx, args[0], position, reason)
		if done != "" {
			_, _ = fmt.Fprintln(c.stdout, done)
		}
		return err
	})
	return cmd
}
