// Package component tests the whole application: HTTP in, database and projection out, on every engine.
package component_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

// TestMain lets more tests run at a time than there are processors, because they wait for ticks, mails and other processes
// most of the time; not many more, because each has a pool of connections. The flag of go test overrides it.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	apptest.Main(m)
}

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }
