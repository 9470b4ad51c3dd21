// Package feed tests the feed of events in the whole application: HTTP in, database and projection out, on every engine.
package feed_test

import (
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.MainAtOnce(m, 4) }
