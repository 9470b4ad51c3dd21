// Package e2e tests the command line and the documented examples on processes of their own.
package e2e_test

import (
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }
