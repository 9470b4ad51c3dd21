// Package markettest is what the store of the room market must pass on every engine.
//
// Stability: unsupported; it may change at any time.
package markettest

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
		{Name: "buyers", Run: testBuyers},
		{Name: "buyer charges", Run: testCharges},
		{Name: "campaigns", Run: testCampaigns},
		{Name: "cached campaigns", Run: testCachedCampaigns},
		{Name: "campaigns of a seller", Run: testCampaignsOfSeller},
		{Name: "leads", Run: testLeads},
		{Name: "pending leads", Run: testPending},
		{Name: "erasures", Run: testErasures},
		{Name: "requested erasures", Run: testRequestedErasures},
		{Name: "erasure runs at once", Run: testErasureRunsAtOnce},
		{Name: "erasure walks", Run: testErasureWalks},
		{Name: "retentions", Run: testRetentions},
		{Name: "large batches", Run: testLargeBatch},
		{Name: "refused values", Run: testRefusedValues},
		{Name: "counters", Run: testCounters},
		{Name: "recount", Run: testRecount},
		{Name: "claims", Run: testClaims},
		{Name: "requests", Run: testRequests},
		{Name: "claim race", Run: testClaimRace},
		{Name: "take-over race", Run: testTakeOverRace},
		{Name: "opposite claims", Run: testOppositeClaims},
		{Name: "deposits side by side", Run: testSideBySide},
		{Name: "statement counts", Run: testStatementCounts},
	})
}

type (
	ctx = context.Context
	tx  = *sqlstore.Tx
)

// now is the time of all tests.
var now = sqlstoretest.Now
