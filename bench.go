package leadmill

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/tests/load"
)

// benchPatience is how long to wait until the campaign report has the last sale.
const benchPatience = time.Minute

func (c *cli) bench() *cobra.Command {
	var o load.Options
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure how many leads a second a running server sells", Args: cobra.NoArgs,
		Long: `Measure how many leads a second a running server sells.

It makes a seller of its own through the API, with five buyers, a campaign and a supplier, and posts leads that were
never sent before. The seller and its leads stay in the database: do not aim it at one that matters.
LEADMILL_ADMIN_KEY must hold the server's admin key.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := LoadConfig()
			if err != nil {
				return &usageError{err}
			}
			var problems []error
			if config.AdminKey == "" {
				problems = append(problems, errors.New("LEADMILL_ADMIN_KEY must hold the server's admin key"))
			}
			if _, err := load.ParseURL(o.BaseURL); err != nil {
				problems = append(problems, fmt.Errorf("--url: %w", err))
			}
			if o.Connections < 1 || o.Duration <= 0 {
				problems = append(problems, errors.New("--connections and --duration must be above 0"))
			}
			if err := errors.Join(problems...); err != nil {
				return &usageError{err}
			}
			o.AdminKey, o.Warmup = config.AdminKey, o.Duration/10
			result, err := load.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			lag, err := result.Settle(cmd.Context(), benchPatience)
			if err != nil {
				return errors.Join(result.Err(), err)
			}
			if _, err := fmt.Fprintf(c.stdout, "%s; report %s behind at the end\n", result, lag.Round(time.Millisecond)); err != nil {
				return err
			}
			return result.Err()
		},
	}
	cmd.Flags().StringVar(&o.BaseURL, "url", "http://127.0.0.1:8080", "address of the server")
	cmd.Flags().IntVar(&o.Connections, "connections", 64, "clients that post at the same time")
	cmd.Flags().DurationVar(&o.Duration, "duration", 10*time.Second, "how long to measure, after a tenth of it to warm up")
	return cmd
}
