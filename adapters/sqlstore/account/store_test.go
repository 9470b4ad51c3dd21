package account_test

import (
	"testing"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	accounttest "github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest/account"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

func TestStore(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			accounttest.Run(t, func(t *testing.T) *sqlstoretest.Harness { return sqlstoretest.New(t, migrated.URL(t, engine)) })
		})
	}
}
