package acme

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// What the mistakes of the page are made of.
type (
	shoutingRule struct{ ofAge }
	slowList     struct{ doNotCall }
	builtIn      struct{ budgetLeft }
	earlyAudit   struct{ auditTrail }
	shoutedSales struct{ salesByState }

	// Unguarded is a command without a scope.
	Unguarded struct{ application.Actor }
	// Nobodys is a command that does not say who acts.
	Nobodys struct{}
)

func (shoutingRule) Code() fault.Code      { return "Acme-Age" }
func (slowList) Timeout() time.Duration    { return 10 * time.Second }
func (builtIn) Code() string               { return "priority" }
func (earlyAudit) Order() int              { return 300 }
func (shoutedSales) Name() string          { return "Acme Sales" }
func (Unguarded) Needs() application.Scope { return "" }
func (Nobodys) Needs() application.Scope   { return application.Program }
func newLicensed() (ofAge, error)          { return ofAge{}, errors.New("LEADMILL_X_LICENCE is not set") }
func newShouting() lead.IntakeRule         { return shoutingRule{} }
func newSlowList() slowList                { return slowList{} }
func newPriority() builtIn                 { return builtIn{} }
func newEarlyAudit() earlyAudit            { return earlyAudit{} }
func newShoutedSales() shoutedSales        { return shoutedSales{} }
func newOtherMailer() application.Mailer   { return mailer{} }
func newOK() func(*httpport.Call)          { return (*httpport.Call).OK }
func newUnguarded() bus.HandlerFunc[Unguarded, int] {
	return func(context.Context, Unguarded) (int, error) { return 0, nil }
}

func newNobodys() bus.HandlerFunc[Nobodys, int] {
	return func(context.Context, Nobodys) (int, error) { return 0, nil }
}

// TestMistakesAreToldAsThePageSays starts a build for each error that docs/extending.md shows, and compares.
func TestMistakesAreToldAsThePageSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/extending.md")
	require.NoError(t, err)
	page := string(text)
	acme := func(parts ...leadmill.Extension) []leadmill.Module {
		return []leadmill.Module{leadmill.NewModule("acme", parts...)}
	}
	given, client := leadmill.Provide(func() Settings { return Settings{} }), leadmill.Provide(newHTTPClient)
	sql := func(name, statement string) leadmill.Extension {
		return leadmill.AsMigrations(fstest.MapFS{name: {Data: []byte(statement)}}, ".")
	}
	crm := func(types []string, o ...leadmill.ReactionOption) []leadmill.Module {
		return acme(given, client, leadmill.AsReaction("acme-crm", types, newCRM, o...))
	}
	const create = "CREATE TABLE x_acme_cases (id BIGINT PRIMARY KEY)"
	told := map[string]bool{}
	for _, build := range [][]leadmill.Module{
		acme(leadmill.AsIntakeRule(newOfAge)),
		acme(leadmill.AsIntakeRule(ofAge{})),
		acme(client),
		acme(leadmill.AsIntakeRule(newLicensed)),
		{leadmill.NewModule("acme-corp")},
		{leadmill.NewModule("acme", given, leadmill.AsIntakeRule(newOfAge)), leadmill.NewModule("bolt", given, leadmill.AsIntakeRule(newOfAge))},
		acme(leadmill.AsIntakeRule(newShouting)),
		acme(leadmill.AsFacts(newSlowList)),
		acme(leadmill.AsStrategy(newPriority)),
		acme(leadmill.AsAttributionPolicy(newFamilyReferral)),
		acme(leadmill.ReplacePolicy("acme_budget_left", newBudgetLeft)),
		acme(leadmill.AsInterceptor(newEarlyAudit)),
		acme(sql("0001_cases.sql", "CREATE TABLE cases (id BIGINT PRIMARY KEY);")),
		acme(sql("0001_cases.sql", "ALTER TABLE x_acme_cases ADD UNIQUE (lead_id);")),
		acme(leadmill.AsMigrations(migrations, ".")),
		acme(sql("mysql/0001_cases.sql", create)),
		acme(leadmill.AsProjection(newShoutedSales)),
		{leadmill.NewModule("acme", leadmill.AsProjection(newSalesByState)), leadmill.NewModule("bolt", leadmill.AsProjection(newSalesByState))},
		acme(leadmill.AsCommand[Unguarded, int](newUnguarded)),
		acme(leadmill.AsCommand[Nobodys, int](newNobodys)),
		acme(leadmill.AsEvent[CaseOpened](eventsv1.Definition{Type: "x.bolt.case_opened.v1"})),
		acme(leadmill.AsEvent[CaseOpened](eventsv1.Definition{Type: CaseOpened{}.EventType()})),
		acme(leadmill.AsRoute("GET", "/v1/acme/cases", application.Program, newOK)),
		acme(leadmill.AsRoute("GET", "/v1/x/acme/hello", application.Program, newOK)),
		acme(leadmill.AsRoute("GET", "/v1/x/acme/hello", "acme-x", newOK)),
		acme(leadmill.AsOpenAPI(openAPI), leadmill.AsRoute("GET", "/v1/x/acme/sales-by-state", application.Program, newOK),
			leadmill.AsRoute("POST", "/v1/x/acme/cases", application.Program, newOK)),
		acme(leadmill.AsOpenAPI(openAPI), leadmill.AsScope("acme-reports"),
			leadmill.AsRoute("GET", "/v1/x/acme/sales-by-state", application.Program, newOK, leadmill.AlsoFor("acme-reports"))),
		acme(leadmill.AsScope("acme-reports", "SalesByCity")),
		crm([]string{"lead.slod.v1"}),
		crm([]string{"lead.sold.v1"}, leadmill.AtOnce(100)),
		acme(given, leadmill.AsJob("acme-close", application.Cron("0 3 * *"), newCloseOldCases)),
		acme(given, leadmill.AsJob("purge", application.Every(time.Hour), newCloseOldCases)),
		acme(leadmill.Provide(newOtherMailer)),
		acme(leadmill.ReplaceMailer(newOtherMailer), leadmill.ReplaceMailer(newOtherMailer)),
		acme(leadmill.AsCLI(func() *cobra.Command { return &cobra.Command{Use: "jobs"} }, newSalesCommand)),
	} {
		err := leadmilltest.StartError(t, leadmilltest.Options{}, build...)
		require.Error(t, err)
		first, _, _ := strings.Cut(err.Error(), "\n")
		assert.True(t, strings.Contains(page, "\nleadmill: "+first+"\n"), "the page does not say leadmill: %s", first) //nolint:testifylint // Contains would print the whole page
		told["leadmill: "+first] = true
	}
	for line := range bytes.Lines(text) {
		if line := strings.TrimSpace(string(line)); strings.HasPrefix(line, "leadmill: ") {
			assert.True(t, told[line], "no build of this test says %s", line)
		}
	}
}
