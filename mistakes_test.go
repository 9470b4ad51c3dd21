package leadmill

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// The parts of builds with a mistake in them.
type (
	aRule     struct{ lead.IntakeRule }
	aStrategy struct{ distribution.Strategy }
	aPolicy   struct{ attribution.Policy }
	chained   struct {
		bus.Interceptor

		order int
	}
	counting struct {
		projection.Projection

		name string
	}
	printer interface{ Print() }
	secret  struct{}
	hen     struct{}
	egg     struct{}
	wrong   struct{ application.Actor }
	nobodys struct{}
	anEvent struct{}

	aWindow   struct{ aPolicy }
	randomly  struct{ distribution.Strategy }
	shouting  struct{ aRule }
	slowFacts struct{}
)

func (aRule) Code() fault.Code       { return "a_rule" }
func (aRule) Order() int             { return 1 }
func (aStrategy) Code() string       { return "priority" }
func (aPolicy) Code() string         { return "acme_policy" }
func (aPolicy) Order() int           { return 1 }
func (chained) Code() string         { return "chained" }
func (c chained) Order() int         { return c.order }
func (c counting) Name() string      { return c.name }
func newRule() aRule                 { return aRule{} }
func newPrintingRule(printer) aRule  { return aRule{} }
func newUnlicensed() (aRule, error)  { return aRule{}, errors.New("the licence is over") }
func newNothing() lead.IntakeRule    { return nil }
func newPanic() aRule                { panic("no way") }
func newNumber() int                 { return 1 }
func newPostman() application.Mailer { return nil }
func newHen(egg) hen                 { return hen{} }
func newEgg(hen) egg                 { return egg{} }
func newEggRule(egg) aRule           { return aRule{} }
func newDatabaseRule(*dialect.DB) aRule {
	return aRule{}
}
func (wrong) Needs() application.Scope   { return "" }
func (nobodys) Needs() application.Scope { return application.Program }
func (anEvent) EventType() string        { return "x.acme.an_event.v1" }
func (aWindow) Code() string             { return "window" }
func (randomly) Code() string            { return "random" }
func (shouting) Code() fault.Code        { return "A-RULE" }
func (slowFacts) Name() string           { return "slow" }
func (slowFacts) Timeout() time.Duration { return time.Minute }
func (slowFacts) Ask(context.Context, lead.Facts) (field.Set, error) {
	return nil, nil
}
func newWindow() aWindow      { return aWindow{} }
func newRandom() randomly     { return randomly{} }
func newShouting() shouting   { return shouting{} }
func newSlowFacts() slowFacts { return slowFacts{} }
func newReactor() application.ReactorFunc {
	return func(context.Context, application.StoredEvent) error { return nil }
}

// TestMistakesAreTold starts builds with a mistake in them. Each ends with a line that names the modules and the constructor.
func TestMistakesAreTold(t *testing.T) {
	t.Parallel()
	const here = "github.com/leadmill/leadmill."
	one := func(parts ...Extension) []Module { return []Module{NewModule("acme", parts...)} }
	for name, c := range map[string]struct {
		modules []Module
		says    []string
	}{
		"a rule of the same code": {
			[]Module{NewModule("acme", AsIntakeRule(newRule)), NewModule("bolt", AsIntakeRule(newRule))},
			[]string{`two intake rules are called "a_rule"`, `module "acme"`, `module "bolt"`},
		},
		"a strategy of the same code":     {one(AsStrategy(func() aStrategy { return aStrategy{} })), []string{`module "acme": `, `has the code "priority" of a built-in strategy: to replace it use ReplacePolicy`}},
		"a policy of the same code":       {one(AsAttributionPolicy(func() aPolicy { return aPolicy{} }), AsAttributionPolicy(func() aPolicy { return aPolicy{} })), []string{`two attribution policies are called "acme_policy": one of module "acme", one of module "acme"`}},
		"an interceptor of the same code": {one(AsInterceptor(func() chained { return chained{order: 900} }), AsInterceptor(func() chained { return chained{order: 901} })), []string{`two interceptors are called "chained"`}},
		"an interceptor too far outside":  {one(AsInterceptor(func() chained { return chained{order: 400} })), []string{`module "acme": ` + here + `TestMistakesAreTold.`, `the interceptor "chained" has the order 400, the lowest is 401`}},
		"a projection of the same name":   {one(AsProjection(func() counting { return counting{name: "campaign-report"} })), []string{`two projections are called "campaign-report"`, `module "market"`, `module "acme"`}},
		"a missing dependency":            {one(AsIntakeRule(newPrintingRule)), []string{`module "acme": ` + here + `newPrintingRule needs a leadmill.printer, which nothing provides`}},
		"what another module keeps": {
			[]Module{NewModule("acme", AsIntakeRule(func(secret) aRule { return aRule{} })), NewModule("giver", Provide(func() secret { return secret{} }), AsStrategy(func(secret) aStrategy { return aStrategy{} }))},
			[]string{`module "acme": `, `needs a leadmill.secret, which module "giver" provides for itself; Share is Provide for all`},
		},
		"what leadmill keeps":            {one(AsIntakeRule(newDatabaseRule)), []string{here + `newDatabaseRule needs a *dialect.DB, which Leadmill keeps for itself`}},
		"what nothing needs":             {one(Provide(newNumber)), []string{here + `newNumber provides a int, which nothing needs`}},
		"provided twice":                 {one(Provide(newNumber), Provide(func() int { return 2 }), AsIntakeRule(func(int) aRule { return aRule{} })), []string{`provides a int, as ` + here + `newNumber of module "acme" does`}},
		"a circle":                       {one(Provide(newHen), Provide(newEgg), AsIntakeRule(newEggRule)), []string{`constructors need one another`, `newHen`, `newEgg`}},
		"an error of a constructor":      {one(AsIntakeRule(newUnlicensed)), []string{`module "acme": ` + here + `newUnlicensed: the licence is over`}},
		"a constructor that panics":      {one(AsIntakeRule(newPanic)), []string{`module "acme": ` + here + `newPanic: panicked: no way`}},
		"a constructor returns nil":      {one(AsIntakeRule(newNothing)), []string{here + `newNothing: returned nil`}},
		"a constructor of another thing": {one(AsIntakeRule(newNumber)), []string{`module "acme": func() int is no constructor of a lead.IntakeRule`}},
		"no constructor":                 {one(AsProjection(counting{})), []string{`module "acme": leadmill.counting is no constructor of a projection.Projection`}},
		"nil":                            {one(AsInterceptor(nil)), []string{`module "acme": <nil> is no constructor of a bus.Interceptor`}},
		"a value for a constructor":      {one(Provide(3)), []string{`module "acme": int is no constructor`}},
		"an empty extension":             {one(Extension{}), []string{`module "acme": an empty Extension`}},
		"a core type without Replace":    {one(Provide(newPostman)), []string{here + `newPostman provides a application.Mailer, which Leadmill provides: to replace it use ReplaceMailer`}},
		"a core type that stays":         {one(Share(func() application.IDs { return nil })), []string{`provides a application.IDs, which Leadmill provides`}},
		"two replacements": {
			[]Module{NewModule("acme", ReplaceMailer(newPostman)), NewModule("bolt", ReplaceMailer(newPostman))},
			[]string{`module "bolt": ` + here + `newPostman replaces the application.Mailer, as ` + here + `newPostman of module "acme" does`},
		},
		"a replacement of another type": {one(ReplaceMailer(newNumber)), []string{`func() int is no constructor of a application.Mailer`}},
		"a malformed name":              {[]Module{NewModule("Acme Corp")}, []string{`module "Acme Corp": the name must be 1 to 20 of a-z, 0-9 and underscore`}},
		"two modules of one name":       {[]Module{NewModule("acme"), NewModule("acme")}, []string{`module "acme": another module has this name`}},
		"a name of Leadmill's own":      {[]Module{NewModule("market")}, []string{`module "market": another module has this name`}},
		"a command without a scope": {one(AsCommand[wrong, string](func() bus.HandlerFunc[wrong, string] {
			return func(context.Context, wrong) (string, error) { return "", nil }
		})), []string{`leadmill.wrong needs no scope`}},
		"a policy of a built-in code":  {one(AsAttributionPolicy(newWindow)), []string{`module "acme": ` + here + `newWindow: has the code "window" of a built-in policy: to replace it use ReplacePolicy`}},
		"nothing to replace":           {one(ReplacePolicy("acme_policy", func() aPolicy { return aPolicy{} })), []string{`module "acme": `, `no built-in attribution policy has the code "acme_policy"`}},
		"no strategy to replace":       {one(ReplacePolicy("random", newRandom)), []string{`module "acme": ` + here + `newRandom: no built-in distribution strategy has the code "random"`}},
		"a malformed code":             {one(AsIntakeRule(newShouting)), []string{`module "acme": ` + here + `newShouting: the intake rule code "A-RULE" must be`}},
		"a malformed name of a reader": {one(AsProjection(func() counting { return counting{name: "Sales"} })), []string{`module "acme": `, `projection name "Sales" is not 1 to 64 of a-z`}},
		"a malformed reaction":         {one(AsReaction("CRM", []string{"lead.sold.v1"}, newReactor)), []string{`module "acme": ` + here + `newReactor: reaction name "CRM" is not 1 to 64 of a-z`}},
		"facts that take too long":     {one(AsFacts(newSlowFacts)), []string{`module "acme": ` + here + `newSlowFacts: the timeout of the fact provider "slow" is 1m0s`}},
		"an event of another type":     {one(AsEvent[anEvent](eventsv1.Definition{Type: "x.acme.other.v1", Description: "d", Schema: []byte(`{"type":"object"}`)})), []string{`module "acme": AsEvent[leadmill.anEvent]: event type "x.acme.other.v1": EventType of leadmill.anEvent returns "x.acme.an_event.v1"`}},
		"a command without an actor": {one(AsCommand[nobodys, string](func() bus.HandlerFunc[nobodys, string] {
			return func(context.Context, nobodys) (string, error) { return "", nil }
		})), []string{`module "acme": `, `leadmill.nobodys needs the scope program but does not say who acts: embed application.Actor in it`}},
		"all at once": {one(Provide(3), AsIntakeRule(newNumber), Provide(newPostman)), []string{`int is no constructor`, `func() int is no constructor`, `ReplaceMailer`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c2 := Config{HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db"), BatchMax: 1, MailDir: t.TempDir()}
			err := New(c.modules...).with(t.Context(), c2, io.Discard, func(context.Context, *core) error {
				assert.Fail(t, "it starts")
				return nil
			})
			require.Error(t, err)
			if name == "a core type without Replace" {
				assert.NotContains(t, err.Error(), "\n", "one mistake is one line")
			}
			for _, says := range c.says {
				assert.Contains(t, err.Error(), says)
			}
			assert.NotContains(t, err.Error(), "makeFuncStub")
		})
	}
}
