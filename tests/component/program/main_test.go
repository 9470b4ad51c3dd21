// Package program tests the partner program in the whole application: HTTP in, database and projection out, on every engine.
package program_test

import (
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.MainAtOnce(m, 4) }
