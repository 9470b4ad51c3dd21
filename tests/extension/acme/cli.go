package acme

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application/projection"
)

// salesCommand is "leadmill acme-sales" as the command line shows it.
func salesCommand() *cobra.Command {
	return &cobra.Command{Use: "acme-sales", Short: "Print what was sold in each state, over all sellers", Args: cobra.NoArgs}
}

// newSalesCommand is what it does.
func newSalesCommand(db projection.Reader) leadmill.CLIFunc {
	return func(cmd *cobra.Command, _ []string) error {
		rows, err := db.QueryContext(cmd.Context(), "SELECT state, SUM(sales) FROM x_acme_sales GROUP BY state ORDER BY state")
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "STATE\tSALES")
		for rows.Next() {
			var state string
			var sales int64
			if err := rows.Scan(&state, &sales); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(w, "%s\t%d\n", state, sales)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return w.Flush()
	}
}
