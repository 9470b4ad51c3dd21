package market_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// TestTheFirstOfEachQueueIsFoundWithoutTheOthers has 9,000 deliveries wait in the queues of 30 contracts of 3 sellers.
func TestTheFirstOfEachQueueIsFoundWithoutTheOthers(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			var want []application.Ref
			for contract := range 30 {
				of := application.Ref{SellerID: fmt.Sprint("seller_", contract%3), ID: fmt.Sprintf("contract_%02d", contract)}
				var rows []string
				for n := range 300 {
					at := noon.Add(time.Duration(contract*1000+n) * time.Second)
					rows = append(rows, fmt.Sprintf("('%s', '%s', %d, 'delivery_%d_%d')", of.SellerID, of.ID, at.UnixMicro(), contract, n))
				}
				h.Exec(t, "INSERT INTO delivery_queue (seller_id, contract_id, next_at, delivery_id) VALUES "+strings.Join(rows, ", "))
				want = append(want, of)
			}
			if e != dbtest.SQLite {
				h.Exec(t, "ANALYZE TABLE delivery_queue")
			}
			var sent []sqlstoretest.Statement
			var faults sqlstoretest.Faults
			db := h.Open(t, dialect.Options{MaxConnections: 1, Wrap: faults.Wrap})
			r := marketstore.NewReader(db, nil)
			read := handlerReads(t, db, e)
			got, err := r.DueEndpoints(ctx, noon.Add(-time.Second))
			require.NoError(t, err)
			require.Empty(t, got)
			faults.Told(func(s sqlstoretest.Statement) { sent = append(sent, s) })
			before := read()
			for some := range want {
				got, err = r.DueEndpoints(ctx, noon.Add(time.Duration(some)*1000*time.Second))
				require.NoError(t, err)
				require.Equal(t, want[:some+1], got, "of those that waited longest first")
			}
			rows := read() - before
			require.Less(t, rows, len(want)*500, "rows for 30 looks at 9,000 deliveries")
			if e == dbtest.SQLite {
				for _, s := range sent {
					if strings.Contains(s.Query, "delivery_queue") {
						require.NotContains(t, strings.ReplaceAll(planOf(t, db, s), "USING COVERING INDEX", ""), "SCAN q\n", "the whole queue is read")
					}
				}
			}
			h.Exec(t, "DELETE FROM delivery_queue")
			got, err = r.DueEndpoints(ctx, noon.Add(time.Hour))
			require.NoError(t, err)
			require.Empty(t, got, "of an empty queue")
		})
	}
}
