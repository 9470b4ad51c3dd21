package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/leadmill/leadmill/tests/dbtest"
)

func TestADatabaseInMemoryComesBackToItsPlace(t *testing.T) {
	t.Parallel()
	place := filepath.Join(t.TempDir(), "made", "leadmill.db")
	s := &site{databaseURL: "sqlite:" + place}
	back, err := s.hastenFile(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	quick := s.databaseURL[len("sqlite:"):]
	if quick == place {
		t.Skip("no place in memory is offered here")
	}
	if err := os.WriteFile(quick, []byte("rows"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := back(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(place); string(text) != "rows" || s.databaseURL != "sqlite:"+place {
		t.Errorf("%s has %q, %v", s.databaseURL, text, err)
	}
	if _, err := os.Stat(filepath.Dir(quick)); err == nil {
		t.Error("the folder in memory is still there")
	}
}

func TestAServerWaitsForTheDiskAgain(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		if e == dbtest.SQLite {
			continue
		}
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			server := dbtest.StartServer(t, e)
			db, err := server.Open("")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			settings := func() (out [2]int) {
				t.Helper()
				if err := db.QueryRowContext(t.Context(), "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.sync_binlog").Scan(&out[0], &out[1]); err != nil {
					t.Fatal(err)
				}
				return out
			}
			before := settings()
			back, err := (&site{server: server}).hastenServer(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if got := settings(); got != [2]int{} {
				t.Errorf("meanwhile it is %v", got)
			}
			if err := back(); err != nil {
				t.Fatal(err)
			}
			if after := settings(); after != before || after[0] != 1 {
				t.Errorf("it was %v and is %v", before, after)
			}
		})
	}
}
