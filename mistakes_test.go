package leadmill

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/application/projection"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	httpport "github.com/leadmill/leadmill/ports/http"
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
	hidden  struct{}
	hen     struct{}
	egg     struct{}
	wrong   struct{ application.Actor }
	order   struct{ application.Actor }
	nobodys struct{}
	placed  struct{}
	facts   string

	firstTouch struct{ aPolicy }
	unfinished struct{ lead.IntakeRule }
	parameters struct {
		fx.In

		DB *dialect.DB `optional:"true"`
	}
	results struct {
		fx.Out

		Rule lead.IntakeRule `group:"intake_rules"`
	}
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
func (order) Needs() application.Scope   { return application.Program }
func (nobodys) Needs() application.Scope { return application.Program }
func (placed) EventType() string         { return "x.acme.placed.v1" }
func (firstTouch) Code() string          { return "first_touch" }
func (f facts) Name() string             { return string(f) }
func (facts) Timeout() time.Duration     { return time.Second }
func (facts) Ask(context.Context, lead.Facts) (field.Set, error) {
	return nil, nil
}

func newStrategy() distribution.Strategy    { return aStrategy{} }
func newChore() func(context.Context) error { return func(context.Context) error { return nil } }
func newAnswer() func(*httpport.Call)       { return func(*httpport.Call) {} }
func files(sql string) fs.FS                { return fstest.MapFS{"0001_a.sql": {Data: []byte(sql)}} }

func newReactor() application.Reactor {
	return application.ReactorFunc(func(context.Context, application.StoredEvent) error { return nil })
}

func answering[C, R any]() bus.HandlerFunc[C, R] {
	return func(context.Context, C) (r R, err error) { return r, nil }
}

// TestMistakesAreTold starts builds with a mistake in them. Each ends with a line that names the modules and the constructor.
func TestMistakesAreTold(t *testing.T) {
	t.Parallel()
	const here = "github.com/leadmill/leadmill."
	const at = `module "acme": ` + here + `TestMistakesAreTold.`
	same := NewModule("acme", AsJob("j", application.Every(time.Hour), newChore))
	one := func(parts ...Extension) []Module { return []Module{NewModule("acme", parts...)} }
	for name, c := range map[string]struct {
		modules []Module
		says    []string
	}{
		"a rule of the same code": {
			[]Module{NewModule("acme", AsIntakeRule(newRule)), NewModule("bolt", AsIntakeRule(newRule))},
			[]string{`two intake rules are called "a_rule": module "acme": ` + here + `newRule, and module "bolt": ` + here + `newRule`},
		},
		"a strategy of the same code":     {one(AsStrategy(func() aStrategy { return aStrategy{} })), []string{`module "acme": ` + here + `TestMistakesAreTold.`, `the distribution strategy "priority" has the code of a built-in one; to replace it use ReplacePolicy`}},
		"a policy of the same code":       {one(AsAttributionPolicy(func() aPolicy { return aPolicy{} }), AsAttributionPolicy(func() aPolicy { return aPolicy{} })), []string{`two attribution policies are called "acme_policy": module "acme": github.com/`}},
		"an interceptor of the same code": {one(AsInterceptor(func() chained { return chained{order: 900} }), AsInterceptor(func() chained { return chained{order: 901} })), []string{`two interceptors are called "chained"`}},
		"an interceptor too far outside":  {one(AsInterceptor(func() chained { return chained{order: 400} })), []string{`module "acme": ` + here + `TestMistakesAreTold.`, `the interceptor "chained" has the order 400, the lowest is 401`}},
		"a projection of the same name":   {one(AsProjection(func() counting { return counting{name: "campaign-report"} })), []string{`two projections are called "campaign-report"`, `module "market"`, `module "acme"`}},
		"a missing dependency":            {one(AsIntakeRule(newPrintingRule)), []string{`module "acme": ` + here + `newPrintingRule needs a leadmill.printer, which nothing provides`}},
		"what another module keeps": {
			[]Module{NewModule("acme", AsIntakeRule(func(hidden) aRule { return aRule{} })), NewModule("giver", Provide(func() hidden { return hidden{} }), AsStrategy(func(hidden) aStrategy { return aStrategy{} }))},
			[]string{`module "acme": `, `needs a leadmill.hidden, which module "giver" provides for itself; Share is Provide for all`},
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
		"a command without a scope":     {one(AsCommand[wrong, string](answering[wrong, string])), []string{`module "acme": ` + here + `answering[...]: leadmill.wrong needs no scope`}},
		"a command without an actor":    {one(AsCommand[nobodys, string](answering[nobodys, string])), []string{`module "acme": `, `leadmill.nobodys needs the scope program but does not say who acts: embed application.Actor in it`}},
		"the job for its constructor":   {one(AsJob("j", application.Every(time.Hour), newChore())), []string{`func(context.Context) error is no constructor of a func(context.Context) error: it is one itself; give a function that returns it`}},
		"a plain function to react":     {one(AsReaction("r", []string{"lead.sold.v1"}, func() func(context.Context, application.StoredEvent) error { return nil })), []string{`a plain function is none; return a bus.HandlerFunc or an application.ReactorFunc`}},
		"a handler without its chain":   {one(Provide(answering[order, string]), AsIntakeRule(func(bus.HandlerFunc[order, string]) aRule { return aRule{} }), Provide(func() bus.Handler[order, string] { return answering[order, string]() })), []string{at, `: AsCommand and AsQuery do so, with the chain of interceptors around it`}},
		"a handler that nobody has":     {one(AsIntakeRule(func(bus.Handler[order, string]) aRule { return aRule{} })), []string{at, `which nothing provides; AsCommand and AsQuery do, for the module's own`}},
		"a command twice": {
			[]Module{NewModule("acme", AsCommand[order, string](answering[order, string])), NewModule("bolt", AsQuery[order, int](answering[order, int]))},
			[]string{`two messages are called "order": module "acme": ` + here + `answering[...], and module "bolt": ` + here},
		},
		"a command that is a pointer":   {one(AsCommand[*order, string](answering[*order, string])), []string{`module "acme": ` + here, `a *leadmill.order is no command or query: it must be a type with a name, and no pointer`}},
		"a command of Leadmill's own":   {one(AsCommand[marketcommand.SubmitLead, string](answering[marketcommand.SubmitLead, string])), []string{`module "acme": ` + here, `command.SubmitLead is Leadmill's own and has its handler`}},
		"an interceptor of Leadmill's":  {one(AsInterceptor(func() application.Authorise { return application.Authorise{} })), []string{at, `the interceptor has the code "authorise", as one of Leadmill's own`}},
		"a policy of a built-in's code": {one(AsAttributionPolicy(func() attribution.Policy { return firstTouch{} })), []string{at, `the attribution policy "first_touch" has the code of a built-in one`}},
		"a replacement of nothing":      {one(ReplacePolicy("acme_policy", func() aPolicy { return aPolicy{} })), []string{at, `no built-in attribution policy has the code "acme_policy"`}},
		"a replacement of another code": {one(ReplacePolicy("highest_price", func() aStrategy { return aStrategy{} })), []string{at, `has the code "priority"; what replaces "highest_price" has that code`}},
		"two replaced strategies": {
			[]Module{NewModule("acme", ReplacePolicy("priority", newStrategy)), NewModule("bolt", ReplacePolicy("priority", newStrategy))},
			[]string{`two replaced policies are called "priority": module "acme": ` + here + `newStrategy, and module "bolt": ` + here + `newStrategy`},
		},
		"facts of one name": {
			[]Module{NewModule("acme", AsFacts(func() facts { return "score" })), NewModule("bolt", AsFacts(func() facts { return "score" }))},
			[]string{`two providers of facts are called "score": module "acme": ` + here, `, and module "bolt": ` + here},
		},
		"facts of a malformed name":      {one(AsFacts(func() facts { return "My Score" })), []string{at, `the name "My Score" of a fact provider must be`}},
		"a code that panics":             {one(AsIntakeRule(func() unfinished { return unfinished{} })), []string{at, `panicked: runtime error`}},
		"an event of another module":     {one(AsEvent[placed](eventsv1.Definition{Type: "x.bolt.placed.v1", Schema: []byte("{}")})), []string{`module "acme": AsEvent[leadmill.placed]: the event type "x.bolt.placed.v1" does not begin with x.acme.`}},
		"an event without a schema":      {one(AsEvent[placed](eventsv1.Definition{Type: "x.acme.placed.v1"})), []string{`module "acme": AsEvent[leadmill.placed]: event type "x.acme.placed.v1": has no JSON Schema`}},
		"an event that is none":          {one(AsEvent[event.Event](eventsv1.Definition{Type: "x.acme.placed.v1"})), []string{`module "acme": AsEvent[event.Event]: event type "x.acme.placed.v1": event.Event is no event`}},
		"a job of a malformed name":      {one(AsJob("My Job", application.Every(time.Hour), newChore)), []string{`module "acme": ` + here + `newChore: job name "My Job" is not 1 to 64 of`}},
		"a job without a time":           {one(AsJob("j", application.Cron("x y z"), newChore)), []string{`module "acme": ` + here + `newChore: job "j": schedule "x y z" cannot be read`}},
		"a job of a name of Leadmill's":  {one(AsJob("purge", application.Every(time.Hour), newChore)), []string{`two jobs are called "purge": module "housekeeping": `, `, and module "acme": ` + here + `newChore`}},
		"two jobs of one name":           {one(AsJob("j", application.Every(time.Hour), newChore), AsJob("j", application.Every(time.Hour), newChore)), []string{`two jobs are called "j": module "acme": ` + here + `newChore, and module "acme": ` + here + `newChore`}},
		"a reaction to nothing":          {one(AsReaction("r", nil, newReactor)), []string{`module "acme": ` + here + `newReactor: reaction "r": it names no types`}},
		"a reaction to what is not":      {one(AsReaction("r", []string{"lead.gone.v1"}, newReactor)), []string{`module "acme": ` + here + `newReactor: reaction "r": there is no public event type "lead.gone.v1"`}},
		"a reaction of a malformed name": {one(AsReaction("R R", []string{"lead.sold.v1"}, newReactor)), []string{`module "acme": ` + here + `newReactor: reaction name "R R" is not 1 to 64 of`}},
		"a reaction to too many at once": {one(AsReaction("r", []string{"lead.sold.v1"}, newReactor, AtOnce(65))), []string{`module "acme": ` + here + `newReactor: reaction "r": 65 at once; it must be 1 to 64`}},
		"a reaction with a nil option":   {one(AsReaction("r", []string{"lead.sold.v1"}, newReactor, nil)), []string{`module "acme": ` + here + `newReactor: an option of the reaction "r" is nil`}},
		"two reactions of one name": {
			[]Module{NewModule("acme", AsReaction("r", []string{"lead.sold.v1"}, newReactor)), NewModule("bolt", AsReaction("r", []string{"lead.sold.v1"}, newReactor))},
			[]string{`two reactions are called "r": module "acme": ` + here + `newReactor, and module "bolt": ` + here + `newReactor`},
		},
		"a reaction of a projection's name":    {one(AsReaction("campaign-report", []string{"lead.sold.v1"}, newReactor)), []string{`module "acme": ` + here + `newReactor: reaction "campaign-report": a projection has this name`}},
		"a key scope of a built-in name":       {one(AsScope("admin")), []string{`module "acme": AsScope: the key scope "admin" has the name of a built-in one`}},
		"two key scopes of one name":           {[]Module{NewModule("acme", AsScope("x")), NewModule("bolt", AsScope("x"))}, []string{`two key scopes are called "x": module "acme": AsScope, and module "bolt": AsScope`}},
		"a key scope of no operation":          {one(AsScope("x", "Nothing")), []string{`module "acme": AsScope: the key scope "x" opens "Nothing", which is no command or query of this build`}},
		"migrations of another prefix":         {one(AsMigrations(files("CREATE TABLE cases (id BIGINT)"), ".")), []string{`module "acme": 0001_a.sql: `, `cases: what the module makes and uses has a name that begins with x_acme_`}},
		"migrations twice":                     {one(AsMigrations(files("DROP TABLE x_acme_a"), "."), AsMigrations(files("DROP TABLE x_acme_a"), ".")), []string{`module "acme": has migrations twice`}},
		"migrations in no folder":              {one(AsMigrations(files("DROP TABLE x_acme_a"), "sql")), []string{`module "acme": the folder "sql" of its migrations: `}},
		"a struct of parameters":               {one(AsIntakeRule(func(parameters) aRule { return aRule{} })), []string{at, `takes a struct of fx; each value that it needs is a parameter`}},
		"a struct of results":                  {one(Provide(func() results { return results{} })), []string{at, `returns a struct of fx; a constructor makes one value`}},
		"a constructor of any number":          {one(AsIntakeRule(func(...int) aRule { return aRule{} })), []string{`module "acme": func(...int) leadmill.aRule is no constructor`}},
		"a constructor of an error":            {one(Provide(func() error { return nil })), []string{`module "acme": func() error is no constructor`}},
		"a constructor that takes a test":      {one(AsIntakeRule(func(context.Context, *testing.T) aRule { return aRule{} })), []string{`needs a context.Context, which nothing provides`, `needs a *testing.T, which nothing provides`}},
		"the same module twice":                {[]Module{same, same}, []string{`module "acme": another module has this name`, `two jobs are called "j"`}},
		"a module that NewModule did not make": {[]Module{{}}, []string{`module "": the name must be 1 to 20 of`}},
		"a route outside of its prefix":        {one(AsRoute("GET", "/v1/y", application.Program, newAnswer)), []string{`module "acme": the route GET /v1/y is outside /v1/x/acme/`}},
		"a route of no scope":                  {one(AsRoute("GET", "/v1/x/acme/a", "nobody", newAnswer)), []string{`module "acme": the route GET /v1/x/acme/a has the scope "nobody", which no module declares`}},
		"a route that nothing describes":       {one(AsRoute("GET", "/v1/x/acme/a", application.Program, newAnswer)), []string{`module "acme": the route GET /v1/x/acme/a is described by no fragment of the module`}},
		"two routes of one path":               {one(AsRoute("GET", "/v1/x/acme/a", application.Program, newAnswer), AsRoute("GET", "/v1/x/acme/a", application.Program, newAnswer)), []string{`module "acme": there are two routes GET /v1/x/acme/a`}},
		"all at once": {
			one(Provide(3), AsIntakeRule(newNumber), Provide(newPostman), AsJob("J", application.Every(1), newChore), AsScope("admin"), AsReaction("r", nil, newReactor), AsMigrations(nil, ".")),
			[]string{`int is no constructor`, `func() int is no constructor`, `ReplaceMailer`, `job name "J"`, `key scope "admin"`, `reaction "r"`, `its migrations are nil`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c2 := Config{HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db"), BatchMax: 1, MailDir: t.TempDir()}
			err := New(c.modules...).with(t.Context(), c2, io.Discard, func(_ context.Context, k *core) error {
				if _, err := k.server(); err != nil {
					return err
				}
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
