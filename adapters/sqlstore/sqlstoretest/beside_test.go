package sqlstoretest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
)

func TestLocksByKey(t *testing.T) {
	t.Parallel()
	unique := map[string]map[string][]string{"buyers": {"PRIMARY": {"seller_id", "id"}, "buyers_email": {"email"}}}
	for query, want := range map[string]bool{
		"SELECT id FROM buyers WHERE seller_id = ? AND id IN (?, ?)":                                                     true,
		"SELECT id FROM buyers WHERE seller_id = ? AND id = ? FOR UPDATE":                                                true,
		"SELECT id FROM buyers WHERE email = ? FOR UPDATE":                                                               true,
		"SELECT id FROM buyers WHERE seller_id = ? FOR UPDATE":                                                           false,
		"SELECT id FROM buyers WHERE seller_id = ? AND id IN (?, ?) FOR UPDATE":                                          false,
		"SELECT id FROM buyers FORCE INDEX (PRIMARY) WHERE seller_id = ? AND id IN (?, ?) FOR UPDATE":                    true,
		"/* at most */ SELECT /*+ so long */ id FROM buyers WHERE seller_id = ? AND id IN (?, ?) ORDER BY id FOR UPDATE": false,
		"UPDATE buyers SET balance = ? WHERE seller_id = ? AND id = ? AND version = ?":                                   true,
		"UPDATE buyers SET email = ? WHERE seller_id = ? AND version = ?":                                                false,
		"UPDATE buyers SET balance = ? WHERE seller_id = ? AND id = ? OR seller_id = ? AND id = ?":                       false,
		"UPDATE buyers FORCE INDEX (PRIMARY) SET balance = ? WHERE seller_id = ? AND id = ? OR seller_id = ? AND id = ?": true,
		"DELETE FROM buyers WHERE seller_id = ?":                                                                         false,
		"DELETE FROM buyers":                                                                                             false,
		"DELETE buyers FROM buyers FORCE INDEX (PRIMARY) WHERE seller_id = ?":                                            true,
		"INSERT INTO buyers (seller_id, id) VALUES (?, ?)":                                                               true,
		"UPDATE x_team_cases SET note = ?":                                                                               true,
	} {
		require.Equal(t, want, sqlstoretest.LocksByKey(query, unique), query)
	}
}
