package acme_test

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
	"github.com/leadmill/leadmill/tests/extension/acme"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "acme")
	if err != nil {
		panic(err)
	}
	workDir = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// demo is Acme's program with the demo seller. Of its buyers the first pays 45.00 and has priority 1, the second 30.00 and
// priority 2.
type demo struct {
	*process
	program, supplier client
	buyers            [2]string
}

func serveDemo(t *testing.T, databaseURL string) demo {
	t.Helper()
	d := demo{process: serve(t, "curl ", command(t, acmeProgram(t), databaseURL, "demo"))}
	d.program = client{t, d.url, d.line("Program key:")}
	key, problems, code := output(t, command(t, acmeProgram(t), databaseURL, "keys", "create", "--seller", "ACME1234", "--scope", "supplier",
		"--partner", "demo-supplier", "--rate", "none"))
	require.Zero(t, code, problems)
	d.supplier = client{t, d.url, strings.TrimSpace(key)}
	list, ok := d.program.send(200, "GET", "/v1/buyers", nil)["data"].([]any)
	require.True(t, ok)
	require.Len(t, list, 2)
	for _, b := range list {
		b, ok := b.(map[string]any)
		require.True(t, ok)
		d.buyers[map[string]int{"Best Insurance": 0, "Second Choice": 1}[text(t, b, "name")]] = text(t, b, "id")
	}
	return d
}

var phones atomic.Int64

func leadOf(category, state string) map[string]any {
	return map[string]any{
		"seller": "ACME1234", "category": category, "firstName": "John", "lastName": "Doe", "email": "john@email.com",
		"phone": fmt.Sprintf("+1%d", 2_000_000_000+phones.Add(1)), "state": state,
	}
}

func onEveryEngine(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			databaseURL := migrated.URL(t, e)
			files, err := fs.Sub(acme.Migrations, "migrations")
			require.NoError(t, err)
			db, err := dialect.Open(databaseURL, dialect.Options{})
			require.NoError(t, err)
			require.NoError(t, errors.Join(sqlstore.Migrate(t.Context(), db, sqlstore.Module{Name: "acme", Files: files}), db.Close()))
			test(t, databaseURL)
		})
	}
}

// TestModuleDecides runs Acme's program: what its module adds is in force, in what the program says and in what it does.
func TestModuleDecides(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, databaseURL string) {
		d := serveDemo(t, databaseURL)
		for _, effective := range []string{
			"intake_rules=[acme_state_not_served]", `strategies="[priority highest_price acme_lowest_price]"`,
			`attribution_policies="[acme_house_accounts self_referral inactive_partner window operator lead first_touch last_touch explicit link]"`,
			`interceptors="[recover trace metrics log authorise acme-deposit-limit]"`,
		} {
			assert.Contains(t, d.logs.String(), effective)
		}

		// The rule.
		refused := d.supplier.send(200, "POST", "/api/leads", leadOf("Auto Insurance", "CA"))
		assert.Equal(t, false, refused["success"])
		assert.Equal(t, "rejected", refused["status"])
		assert.Equal(t, "acme_state_not_served", refused["code"])
		assert.Equal(t, "Acme does not buy leads of this state.", refused["error"])

		// The strategy, against the built-in one of the demo's campaigns.
		sold := d.supplier.send(200, "POST", "/api/leads", leadOf("Auto Insurance", "TX"))
		assert.Equal(t, []any{d.buyers[0]}, sold["buyer_ids"], "%v", sold)
		campaign := func(strategy string) map[string]any {
			return map[string]any{"name": "Leftovers", "category": "Leftovers", "distribution": map[string]any{"strategy": strategy}}
		}
		unknown := d.program.send(422, "POST", "/v1/campaigns", campaign("acme_no_such_strategy"))
		assert.Contains(t, fmt.Sprint(unknown["errors"]), "strategy")
		id := text(t, data(t, d.program.send(201, "POST", "/v1/campaigns", campaign("acme_lowest_price"))), "id")
		for i, price := range []int{45, 30} {
			d.program.send(201, "POST", "/v1/campaigns/"+id+"/contracts", map[string]any{"buyer_id": d.buyers[i], "price": price, "priority": i + 1})
		}
		sold = d.supplier.send(200, "POST", "/api/leads", leadOf("Leftovers", "TX"))
		assert.Equal(t, []any{d.buyers[1]}, sold["buyer_ids"], "%v", sold)

		// The attribution policy.
		customer := func(tag string) map[string]any {
			return map[string]any{"key": "customer_" + tag, "tags": []string{tag}, "partner": map[string]any{"id": "demo-supplier"}}
		}
		kept := d.program.send(400, "POST", "/v1/customers", customer("house"))
		assert.Equal(t, "acme_house_account", kept["code"])
		d.program.send(404, "GET", "/v1/customers/customer_house", nil)
		given := data(t, d.program.send(201, "POST", "/v1/customers", customer("new")))
		assert.Equal(t, "demo-supplier", given["partner"])

		// The interceptor.
		balance := func() any { return data(t, d.program.send(200, "GET", "/v1/buyers/"+d.buyers[0], nil))["balance"] }
		before, moved := balance(), strings.Count(d.logs.String(), "acme: money moved")
		over := d.program.send(403, "POST", "/v1/buyers/"+d.buyers[0]+"/deposits", map[string]any{"amount": 250_000.01})
		assert.Equal(t, "acme_over_transfer_limit", over["code"])
		assert.Equal(t, before, balance())
		assert.Equal(t, moved, strings.Count(d.logs.String(), "acme: money moved"))
		d.program.send(201, "POST", "/v1/buyers/"+d.buyers[0]+"/deposits", map[string]any{"amount": 250_000})
		assert.NotEqual(t, before, balance())
		assert.Equal(t, moved+1, strings.Count(d.logs.String(), "acme: money moved"))
		d.stop()
	})
}

// TestProjectionCountsExactlyOnce kills the program while leads arrive, starts it again, and replays the projection.
func TestProjectionCountsExactlyOnce(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, databaseURL string) {
		d := serveDemo(t, databaseURL)
		db, err := dialect.Open(databaseURL, dialect.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		counted := func() map[string]int64 { return counts(t, db, "SELECT type, events FROM x_acme_event_counts") }
		logged := func() map[string]int64 { return counts(t, db, "SELECT type, COUNT(*) FROM events GROUP BY type") }
		agree := func() bool { return assert.ObjectsAreEqual(logged(), counted()) }

		var answered atomic.Int64
		var senders sync.WaitGroup
		for range 4 {
			senders.Go(func() {
				for {
					if _, _, err := d.supplier.try("POST", "/api/leads", leadOf("Auto Insurance", "TX")); err != nil {
						return
					}
					answered.Add(1)
				}
			})
		}
		require.Eventually(t, func() bool { return answered.Load() > 100 && counted()["lead.sold.v1"] > 0 }, patience, time.Millisecond)
		d.kill()
		senders.Wait()

		again := serve(t, "Leadmill listens on ", command(t, acmeProgram(t), databaseURL, "serve"))
		require.Eventually(t, agree, patience, 50*time.Millisecond, "%v", again.logs)
		assert.GreaterOrEqual(t, counted()["lead.sold.v1"], answered.Load())

		_, err = db.Writer.ExecContext(t.Context(), "UPDATE x_acme_event_counts SET events = 7 WHERE type = 'lead.sold.v1'")
		require.NoError(t, err)
		require.False(t, agree())
		_, problems, code := output(t, command(t, acmeProgram(t), databaseURL, "events", "replay", "acme-event-counts"))
		require.Zero(t, code, problems)
		require.Eventually(t, agree, patience, 50*time.Millisecond, "%v", again.logs)

		supplier := client{t, again.url, d.supplier.key}
		supplier.send(200, "POST", "/api/leads", leadOf("Auto Insurance", "TX"))
		require.Eventually(t, agree, patience, 50*time.Millisecond, "it goes on after the replay")
		again.stop()
		status, problems, code := output(t, command(t, acmeProgram(t), databaseURL, "events", "status"))
		require.Zero(t, code, problems)
		assert.Contains(t, status, "acme-event-counts")
	})
}

func counts(t *testing.T, db *dialect.DB, statement string) map[string]int64 {
	rows, err := db.Reader.QueryContext(t.Context(), statement)
	if !assert.NoError(t, err) {
		return nil
	}
	defer func() { assert.NoError(t, rows.Close()) }()
	out := map[string]int64{}
	for rows.Next() {
		var typ string
		var n int64
		assert.NoError(t, rows.Scan(&typ, &n))
		out[typ] = n
	}
	assert.NoError(t, rows.Err())
	return out
}

// TestModuleImports: an extension needs Leadmill's root, its domain and its application, and nothing of how it is built.
func TestModuleImports(t *testing.T) {
	t.Parallel()
	const own = "github.com/leadmill/leadmill"
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	seen := 0
	for _, name := range append(files, filepath.Join("cmd", "main.go")) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			require.NoError(t, err)
			standard := !strings.Contains(strings.SplitN(path, "/", 2)[0], ".")
			extensible := path == own || strings.HasPrefix(path, own+"/domain/") || path == own+"/application" || strings.HasPrefix(path, own+"/application/")
			module := filepath.Dir(name) == "cmd" && path == own+"/tests/extension/acme"
			assert.True(t, standard || extensible || module, "%s imports %s", name, path)
			if extensible {
				seen++
			}
		}
	}
	assert.GreaterOrEqual(t, seen, 8)
}
