package leadmill

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/application"
)

// housekeeping is what is done for all rooms.
var housekeeping = ownModule("housekeeping",
	AsJob("purge", application.Every(time.Minute), newPurge),
)

// newPurge deletes the claims, stored responses and tokens whose time is over, in all rooms.
func newPurge(_ migrated, s *sqlstore.Store, clock application.Clock) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.PurgeExpired(ctx, clock.Now())
		return err
	}
}
