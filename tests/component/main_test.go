// Package component tests the whole application: HTTP in, database and projection out, on every engine.
package component_test

import (
	"fmt"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }
