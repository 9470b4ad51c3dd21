// Package input tests in the whole application what the partner program makes of strange texts, types, paths and queries.
package input_test

import (
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.MainAtOnce(m, 4) }
