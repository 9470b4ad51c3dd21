// Package brokers tests instances with servers that they may share beside the database, which the tests start.
package brokers_test

import (
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }
