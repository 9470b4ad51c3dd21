package projection_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/program"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

func linkEvent(t *testing.T, sellerID, typ string, at time.Time, payload any) application.StoredEvent {
	t.Helper()
	b, err := json.Marshal(payload)
	require.NoError(t, err)
	return application.StoredEvent{Position: 7, EventRecord: application.EventRecord{SellerID: sellerID, Type: typ, Payload: b, OccurredAt: at}}
}

func TestLinkDays(t *testing.T) {
	t.Parallel()
	clicked := func(seller, partner, key string, n int64, at time.Time) application.StoredEvent {
		return linkEvent(t, seller, program.PartnerClickedType, at, program.PartnerClicked{PartnerID: partner, ReferralKey: key, Clicks: n})
	}
	attributed := func(seller, partner, key string, at time.Time) application.StoredEvent {
		e := eventsv1.CustomerAttributed{PartnerID: partner, ReferralKey: key, PreviousPartnerID: "partner_9"}
		return linkEvent(t, seller, e.Type(), at, e)
	}
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			db, err := dialect.Open(migrated.URL(t, e), dialect.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, db.Close()) })
			p := programprojection.NewLinkDays(programstore.NewLinkDays(db))
			assert.Equal(t, "link-days", p.Name())
			next := evening.Add(24 * time.Hour)
			apply := func(events ...application.StoredEvent) error {
				tx, err := db.Writer.BeginTxx(t.Context(), nil)
				require.NoError(t, err)
				if err := p.Apply(t.Context(), tx, events); err != nil {
					return errors.Join(err, tx.Rollback())
				}
				return tx.Commit()
			}
			rows := func() map[string][2]int64 {
				out := map[string][2]int64{}
				rows, err := db.Reader.QueryxContext(t.Context(), "SELECT seller_id, partner_id, day, referral_key, clicks, signups FROM link_days")
				require.NoError(t, err)
				for rows.Next() {
					var seller, partner, day, key string
					var n [2]int64
					require.NoError(t, rows.Scan(&seller, &partner, &day, &key, &n[0], &n[1]))
					out[fmt.Sprintf("%s %s %s %s", seller, partner, day, key)] = n
				}
				require.NoError(t, errors.Join(rows.Err(), rows.Close()))
				return out
			}
			require.NoError(t, apply(clicked("seller_1", "partner_1", "a", 0, evening), clicked("seller_1", "partner_1", "b", 40, evening), clicked("seller_2", "partner_1", "a", 1, evening)))
			require.NoError(t, apply(
				clicked("seller_1", "partner_1", "a", 0, evening), clicked("seller_1", "partner_1", "a", 0, next), attributed("seller_1", "partner_1", "a", next),
				attributed("seller_1", "partner_1", "", next), linkEvent(t, "seller_1", "acme.thing.v1", next, 5),
			))
			assert.Equal(t, map[string][2]int64{
				"seller_1 partner_1 2025-05-02 a": {2, 0}, "seller_1 partner_1 2025-05-02 b": {40, 0}, "seller_2 partner_1 2025-05-02 a": {1, 0},
				"seller_1 partner_1 2025-05-03 a": {1, 1}, "seller_1 partner_1 2025-05-03 ": {0, 1},
			}, rows())
			was := rows()
			require.ErrorContains(t, apply(clicked("seller_1", "partner_1", "a", 0, next), clicked("seller_1", "", "a", 0, next)), "partner.clicked.v1 at 7: no partner")
			assert.Equal(t, was, rows())
			tx, err := db.Writer.BeginTxx(t.Context(), nil)
			require.NoError(t, err)
			require.NoError(t, p.Reset(t.Context(), tx))
			require.NoError(t, tx.Commit())
			assert.Empty(t, rows())
		})
	}
}
