package leadmill

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/eventlog/archive"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	feedcommand "github.com/leadmill/leadmill/application/feed/command"
)

// housekeeping is what is done for all rooms.
var housekeeping = ownModule("housekeeping",
	AsJob("purge", application.Every(time.Minute), newPurge),
	AsJob("archive-events", application.Every(time.Hour), newArchiveEvents),
)

// newPurge deletes the claims, stored responses and tokens whose time is over, in all rooms, and what is left of deleted webhooks.
func newPurge(_ migrated, s *sqlstore.Store, forget forgetsWebhooks, clock application.Clock, registry *prometheus.Registry) (func(context.Context) error, error) {
	purged, err := newPurged(registry)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		n, err := s.PurgeExpired(ctx, clock.Now())
		done, failed := forget.Handle(ctx, feedcommand.ForgetDeletedWebhooks{})
		purged.Add(float64(n + done.Deliveries))
		return errors.Join(err, failed)
	}, nil
}

// newArchiveEvents archives and deletes the events that are past their retention.
func newArchiveEvents(_ migrated, c Config, db *dialect.DB, clock application.Clock, logger *slog.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		if c.EventsRetention == 0 {
			return nil
		}
		a, _, err := openArchive(c, db, clock, logger)
		if err != nil {
			return err
		}
		return a.Archive(ctx)
	}
}

// openArchive opens the folder of archived events, which is made when it is missing.
func openArchive(c Config, db *dialect.DB, clock application.Clock, logger *slog.Logger) (*eventlog.Archiver, *archive.Dir, error) {
	if err := c.checkArchive(); err != nil {
		return nil, nil, err
	}
	dir, err := archive.Open(c.ArchiveDir)
	if err != nil {
		return nil, nil, fmt.Errorf("LEADMILL_ARCHIVE_DIR: %w", err)
	}
	return eventlog.NewArchiver(db, clock, dir, eventlog.ArchiverConfig{Days: c.EventsRetention, Logger: logger}), dir, nil
}
