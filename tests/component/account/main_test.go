// Package account tests who may do what and sees whose data in the whole application: HTTP in, database and projection out, on every engine.
package account_test

import (
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.MainAtOnce(m, 4) }
