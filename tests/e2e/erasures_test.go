package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// backup keeps the rows of all tables; what it returns puts them back in place of what is there then.
func backup(t *testing.T, db *apptest.Database) (restore func()) {
	t.Helper()
	ctx := context.Background()
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if db.Name() != "sqlite" {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
	}
	var tables []string
	if err := db.Reader.SelectContext(ctx, &tables, query); err != nil {
		t.Fatal(err)
	}
	rows := map[string][][]any{}
	for _, table := range tables {
		found, err := db.Reader.QueryxContext(ctx, "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		for found.Next() {
			row, err := found.SliceScan()
			if err != nil {
				t.Fatal(err)
			}
			rows[table] = append(rows[table], row)
		}
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		t.Helper()
		for _, table := range tables {
			if _, err := db.Writer.ExecContext(ctx, "DELETE FROM "+table); err != nil {
				t.Fatal(err)
			}
			for _, row := range rows[table] {
				if _, err := db.Writer.ExecContext(ctx, "INSERT INTO "+table+" VALUES (?"+strings.Repeat(", ?", len(row)-1)+")", row...); err != nil {
					t.Fatalf("%s: %v", table, err)
				}
			}
		}
	}
}

// What was erased since a backup was made is erased again after its restore.
func TestErasuresOutliveARestore(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		a := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, a, nil, apptest.Rich)
		form := s.Form().With("email", "jane@canary.example")
		sold, kept := s.Sell(t, form), s.Sell(t, s.Form())
		s.Customer(t, "c-1", s.PartnerID, apptest.Object{"email": "jane@canary.example"})
		a.Settle(t)
		a.Stop(t)
		db := apptest.Open(t, databaseURL)
		restore := backup(t, db)

		b := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		program := s.Program.At(b)
		program.Must(t, "DELETE", "/v1/marketplace/leads/"+sold.ID, nil)
		program.Must(t, "DELETE", "/v1/customers/c-1", nil)
		b.Settle(t)
		b.Stop(t)

		list := filepath.Join(t.TempDir(), "erased.jsonl")
		for range 2 { // the second time in place of the first
			if out := must(t, databaseURL, "erasures", "export", list); !strings.HasPrefix(out, "2 erased leads and customers") {
				t.Errorf("it says %q", out)
			}
		}
		info, err := os.Stat(list)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("the list is %v: %v", info.Mode(), err)
		}
		text, err := os.ReadFile(list)
		if err != nil || strings.Contains(string(text), "canary") || strings.Count(string(text), "\n") != 2 || !strings.Contains(string(text), `"kind":"lead","id":"`+sold.ID+`"`) {
			t.Errorf("the list is %s: %v", text, err)
		}
		if left, err := os.ReadDir(filepath.Dir(list)); err != nil || len(left) != 1 {
			t.Errorf("beside the list there are %v: %v", left, err)
		}

		restore()
		held := func() int64 {
			return db.Number("SELECT (SELECT COUNT(*) FROM leads WHERE CAST(fields AS CHAR) LIKE '%canary%') + (SELECT COUNT(*) FROM customers WHERE email LIKE '%canary%')")
		}
		if held() != 2 {
			t.Fatal("nothing was restored")
		}
		wrong := filepath.Join(t.TempDir(), "wrong.jsonl")
		others := `{"seller":"seller_of_another","kind":"lead","id":"lead_x"}` + "\n" + `{"seller":"seller_of_another","kind":"customer","id":"customer_x"}`
		mixed := "{\"secret\n\n" + string(text) + `{"seller":"s","kind":"partner","id":"x"}` + "\n" + `{"seller":"s","kind":"lead","id":"ä"}` + "\n" + others
		if err := os.WriteFile(wrong, []byte(mixed), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := end(t, databaseURL, []string{"erasures", "apply", wrong})
		if code != 1 || !strings.Contains(stdout, "2 leads and customers erased, with their claims, stored answers and mails. 0 were erased already, 2 are not in this database.") {
			t.Errorf("it ended with %d: %s%s", code, stdout, stderr)
		}
		for _, part := range []string{"line 1 of ", "line 5 of ", "line 6 of ", "3 lines of "} {
			if !strings.Contains(stderr, part) || strings.Contains(stderr, "secret") {
				t.Errorf("there is no %q in %s", part, stderr)
			}
		}
		if held() != 0 {
			t.Error("somebody is left")
		}
		if n := db.Number("SELECT COUNT(*) FROM claims WHERE lead_id = ?", sold.ID); n != 0 {
			t.Errorf("%d claims are left", n)
		}
		if out := must(t, databaseURL, "erasures", "apply", list); !strings.HasPrefix(out, "0 leads and customers erased") || !strings.Contains(out, "2 were erased already, 0 are not") {
			t.Errorf("said again, it says %q", out)
		}
		if code, _, stderr := end(t, databaseURL, []string{"erasures", "apply", list + ".none"}); code != 1 || !strings.Contains(stderr, "no such file") {
			t.Errorf("a file that is not there: %d %s", code, stderr)
		}
		c := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		again := s.At(c)
		if l := again.Lead(t, kept.ID); fmt.Sprint(l["fields"]) == "map[]" {
			t.Errorf("somebody else is erased: %v", l)
		}
		if l := again.Sell(t, form); l.Status != "sold" {
			t.Errorf("somebody who was erased is %v", l)
		}
		c.Settle(t)
		c.Doctor(t)
	})
}
