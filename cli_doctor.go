package leadmill

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/size"
	"github.com/leadmill/leadmill/application/market"
)

func (c *cli) doctor() *cobra.Command {
	var sizes, deep bool
	var since string
	cmd := &cobra.Command{
		Use: "doctor", Short: "Audit the database's invariants; exit 1 on a breach", Args: cobra.NoArgs,
		Long: "Audit the database's invariants; exit 1 on a breach. With --since, audit only what came from a time or a position of the log on.\n" +
			"With --sizes, print instead how large the tables are and how quickly they grow.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := LoadConfig()
			if err != nil {
				return &usageError{err}
			}
			modules, err := c.app.migrations()
			if err != nil {
				return err
			}
			db, err := openDB(config, c.stderr, dialect.Options{Existing: true, Unhurried: true})
			if err != nil {
				return err
			}
			defer func() { _ = db.Close() }()
			if err := waitFor(cmd.Context(), db, config, newLogger(config, c.stderr)); err != nil {
				return err
			}
			if err := sqlstore.CheckVersion(cmd.Context(), db, modules...); err != nil {
				return err
			}
			if sizes {
				found, err := size.Read(cmd.Context(), db, newClock().Now())
				if err != nil {
					return err
				}
				return c.tellSizes(found)
			}
			waiting, broken, err := c.undecidable(cmd.Context(), config, db)
			if err != nil {
				return err
			}
			options := audit.Options{Now: newClock().Now(), Deep: deep}
			if since == "proven" {
				options.Since, err = audit.Proven(cmd.Context(), db)
			} else {
				options.Since, err = sincePosition(cmd.Context(), db, since, options.Now)
			}
			if err != nil {
				return err
			}
			report, err := audit.Run(cmd.Context(), db, options, sqlstore.AuditRules()...)
			if err != nil {
				return err
			}
			return c.tell(report, waiting, broken)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "audit only from there on: a position of the log, a day or time (2026-05-02, 2026-05-02T16:00:00Z), how long ago (36h, 7d), or proven: where the job audit was last without a breach")
	cmd.Flags().BoolVar(&deep, "deep", false, "on SQLite, compare its indexes with their tables too, which takes much longer")
	cmd.Flags().BoolVar(&sizes, "sizes", false, "rows, bytes and growth a day of each table, without an audit")
	return cmd
}

// tell prints what the audit found, the contracts whose filters do not compile, which are breaches, and the campaigns that wait for a
// strategy, which are none.
func (c *cli) tell(report audit.Report, waiting []market.CampaignStrategy, broken []market.BrokenFilter) error {
	w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "INVARIANT\tRULE\tROWS\tBREACHES")
	for _, check := range report.Checks {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\n", check.Invariant, check.Rule, check.Rows, check.Breaches)
	}
	for _, b := range report.Breaches {
		_, _ = fmt.Fprintf(w, "BREACH\t%s %s\t%s %s\twant %s, got %s\n", b.Invariant, b.Rule, b.Table, b.ID, b.Want, b.Got)
	}
	for _, b := range broken {
		_, _ = fmt.Fprintf(w, "BREACH\tfilter_compiles\tcontracts %s\tof campaign %s\t%s\n", b.ContractID, b.CampaignID, b.Why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if report.First > 1 && report.Since == 0 {
		_, _ = fmt.Fprintf(c.stdout, "The log begins at position %d: what only archived events tell was not checked, and no read model was replayed.\n", report.First)
	}
	if report.Since > 0 {
		_, _ = fmt.Fprintf(c.stdout, "Only what came from position %d on was looked at.\n", report.Since)
	}
	if report.Parked > 0 {
		_, _ = fmt.Fprintf(c.stdout, "%d events are parked; see leadmill events parked\n", report.Parked)
	}
	for _, w := range waiting {
		_, _ = fmt.Fprintf(c.stdout, "The leads of campaign %s wait: this build has no strategy %q\n", w.CampaignID, w.Strategy)
	}
	if !report.OK() || len(broken) > 0 {
		return errors.New("the audit found breaches")
	}
	_, err := fmt.Fprintln(c.stdout, "No breaches.")
	return err
}

// sincePosition reads what --since says: the position from which on is audited, 0 for all.
func sincePosition(ctx context.Context, db *dialect.DB, since string, now time.Time) (int64, error) {
	if since == "" {
		return 0, nil
	}
	if position, err := strconv.ParseInt(since, 10, 64); err == nil && position >= 0 {
		return position, nil
	}
	at, err := sinceTime(since, now)
	if err != nil {
		return 0, &usageError{err}
	}
	return audit.PositionAt(ctx, db, at)
}

// sinceTime reads a time: a day (UTC), a moment, or how long ago it was, in hours and the like or in days.
func sinceTime(since string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, since); err == nil {
			return at, nil
		}
	}
	if days, ok := strings.CutSuffix(since, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.Add(-time.Duration(n) * 24 * time.Hour), nil
		}
	}
	if ago, err := time.ParseDuration(since); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, errors.New("--since must be a position from 1, a day or time such as 2026-05-02 or 2026-05-02T16:00:00Z, how long ago such as 36h or 7d, or proven")
}
