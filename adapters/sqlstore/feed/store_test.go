package feed_test

import (
	"testing"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	feedtest "github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest/feed"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

func TestStore(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			feedtest.Run(t, func(t *testing.T) *sqlstoretest.Harness { return sqlstoretest.New(t, migrated.URL(t, engine)) })
		})
	}
}
