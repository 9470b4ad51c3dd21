// Package market tests selling leads in the whole application: HTTP in, database and projection out, on every engine.
package market_test

import (
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.MainAtOnce(m, 4) }
