package leadmill_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/spf13/cobra"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// start starts a build with a module, stops it, and says how that went.
func start(m leadmill.Module) string {
	folder, err := os.MkdirTemp("", "leadmill")
	if err != nil {
		return err.Error()
	}
	defer os.RemoveAll(folder)
	i, err := leadmill.New(m).Start(context.Background(), leadmill.Config{
		HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(folder, "leadmill.db"), BatchMax: 1, MailDir: folder,
	}, leadmill.StartOptions{})
	if err == nil {
		err = i.Stop()
	}
	if err != nil {
		return err.Error()
	}
	return "it starts"
}

// noTexas is an intake rule.
type noTexas struct{}

func (noTexas) Code() fault.Code { return "acme_no_texas" }
func (noTexas) Order() int       { return 1000 }

func (noTexas) Check(f lead.Facts) error {
	if f.Field("state").Text == "TX" {
		return errors.New("Acme buys no leads from Texas.")
	}
	return nil
}

// A build of a team: its main function is leadmill.New(module).Run(). A mistake in a module ends the start; here nothing
// provides what newScore needs.
func ExampleNewModule() {
	module := leadmill.NewModule("acme",
		leadmill.AsIntakeRule(func() noTexas { return noTexas{} }),
		leadmill.AsFacts(newScore),
	)
	code := leadmill.New(module).Main(context.Background(), []string{"migrate", "status"}, os.Stdout, os.Stdout)
	fmt.Println("exit code", code)
	// Output:
	// leadmill: put leadmill together: module "acme": github.com/leadmill/leadmill_test.newScore needs a *http.Client, which nothing provides
	// exit code 1
}

func ExampleAsIntakeRule() {
	_ = leadmill.NewModule("acme", leadmill.AsIntakeRule(func() noTexas { return noTexas{} }))

	for _, state := range []string{"TX", "CA"} {
		fmt.Println(state, noTexas{}.Check(leadmilltest.Facts(leadmilltest.Fields{"state": state})))
	}
	// Output:
	// TX Acme buys no leads from Texas.
	// CA <nil>
}

// score asks a service about leads.
type score struct{ client *http.Client }

func newScore(c *http.Client) score { return score{c} }

func (score) Name() string           { return "score" }
func (score) Timeout() time.Duration { return 300 * time.Millisecond }

func (s score) Ask(ctx context.Context, f lead.Facts) (field.Set, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://score.acme.example/"+f.Field("state").Text, nil)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 20))
	return field.Set{"value": {Kind: field.Number, Text: string(answer)}}, err
}

// Rules and strategies find the answer by f.Outside("score").
func ExampleAsFacts() {
	module := leadmill.NewModule("acme",
		leadmill.Provide(func() *http.Client { return &http.Client{Timeout: time.Second} }),
		leadmill.AsFacts(newScore),
	)
	fmt.Println(start(module))
	// Output: it starts
}

// cheapest is a strategy: the contract with the lowest price is asked first.
type cheapest struct{}

func (cheapest) Code() string { return "acme_cheapest" }
func (cheapest) Order() int   { return 1000 }

func (cheapest) Rank(_ lead.Facts, list []distribution.Candidate) []distribution.Candidate {
	slices.SortFunc(list, func(a, b distribution.Candidate) int {
		return cmp.Or(cmp.Compare(a.Price, b.Price), cmp.Compare(a.ContractID, b.ContractID))
	})
	return list
}

func ExampleAsStrategy() {
	_ = leadmill.NewModule("acme", leadmill.AsStrategy(func() cheapest { return cheapest{} }))

	for _, c := range (cheapest{}).Rank(leadmilltest.Facts(nil), leadmilltest.Candidates("45.00", "30.00", "38.50")) {
		fmt.Println(c.ContractID)
	}
	// Output:
	// contract_2
	// contract_3
	// contract_1
}

// employees is an attribution policy: customers with the tag "employee" belong to no partner.
type employees struct{}

func (employees) Code() string { return "acme_employees" }
func (employees) Order() int   { return 50 }

func (employees) Decide(f attribution.Facts) attribution.Verdict {
	if slices.Contains(f.CustomerTags, "employee") {
		return attribution.Refuse(errors.New("Employees belong to no partner."))
	}
	return attribution.Verdict{}
}

func ExampleAsAttributionPolicy() {
	_ = leadmill.NewModule("acme", leadmill.AsAttributionPolicy(func() employees { return employees{} }))

	verdict := employees{}.Decide(attribution.Facts{CustomerTags: []string{"employee"}})
	fmt.Println(verdict.Refuses(), verdict.Reason())
	fmt.Println(employees{}.Decide(attribution.Facts{}).Silent())
	// Output:
	// true Employees belong to no partner.
	// true
}

// expensiveFirst takes the place of the built-in strategy "priority".
type expensiveFirst struct{ distribution.HighestPrice }

func (expensiveFirst) Code() string { return "priority" }

func ExampleReplacePolicy() {
	module := leadmill.NewModule("acme", leadmill.ReplacePolicy("priority", func() expensiveFirst { return expensiveFirst{} }))
	fmt.Println(start(module))
	// Output: it starts
}

// timing is an interceptor.
type timing struct {
	clock  application.Clock
	logger *slog.Logger
}

func (timing) Code() string { return "acme-timing" }
func (timing) Order() int   { return 600 }

func (t timing) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	began := t.clock.Now()
	err := next(ctx)
	t.logger.InfoContext(ctx, "acme: timing", slog.String("operation", op.Name), slog.Duration("took", t.clock.Now().Sub(began)))
	return err
}

func ExampleAsInterceptor() {
	module := leadmill.NewModule("acme", leadmill.AsInterceptor(func(c application.Clock, l *slog.Logger) timing { return timing{c, l} }))
	fmt.Println(start(module))
	// Output: it starts
}

// The tables of a module are made by its migrations, and its command line is part of the build's.
func ExampleAsMigrations() {
	files := fstest.MapFS{"0001_visits.sql": { // usually an embed.FS
		Data: []byte("CREATE TABLE x_acme_visits (id VARCHAR(64) NOT NULL PRIMARY KEY, seen BIGINT NOT NULL);"),
	}}
	app := leadmill.New(leadmill.NewModule("acme", leadmill.AsMigrations(files, ".")))

	folder, _ := os.MkdirTemp("", "leadmill")
	defer os.RemoveAll(folder)
	_ = os.Setenv("LEADMILL_DATABASE_URL", "sqlite:"+filepath.Join(folder, "leadmill.db"))
	defer os.Unsetenv("LEADMILL_DATABASE_URL")
	app.Main(context.Background(), []string{"migrate", "up"}, io.Discard, io.Discard)
	var status bytes.Buffer
	app.Main(context.Background(), []string{"migrate", "status"}, &status, io.Discard)
	for line := range strings.Lines(status.String()) {
		if strings.HasPrefix(line, "acme") {
			fmt.Println(strings.Fields(line))
		}
	}
	// Output: [acme 1 0001_visits.sql true]
}

// Visits asks how many visits there were.
type Visits struct{ application.Actor }

// Needs implements application.Message.
func (Visits) Needs() application.Scope { return application.Program }

// A query with its route. Those who change something use AsCommand, and application.DoOnce for the transaction.
func ExampleAsRoute() {
	handler := func(db projection.Reader) bus.HandlerFunc[Visits, int64] {
		return func(ctx context.Context, _ Visits) (n int64, err error) {
			rows, err := db.QueryContext(ctx, "SELECT COUNT(*) FROM x_acme_visits")
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, rows.Close()) }()
			for rows.Next() {
				err = errors.Join(err, rows.Scan(&n))
			}
			return n, errors.Join(err, rows.Err())
		}
	}
	route := func(visits bus.Handler[Visits, int64]) func(*httpport.Call) {
		return func(k *httpport.Call) {
			httpport.Ask(k, visits, Visits{k.Actor()}, func(n int64) map[string]int64 { return map[string]int64{"visits": n} })
		}
	}
	module := leadmill.NewModule("acme",
		leadmill.AsQuery[Visits, int64](handler),
		leadmill.AsRoute("GET", "/v1/x/acme/visits", application.Program, route),
		leadmill.AsOpenAPI([]byte(`
paths:
  /v1/x/acme/visits:
    get:
      operationId: acmeVisits
      security: [{program: []}]
      responses: {"200": {description: How many visits there were.}}
`)),
	)
	fmt.Println(start(module))
	// Output: it starts
}

// CloseShop is a command of a module.
type CloseShop struct{ application.Actor }

// Needs implements application.Message.
func (CloseShop) Needs() application.Scope { return application.Program }

func ExampleAsCommand() {
	handler := func(d leadmill.Deps) bus.HandlerFunc[CloseShop, int64] {
		return func(ctx context.Context, c CloseShop) (closed int64, err error) {
			now := d.Clock.Now() // before the transaction, which may run again
			err = d.Work.Do(ctx, func(ctx context.Context, tx leadmill.Tx) error {
				result, err := tx.ExecContext(ctx, "UPDATE x_acme_shops SET closed_at = ? WHERE seller_id = ? AND closed_at IS NULL", now.UnixMicro(), c.SellerID)
				if err == nil {
					closed, err = result.RowsAffected()
				}
				return err
			})
			return closed, err
		}
	}
	module := leadmill.NewModule("acme", leadmill.AsCommand[CloseShop, int64](handler))
	fmt.Println(start(module))
	// Output: it starts
}

// ShopClosed is an event of a module.
type ShopClosed struct {
	ShopID string `json:"shop_id"`
}

// EventType implements event.Event.
func (ShopClosed) EventType() string { return "x.acme.shop_closed.v1" }

func ExampleAsEvent() {
	module := leadmill.NewModule("acme", leadmill.AsEvent[ShopClosed](eventsv1.Definition{
		Type: ShopClosed{}.EventType(), Description: "A shop was closed.",
		Schema: []byte(`{"type":"object","properties":{"shop_id":{"type":"string"}},"required":["shop_id"]}`),
	}))
	fmt.Println(start(module))
	// Output: it starts
}

// A reaction that sends a command of Leadmill: a buyer who bought a lead of a partner that is blocked is paused. The Key makes
// sure that it is done once, however often the reaction is told of the event.
func ExampleAsReaction() {
	const name = "acme-pause-buyers"
	react := func(o *application.Operations) application.ReactorFunc {
		return func(ctx context.Context, e application.StoredEvent) error {
			var sold eventsv1.LeadSold
			if err := json.Unmarshal(e.Payload, &sold); err != nil {
				return err
			}
			if sold.PartnerID != "blocked" {
				return nil
			}
			pause := marketcommand.PauseBuyer{Actor: application.Actor{Scope: "program", SellerID: e.SellerID}, ID: sold.Sales[0].BuyerID}
			pause.Once.Key = name + "/" + e.ID
			_, err := application.Send[application.Done](ctx, o, pause)
			return err
		}
	}
	module := leadmill.NewModule("acme", leadmill.AsReaction(name, []string{eventsv1.LeadSold{}.Type()}, react, leadmill.AtOnce(1)))
	fmt.Println(start(module))
	// Output: it starts
}

func ExampleAsJob() {
	forget := func(d leadmill.Deps) func(context.Context) error {
		return func(ctx context.Context) error {
			before := d.Clock.Now().AddDate(0, 0, -30)
			return d.Work.Do(ctx, func(ctx context.Context, tx leadmill.Tx) error {
				_, err := tx.ExecContext(ctx, "DELETE FROM x_acme_visits WHERE seen < ?", before.UnixMicro())
				return err
			})
		}
	}
	module := leadmill.NewModule("acme", leadmill.AsJob("acme-forget-visits", application.Cron("30 2 * * *"), forget))
	fmt.Println(start(module))
	// Output: it starts
}

// outbox is a mailer that prints.
type outbox struct{ io.Writer }

func (o outbox) Send(_ context.Context, m application.Mail) error {
	_, err := fmt.Fprintln(o, m.ID)
	return err
}

func ExampleReplaceMailer() {
	module := leadmill.NewModule("acme", leadmill.ReplaceMailer(func() outbox { return outbox{os.Stdout} }))
	fmt.Println(start(module))
	// Output: it starts
}

func ExampleAsCLI() {
	command := func() *cobra.Command {
		return &cobra.Command{Use: "acme-greet NAME", Short: "Greet somebody", Args: cobra.ExactArgs(1)}
	}
	greet := func(c leadmill.Config) leadmill.CLIFunc {
		return func(cmd *cobra.Command, args []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Hello %s, leads come in at %s.\n", args[0], c.HTTPAddr)
			return err
		}
	}
	app := leadmill.New(leadmill.NewModule("acme", leadmill.AsCLI(command, greet)))

	folder, _ := os.MkdirTemp("", "leadmill")
	defer os.RemoveAll(folder)
	_ = os.Setenv("LEADMILL_DATABASE_URL", "sqlite:"+filepath.Join(folder, "leadmill.db"))
	defer os.Unsetenv("LEADMILL_DATABASE_URL")
	app.Main(context.Background(), []string{"migrate", "up"}, io.Discard, io.Discard)
	app.Main(context.Background(), []string{"acme-greet", "Ann"}, os.Stdout, io.Discard)
	// Output: Hello Ann, leads come in at 127.0.0.1:8080.
}
