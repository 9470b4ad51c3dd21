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
		{Name: "prices of leads", Run: testPrices},
		{Name: "erasures", Run: testErasures},
		{Name: "requested erasures", Run: testRequestedErasures},
		{Name: "erasure runs at once", Run: testErasureRunsAtOnce},
		{Name: "erasure walks", Run: testErasureWalks},
		{Name: "retentions", Run: testRetentions},
		{Name: "large batches", Run: testLargeBatch},
		{Name: "refused values", Run: testRefusedValues},
		{Name: "counters", Run: testCounters},
		{Name: "many sold at once", Run: testManySold},
		{Name: "recount", Run: testRecount},
		{Name: "recount beside decisions", Run: testRecountBesideDecisions},
		{Name: "counters of buyers and campaigns", Run: testOwnersCounters},
		{Name: "turns", Run: testTurns},
		{Name: "buyers with rules", Run: testRuledBuyers},
		{Name: "shared leads", Run: testSharedLead},
		{Name: "claims", Run: testClaims},
		{Name: "suppressions", Run: testSuppressions},
		{Name: "suppression race", Run: testSuppressionRace},
		{Name: "suppressions among decisions", Run: testSuppressionAmongDecisions},
		{Name: "seller jobs", Run: testSellerJobs},
		{Name: "requests", Run: testRequests},
		{Name: "claim race", Run: testClaimRace},
		{Name: "take-over race", Run: testTakeOverRace},
		{Name: "opposite claims", Run: testOppositeClaims},
		{Name: "returns", Run: testReturns},
		{Name: "sold leads", Run: testSoldLeads},
		{Name: "release", Run: testRelease},
		{Name: "deliveries", Run: testDeliveries},
		{Name: "delivery race", Run: testDeliveryRace},
		{Name: "reservations", Run: testReservations},
		{Name: "answers to suppliers", Run: testSupplierAnswers},
		{Name: "holds", Run: testHolds},
		{Name: "counts of reservations", Run: testUncount},
		{Name: "pings", Run: testPings},
		{Name: "ping race", Run: testPingRace},
		{Name: "shares", Run: testShares},
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
