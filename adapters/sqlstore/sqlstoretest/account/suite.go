// Package accounttest is what the store of the room account must pass on every engine.
//
// Stability: unsupported; it may change at any time.
package accounttest

import (
	"context"
	"testing"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
)

// Run runs the suite. open returns a harness on a database of its own each time; see sqlstoretest.New.
func Run(t *testing.T, open func(t *testing.T) *sqlstoretest.Harness) {
	t.Helper()
	sqlstoretest.Each(t, open, []sqlstoretest.Test{
		{Name: "sellers", Run: testSellers},
		{Name: "keys", Run: testKeys},
		{Name: "answers", Run: testAnswers},
		{Name: "answers about somebody", Run: testAnswersAbout},
		{Name: "answer race", Run: testAnswerRace},
		{Name: "installation", Run: testInstallation},
		{Name: "people", Run: testPeople},
		{Name: "staff", Run: testStaff},
		{Name: "person sessions", Run: testPersonSessions},
		{Name: "person links", Run: testPersonLinks},
		{Name: "person mails", Run: testPersonMails},
		{Name: "audit trail", Run: testAuditTrail},
		{Name: "logos", Run: testLogos},
		{Name: "logo race", Run: testLogoRace},
		{Name: "person link race", Run: testPersonLinkRace},
		{Name: "person race", Run: testPersonRace},
		{Name: "last owner race", Run: testLastOwnerRace},
	})
}

type (
	ctx = context.Context
	tx  = *sqlstore.Tx
)

// now is the time of all tests.
var now = sqlstoretest.Now

// hands are a clock that a test sets.
type hands struct{ at time.Time }

// Now implements application.Clock.
func (h *hands) Now() time.Time { return h.at }
