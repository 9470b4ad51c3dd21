package acme

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/projection"
)

// eventCounts is a read model in a table of Acme's own: how many events of each type there are. The table is
// made by the migrations.
type eventCounts struct{}

func newEventCounts() eventCounts { return eventCounts{} }

// Name implements projection.Projection.
func (eventCounts) Name() string { return "acme-event-counts" }

// Apply implements projection.Projection: a batch is added up in memory, then written once a type. Types are written in
// order, as everything that takes locks.
func (eventCounts) Apply(ctx context.Context, tx projection.Tx, events []application.StoredEvent) error {
	counts := map[string]int64{}
	for _, e := range events {
		counts[e.Type]++
	}
	for _, typ := range slices.Sorted(maps.Keys(counts)) {
		updated, err := tx.ExecContext(ctx, "UPDATE x_acme_event_counts SET events = events + ? WHERE type = ?", counts[typ], typ)
		if err != nil {
			return fmt.Errorf("count %s: %w", typ, err)
		}
		n, err := updated.RowsAffected()
		if err != nil {
			return fmt.Errorf("count %s: %w", typ, err)
		}
		if n > 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO x_acme_event_counts (type, events) VALUES (?, ?)", typ, counts[typ]); err != nil {
			return fmt.Errorf("count the first %s: %w", typ, err)
		}
	}
	return nil
}

// Reset implements projection.Projection.
func (eventCounts) Reset(ctx context.Context, tx projection.Tx) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM x_acme_event_counts")
	return err
}
