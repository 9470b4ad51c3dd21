// Package apptest is tests/leadmilltest for the tests of this repository: with databases of the engines that it is developed
// on, and with a look at what is stored.
//
// Stability: unsupported; it may change at any time.
package apptest

import (
	"flag"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/leadmill/leadmill"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
	"github.com/leadmill/leadmill/tests/leadmilltest"
	"github.com/leadmill/leadmill/tests/openapitest"
)

// What is the same for all users of a Leadmill in a test.
type (
	Answer  = leadmilltest.Answer
	App     = leadmilltest.App
	Buyer   = leadmilltest.Buyer
	Client  = leadmilltest.Client
	Form    = leadmilltest.Form
	Lead    = leadmilltest.Lead
	Object  = leadmilltest.Object
	Process = leadmilltest.Process
	Shop    = leadmilltest.Seller
)

// What is the same for all users of a Leadmill in a test.
const (
	AdminKey = leadmilltest.AdminKey
	Category = leadmilltest.Category
	Patience = leadmilltest.Patience
)

// Rich is a buyer that can buy everything.
var Rich = leadmilltest.Rich

// MainAtOnce is Main with n tests at a time, whatever the number of processors: most of the time tests of the whole wait for
// ticks, mails, the database and other processes. Not too many, because each has pools of connections. The flag -parallel
// of go test overrides it.
func MainAtOnce(m *testing.M, n int) {
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
	Main(m)
}

// Main is the TestMain of packages that use this one: a process of Leadmill is the test binary once more.
func Main(m *testing.M) { leadmilltest.Main(m, byEnvironment()...) }

// EachEngine runs a test on every engine of this run, in parallel, each with a migrated database without data.
func EachEngine(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	each(t, migrated.URL, test)
}

// EachEmpty is EachEngine with databases that hold nothing at all: for tests of what an operator does first.
func EachEmpty(t *testing.T, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	each(t, dbtest.URL, test)
}

func each(t *testing.T, database func(testing.TB, dbtest.Engine) string, test func(t *testing.T, databaseURL string)) {
	t.Helper()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			test(t, database(t, e))
		})
	}
}

// Start runs a Leadmill inside the test until the test ends.
func Start(t testing.TB, databaseURL string, o leadmill.StartOptions, modules ...leadmill.Module) *App {
	t.Helper()
	return StartConfig(t, databaseURL, func(*leadmill.Config) {}, o, modules...)
}

// StartConfig is Start with settings.
func StartConfig(t testing.TB, databaseURL string, settings func(*leadmill.Config), o leadmill.StartOptions, modules ...leadmill.Module) *App {
	t.Helper()
	return leadmilltest.StartWith(t, leadmilltest.Options{
		Clock: o.Clock, DatabaseURL: databaseURL, Settings: settings, Logs: o.Logs, Driver: o.Driver,
	}, modules...)
}

// Run starts a process with arguments and settings ("LEADMILL_LOG_LEVEL=debug") and returns when it listens.
func Run(t testing.TB, databaseURL string, args []string, settings ...string) *Process {
	t.Helper()
	return leadmilltest.StartProcess(t, leadmilltest.ProcessOptions{DatabaseURL: databaseURL, Args: args, Settings: settings})
}

// Launch starts a process and does not wait for anything.
func Launch(t testing.TB, databaseURL string, args []string, settings ...string) *Process {
	t.Helper()
	return leadmilltest.LaunchProcess(t, leadmilltest.ProcessOptions{DatabaseURL: databaseURL, Args: args, Settings: settings})
}

// NewShop makes a seller. campaign overrides the members of its campaign; by default phones are unique for 30 days.
func NewShop(t testing.TB, a *App, campaign Object, buyers ...Buyer) *Shop {
	t.Helper()
	return a.SellerWith(t, leadmilltest.SellerOptions{Campaign: campaign, Buyers: buyers})
}

// Eventually waits until a condition holds, and fails the test with what it last said when Patience ends.
func Eventually(t testing.TB, condition func() error) {
	t.Helper()
	leadmilltest.Eventually(t, condition)
}

// Parallel calls do n times at once and returns when all are done.
func Parallel(n int, do func(i int)) { leadmilltest.Parallel(n, do) }

// Setting is a number that the environment gives a test, or the fallback.
func Setting(t testing.TB, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// Phone returns a phone number that no other call in this process returned, in E.164.
func Phone() string { return leadmilltest.Phone() }

var spec = sync.OnceValues(func() (*openapitest.Spec, error) { return openapitest.Load(httpport.OpenAPI()) })

// Spec returns the document of the API.
func Spec(t testing.TB) *openapitest.Spec {
	t.Helper()
	s, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// RequestID finds the ids of requests in answers.
var RequestID = regexp.MustCompile(`req_[0-9A-Z]{26}`)

// Fill puts ids into the parameters of a path of openapi.yaml.
func Fill(path string, ids map[string]string) string {
	for name, id := range ids {
		path = strings.ReplaceAll(path, "{"+name+"}", id)
	}
	return path
}
