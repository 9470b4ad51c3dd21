package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// end runs a command to its end and returns its exit code and what it printed.
func end(t *testing.T, databaseURL string, args []string, settings ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := apptest.Launch(t, databaseURL, args, settings...)
	code = p.Wait(t)
	return code, p.Output.String(), p.Logs.String()
}

func must(t *testing.T, databaseURL string, args ...string) string {
	t.Helper()
	code, stdout, stderr := end(t, databaseURL, args)
	if code != 0 {
		t.Fatalf("leadmill %v ended with %d:\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

func TestInstancesThatStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"migrate", "serve"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
				const n = 3
				if command == "migrate" {
					var all [n]*apptest.Process
					for i := range all {
						all[i] = apptest.Launch(t, databaseURL, []string{"migrate", "up"})
					}
					for _, p := range all {
						if code := p.Wait(t); code != 0 {
							t.Errorf("leadmill migrate up ended with %d:\n%s", code, p.Logs.Tail())
						}
					}
				} else {
					var all [n]*apptest.Process
					for i := range all {
						all[i] = apptest.Launch(t, databaseURL, []string{"serve"})
					}
					for _, p := range all {
						p.Listen(t)
					}
					s := apptest.NewShop(t, &all[0].App, nil, apptest.Rich)
					for _, p := range all {
						if l := s.Supplier.At(&p.App).Must(t, "POST", "/api/leads", s.Form()).Lead(); l.Status != "sold" {
							t.Errorf("answered %+v", l)
						}
					}
					apptest.Open(t, databaseURL).Audit()
					for _, p := range all {
						p.Stop(t)
					}
				}
				status := must(t, databaseURL, "migrate", "status")
				if lines := strings.Split(strings.TrimSpace(status), "\n"); len(lines) < 4 || strings.Contains(status, "false") {
					t.Errorf("migrate status says\n%s", status)
				}
			})
		})
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		if status := func() string { _, out, _ := end(t, databaseURL, []string{"migrate", "status"}); return out }(); strings.Contains(status, "true") {
			t.Errorf("an empty database has migrations:\n%s", status)
		}
		if code, _, stderr := end(t, databaseURL, []string{"doctor"}); code != 1 || !strings.Contains(stderr, "migrate up") {
			t.Errorf("doctor on an empty database ended with %d: %s", code, stderr)
		}
		must(t, databaseURL, "migrate", "up")
		must(t, databaseURL, "migrate", "up")
		db := apptest.Open(t, databaseURL)
		if _, err := db.Writer.ExecContext(context.Background(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"migrate", "up"}, {"doctor"}, {"events", "status"}} { // what only adds hinders nobody
			must(t, databaseURL, args...)
		}
		if _, err := db.Writer.ExecContext(context.Background(), "UPDATE installation SET value = ? WHERE name = 'schema_floor'", []byte("9999")); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"serve"}, {"migrate", "up"}, {"doctor"}, {"demo"}, {"events", "status"}} {
			code, _, stderr := end(t, databaseURL, args)
			if code != 1 || !strings.Contains(stderr, "9999") && !strings.Contains(stderr, "later") {
				t.Errorf("leadmill %v on a newer schema ended with %d: %s", args, code, stderr)
			}
		}
	})
}

func TestEveryWrongSettingIsListed(t *testing.T) {
	t.Parallel()
	const secret = "short-secret"
	code, stdout, stderr := end(t, "postgres://user:hidden-password@host/db", []string{"serve"}, "LEADMILL_HTTP_ADDR=nowhere", "LEADMILL_ADMIN_KEY="+secret,
		"LEADMILL_BATCH_MAX=many", "LEADMILL_LOG_LEVEL=loud", "LEADMILL_PUBLIC_URL=example", "LEADMILL_METRICS_ADDR=1:2:3")
	if code != 2 || stdout != "" {
		t.Errorf("ended with %d and printed %q", code, stdout)
	}
	for _, name := range []string{"HTTP_ADDR", "DATABASE_URL", "ADMIN_KEY", "BATCH_MAX", "LOG_LEVEL", "PUBLIC_URL", "METRICS_ADDR"} {
		if n := strings.Count(stderr, "LEADMILL_"+name); n != 1 {
			t.Errorf("LEADMILL_%s is named %d times, want once:\n%s", name, n, stderr)
		}
	}
	if strings.Contains(stderr, secret) || strings.Contains(stderr, "hidden-password") {
		t.Errorf("a secret is repeated:\n%s", stderr)
	}
	for _, batch := range []string{"0", "2001", "-1"} {
		if code, _, stderr := end(t, "sqlite:"+t.TempDir()+"/x.db", []string{"version-of-nothing"}, "LEADMILL_BATCH_MAX="+batch); code != 2 {
			t.Errorf("an unknown command ended with %d: %s", code, stderr)
		}
		if code, _, stderr := end(t, "sqlite:"+t.TempDir()+"/x.db", []string{"serve"}, "LEADMILL_BATCH_MAX="+batch); code != 2 || !strings.Contains(stderr, "LEADMILL_BATCH_MAX") {
			t.Errorf("LEADMILL_BATCH_MAX=%s ended with %d: %s", batch, code, stderr)
		}
	}
	for _, args := range [][]string{{"serve", "extra"}, {"migrate"}, {"migrate", "up", "--no-such-flag"}, {"keys", "create"}, {"keys", "revoke", "--seller", "X"}, {"events", "replay"}} {
		if code, _, stderr := end(t, "sqlite:"+t.TempDir()+"/x.db", args); code != 2 || stderr == "" {
			t.Errorf("leadmill %v ended with %d: %s", args, code, stderr)
		}
	}
}

func TestDoctorFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"})
		s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
		for range 5 {
			s.Sell(t, s.Form())
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		if out := must(t, databaseURL, "doctor"); !strings.Contains(out, "No breaches.") || !strings.Contains(out, "I1") {
			t.Errorf("doctor says\n%s", out)
		}
		for name, c := range map[string]struct{ damage, repair, row string }{
			"balance": {"UPDATE buyers SET balance = balance + 1", "UPDATE buyers SET balance = balance - 1", s.BuyerIDs[0]},
			"bucket":  {"UPDATE contract_counters SET used = used + 1", "UPDATE contract_counters SET used = used - 1", s.ContractIDs[0]},
			"event":   {"UPDATE event_segments SET events = events + 1", "UPDATE event_segments SET events = events - 1", "position_has_segment"},
			"version": {"UPDATE leads SET version = version + 1", "UPDATE leads SET version = version - 1", "lead_"},
			"report":  {"UPDATE report_leads SET sold = sold + 1", "UPDATE report_leads SET sold = sold - 1", "report"},
		} {
			if _, err := db.Writer.ExecContext(context.Background(), c.damage); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := end(t, databaseURL, []string{"doctor"})
			if code != 1 || !strings.Contains(stdout, "BREACH") || !strings.Contains(stdout, c.row) || !strings.Contains(stderr, "breach") {
				t.Errorf("doctor on a broken %s ended with %d:\n%s%s", name, code, stdout, stderr)
			}
			if _, err := db.Writer.ExecContext(context.Background(), c.repair); err != nil {
				t.Fatal(err)
			}
		}
		if out := must(t, databaseURL, "doctor"); !strings.Contains(out, "No breaches.") {
			t.Errorf("doctor after the repair says\n%s", out)
		}
		p.Stop(t)
	})
}

func TestAReplayMakesTheSameReport(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"})
		s := apptest.NewShop(t, &p.App, nil, apptest.Buyer{Deposit: 50, Contract: apptest.Object{"price": 10.00}})
		form := s.Form()
		for i := range 8 {
			s.Sell(t, s.Form())
			s.Sell(t, form.With("city", i))
		}
		db := apptest.Open(t, databaseURL)
		db.Audit()
		reports := func() (all string) {
			for _, by := range []string{"day", "category", "supplier", "buyer"} {
				all += string(s.Program.Must(t, "GET", "/v1/reports/campaigns?group_by="+by, nil).Body) + "\n"
			}
			return all
		}
		before := reports()
		// While the server runs, and on a table that lost its content.
		if _, err := db.Writer.ExecContext(context.Background(), "DELETE FROM report_leads"); err != nil {
			t.Fatal(err)
		}
		status := must(t, databaseURL, "events", "status")
		name := ""
		for line := range strings.SplitSeq(status, "\n") {
			if f := strings.Fields(line); len(f) == 4 && strings.Contains(f[0], "report") {
				name = f[0]
			}
		}
		if name == "" {
			t.Fatalf("no projection in\n%s", status)
		}
		must(t, databaseURL, "events", "replay", name)
		db.Audit()
		if after := reports(); after != before {
			t.Errorf("after a replay the reports are\n%s\nwant\n%s", after, before)
		}
		if code, _, stderr := end(t, databaseURL, []string{"events", "replay", "nothing"}); code != 1 || !strings.Contains(stderr, "nothing") {
			t.Errorf("the replay of an unknown projection ended with %d: %s", code, stderr)
		}
		if out := must(t, databaseURL, "events", "parked"); strings.Count(out, "\n") != 1 {
			t.Errorf("parked are\n%s", out)
		}
		p.Stop(t)
	})
}

func TestKeysOfTheCommandLine(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"})
		s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
		key := strings.TrimSpace(must(t, databaseURL, "keys", "create", "--seller", s.Code, "--scope", "supplier", "--partner", s.PartnerID, "--name", "from-the-shell", "--rate", "2/86400"))
		client := s.Supplier.With(key)
		for i, want := range []int{200, 200, 429} {
			a := client.Do("POST", "/api/leads", s.Form())
			if a.Status != want || a.Header.Get("X-RateLimit-Limit") != "2" {
				t.Errorf("lead %d with the key is answered %v, want %d", i, a, want)
			}
		}
		list := must(t, databaseURL, "keys", "list", "--seller", s.Code)
		id := ""
		for line := range strings.SplitSeq(list, "\n") {
			if strings.Contains(line, "from-the-shell") {
				id = strings.Fields(line)[0]
			}
		}
		if id == "" || strings.Contains(list, key) {
			t.Fatalf("keys list says\n%s", list)
		}
		next := s.Supplier.With(strings.TrimSpace(must(t, databaseURL, "keys", "rotate", id, "--seller", s.Code, "--overlap", "1h", "--expires", "48h")))
		for _, c := range []*apptest.Client{client, next} {
			if a := c.Do("GET", "/api/leads/none", nil); a.Status != 404 || a.Header.Get("X-RateLimit-Limit") != "2" {
				t.Errorf("while two keys overlap, one is answered %v", a)
			}
		}
		if again := must(t, databaseURL, "keys", "list", "--seller", s.Code); strings.Count(again, "from-the-shell") != 2 {
			t.Errorf("keys list says\n%s", again)
		}
		must(t, databaseURL, "keys", "revoke", id, "--seller", s.Code)
		apptest.Eventually(t, func() error {
			if a := client.Do("GET", "/api/leads/none", nil); a.Status != 401 {
				return errStill
			}
			return nil
		})
		for _, args := range [][]string{
			{"keys", "revoke", id, "--seller", s.Code},
			{"keys", "rotate", id, "--seller", s.Code},
			{"keys", "create", "--seller", s.Code, "--expires", "-1h"},
			{"keys", "list", "--seller", "NOBODY00"},
			{"keys", "create", "--seller", s.Code, "--scope", "supplier", "--partner", "nobody"},
			{"keys", "create", "--seller", s.Code, "--scope", "admin"},
		} {
			if code, stdout, stderr := end(t, databaseURL, args); code != 1 || stdout != "" || stderr == "" {
				t.Errorf("leadmill %v ended with %d: %s%s", args, code, stdout, stderr)
			}
		}
		p.Stop(t)
	})
}

func TestTheAdminKeyIsPrintedOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		const before = "Admin key (printed this once; keep it): "
		p := apptest.Run(t, databaseURL, []string{"serve"}, "LEADMILL_ADMIN_KEY=")
		_, key, printed := strings.Cut(p.Output.String(), before)
		key, _, _ = strings.Cut(key, "\n")
		if !printed || !strings.HasPrefix(key, "lm_admin_") {
			t.Fatalf("printed\n%s", p.Output.String())
		}
		p.Client(t, key).Must(t, "GET", "/v1/sellers", nil)
		p.Stop(t)
		again := apptest.Run(t, databaseURL, []string{"serve"}, "LEADMILL_ADMIN_KEY=")
		if strings.Contains(again.Output.String(), "dmin key") || strings.Contains(again.Logs.String()+p.Logs.String(), key) {
			t.Errorf("the key is printed again:\n%s", again.Output.String())
		}
		again.Client(t, key).Must(t, "GET", "/v1/sellers", nil)
		again.Stop(t)
	})
}

func TestADamagedSegmentIsSkipped(t *testing.T) {
	t.Parallel()
	apptest.EachEmpty(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"})
		s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
		s.Sell(t, s.Form())
		db := apptest.Open(t, databaseURL)
		db.Audit()
		id := fmt.Sprint(db.Number("SELECT MAX(id) FROM event_segments")) // that of the lead
		if _, err := db.Writer.ExecContext(context.Background(), "UPDATE event_segments SET body = SUBSTR(body, 1, 20) WHERE id = "+id); err != nil {
			t.Fatal(err)
		}
		named := "segment " + id + " (positions"
		replay, skip := []string{"events", "replay", "campaign-report"}, []string{"events", "skip-segment", id}
		because := []string{"--consumer", "campaign-report", "--reason", "lost"}
		for _, c := range []struct {
			args []string
			code int
			want string
		}{
			{replay, 1, named},
			{[]string{"doctor"}, 1, "segment_can_be_read"},
			{skip, 2, "--consumer and --reason are required"},
			{append([]string{"events", "skip-segment", "first"}, because...), 2, `"first"`},
			{append([]string{"events", "skip-segment", "1"}, because...), 1, "can be read"},
			{append(skip, because...), 0, "campaign-report goes on without the events at positions"},
			{replay, 0, "built again"},
		} {
			if code, stdout, stderr := end(t, databaseURL, c.args); code != c.code || !strings.Contains(stdout+stderr, c.want) {
				t.Errorf("leadmill %v ended with %d, want %d and %q:\n%s%s", c.args, code, c.code, c.want, stdout, stderr)
			}
		}
		// The answer hides the cause.
		if a := s.Program.Unchecked().Do("GET", "/v1/events?limit=1000", nil); a.Status != 503 || strings.Contains(string(a.Body), "segment") {
			t.Errorf("the feed answers %v", a)
		}
		p.Stop(t)
	})
}
