// Package programtest is what the store of the room program must pass on every engine.
//
// Stability: unsupported; it may change at any time.
package programtest

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
		{Name: "partners", Run: testPartners},
		{Name: "changed partners", Run: testChangedPartners},
		{Name: "referral keys", Run: testReferralKeys, Alone: true},
		{Name: "deleted partners", Run: testDeletedPartners, Alone: true},
		{Name: "partner races", Run: testPartnerRaces},
		{Name: "short link race", Run: testShortLinkRace},
		{Name: "partner handed over", Run: testHandedOver},
		{Name: "referring partners", Run: testChain},
		{Name: "customers", Run: testCustomers},
		{Name: "customer handles", Run: testCustomerHandles},
		{Name: "customer emails", Run: testCustomerEmails},
		{Name: "customer races", Run: testCustomerRaces},
		{Name: "persons", Run: testPersons},
		{Name: "lead form", Run: testForms},
		{Name: "numbers", Run: testNumbers},
		{Name: "number race", Run: testNumberRace},
		{Name: "tokens", Run: testTokens},
		{Name: "token race", Run: testTokenRace},
		{Name: "form leads", Run: testFormLeads},
		{Name: "offered form leads", Run: testOfferedFormLeads},
		{Name: "reserved form leads", Run: testReservedFormLeads},
		{Name: "clicks", Run: testClicks},
		{Name: "program version conflicts", Run: testProgramConflicts},
		{Name: "program locks", Run: testProgramLocks},
	})
}

type (
	ctx = context.Context
	tx  = *sqlstore.Tx
)

// now is the time of all tests.
var now = sqlstoretest.Now
