package size_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/size"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func id(prefix string, at time.Time) string {
	return prefix + "_" + ulid.MustNew(ulid.Timestamp(at), strings.NewReader(strings.Repeat("x", 10))).String()
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			url := migrated.URL(t, e)
			db, err := dialect.Open(url, dialect.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, db.Close()) }()
			exec := func(query string, args ...any) {
				t.Helper()
				_, err := db.Writer.Exec(query, args...)
				require.NoError(t, err)
			}
			for _, s := range []string{"a", "b"} {
				exec("INSERT INTO sellers (id, code, slug, name, currency, time_zone, website, created_at, updated_at, version) VALUES (?,?,?,'','USD','UTC','',0,0,0)", s, s, s)
				for i, at := range []time.Time{noon.AddDate(0, 0, -2), noon.AddDate(0, 0, -1), noon} {
					exec("INSERT INTO ledger_entries (id, seller_id, buyer_id, type, amount, balance_after, sale_id, note, created_at) VALUES (?,?,?,'deposit',1,1,'','',0)",
						id("entry", at.Add(time.Duration(len(s))*time.Millisecond))+s, s, "buyer_"+s)
					if i == 0 {
						exec("INSERT INTO buyers (seller_id, id, name, email, status, time_zone, balance, held, credit_limit, created_at, updated_at, version) "+
							"VALUES (?,?,'','','active','UTC',0,0,0,0,0,0)", s, "buyer_"+s)
					}
				}
			}
			// Two segments on each of seven days, of three events each; the last is today's.
			for n := range 14 {
				exec("INSERT INTO event_positions (first_position, seller_id, segment_id, events, at, types) VALUES (?,'a',?,3,?,1)",
					3*n+1, n+1, noon.AddDate(0, 0, n/2-6).UnixMicro())
				exec("INSERT INTO event_segments (id, seller_id, tx, events, at, types, body) VALUES (?,'a',0,3,0,1,?)", n+1, []byte(strings.Repeat("x", 5000)))
			}
			s, err := size.Read(t.Context(), db, noon)
			require.NoError(t, err)
			require.Equal(t, !db.Sequenced(), s.Counted)
			found := map[string]size.Table{}
			for i, table := range s.Tables {
				found[table.Name] = table
				require.Positive(t, table.Bytes, table.Name)
				require.True(t, i == 0 || s.Tables[i-1].Bytes >= table.Bytes, "the largest first")
			}
			for name, want := range map[string]int64{
				"ledger_entries": 2, "event_positions": 2, "event_segments": 2, "leads": 0, "sales": 0, "customers": 0, "partners": 0, "lead_reviews": 0, "jobs": -1, "sellers": -1,
			} {
				require.Contains(t, found, name)
				require.Equal(t, want, found[name].Yesterday, name)
				require.Equal(t, want <= 0, found[name].Growth() <= 0, fmt.Sprint(name, found[name]))
			}
			if s.Counted {
				require.Equal(t, int64(14), found["event_segments"].Rows)
				require.Equal(t, found["event_segments"].Bytes*2/14, found["event_segments"].Growth())
				require.NotContains(t, found, "sqlite_schema")
			}
			for name := range found {
				require.False(t, strings.HasPrefix(name, "sqlite_"), name)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = size.Read(ended, db, noon)
			require.Error(t, err)
			folder := filepath.Join(t.TempDir(), "none")
			away, err := dialect.Open(map[bool]string{true: "sqlite:" + folder + "/x.db", false: "mysql://u@127.0.0.1:1/x"}[s.Counted], dialect.Options{})
			require.NoError(t, err)
			require.NoError(t, os.RemoveAll(folder))
			defer func() { _ = away.Close() }()
			_, err = size.Read(t.Context(), away, noon)
			require.ErrorIs(t, err, application.ErrUnavailable)
		})
	}
}
