// Package feedtest is what the store of the room feed must pass on every engine.
//
// Stability: unsupported; it may change at any time.
package feedtest

import (
	"context"
	"testing"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
)

// Run runs the suite. open returns a harness on a database of its own each time; see sqlstoretest.New.
func Run(t *testing.T, open func(t *testing.T) *sqlstoretest.Harness) {
	t.Helper()
	sqlstoretest.Each(t, open, []sqlstoretest.Test{
		{Name: "webhooks", Run: testWebhooks},
		{Name: "webhooks that cannot be read", Run: testUnreadable},
		{Name: "webhook deliveries", Run: testDeliveries},
		{Name: "webhook delivery that is made again", Run: testDeliveryAgain, Alone: true},
		{Name: "many webhook deliveries", Run: testManyDeliveries},
		{Name: "webhook delivery race", Run: testDeliveryRace},
		{Name: "webhook replays", Run: testReplays},
	})
}

type (
	ctx = context.Context
	tx  = *sqlstore.Tx
)

// now is the time of all tests.
var now = sqlstoretest.Now
