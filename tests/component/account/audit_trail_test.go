package account_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// trail returns the entries of an object or an actor, the newest first, after those that the office itself made.
func (f *office) trail(actor application.Actor, q accountquery.AuditTrail) []accountquery.AuditEntry {
	f.t.Helper()
	q.Actor, q.Page = actor, application.Page{Limit: 200, Number: 1}
	list, err := application.Send[application.List[accountquery.AuditEntry]](f.t.Context(), f.o, q)
	require.NoError(f.t, err)
	return list.Items
}

func commands(entries []accountquery.AuditEntry) (names []string) {
	for _, e := range entries {
		names = append(names, e.Command)
	}
	return names
}

func TestChangesAreAudited(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		f := newOffice(t, databaseURL)
		_, ann := f.owner(f.sellerID, "ann@example.com")
		buyerID := f.shop.BuyerIDs[0]
		before := f.db.Number("SELECT COUNT(*) FROM audit_trail")

		// By a key over HTTP: with its id and the address; what is refused or was done before is not in it.
		pause := "/v1/buyers/" + buyerID + "/pause"
		f.shop.Program.Must(t, "POST", pause, apptest.Object{}, "Idempotency-Key", "pause")
		require.True(t, f.shop.Program.Must(t, "POST", pause, apptest.Object{}, "Idempotency-Key", "pause").Replayed())
		require.NotEqual(t, 200, f.shop.Program.Do("GET", "/v1/buyers/nobody", nil).Status)
		require.Equal(t, 404, f.shop.Program.Do("POST", "/v1/buyers/nobody/pause", apptest.Object{}).Status)
		entries := f.trail(ann.Actor, accountquery.AuditTrail{Object: buyerID})
		require.NotEmpty(t, entries)
		assert.Equal(t, "PauseBuyer", entries[0].Command)
		assert.Equal(t, "127.0.0.1", entries[0].Address)
		assert.NotEmpty(t, entries[0].KeyID)
		assert.Equal(t, f.clock.Now(), entries[0].At)
		assert.Equal(t, before+1, f.db.Number("SELECT COUNT(*) FROM audit_trail"))

		// By a person, as the pages send it.
		ctx := application.WithAddress(t.Context(), func() string { return "192.0.2.9" })
		_, err := application.Send[application.Done](ctx, f.o, marketcommand.ResumeBuyer{Actor: ann.Actor, ID: buyerID})
		require.NoError(t, err)
		sold := f.shop.Sell(t, f.shop.Form())
		_, err = application.Send[marketquery.MarketplaceLead](ctx, f.o, marketcommand.RevealLead{Actor: ann.Actor, ID: sold.ID})
		require.NoError(t, err)
		entries = f.trail(ann.Actor, accountquery.AuditTrail{By: ann.ID})
		require.Equal(t, []string{"RevealLead", "ResumeBuyer", "ChangePassword"}, commands(entries))
		assert.Equal(t, []any{ann.ID, "Ann", "ann@example.com", "192.0.2.9", []string{sold.ID}},
			[]any{entries[0].PersonID, entries[0].PersonName, entries[0].PersonEmail, entries[0].Address, entries[0].Objects})
		assert.Contains(t, entries[1].Objects, buyerID)

		// People, too, by whom it was done to.
		bob := f.join(ann.Actor, "bob@example.com", "viewer")
		require.NoError(t, do(f, accountcommand.ChangeRole{Actor: ann.Actor, ID: bob.PersonID, Role: "operator"}))
		require.Equal(t, []string{"ChangeRole", "AcceptPersonInvitation", "InvitePerson"}, commands(f.trail(ann.Actor, accountquery.AuditTrail{Object: bob.PersonID})))
		require.NoError(t, do(f, accountcommand.AskForReset{Email: "bob@example.com", Browser: browser}))
		reset := accountcommand.ResetPassword{Token: f.mailed("bob@example.com", "/reset/"), Password: "another password", Browser: browser}
		_, err = application.Send[struct{}](ctx, f.o, reset)
		require.NoError(t, err)
		require.Equal(t, operator.ErrLink, do(f, reset), "what is refused is not in it")
		entries = f.trail(ann.Actor, accountquery.AuditTrail{By: bob.PersonID})
		require.Equal(t, []string{"ResetPassword", "AcceptPersonInvitation"}, commands(entries))
		assert.Equal(t, []any{"Bob", "192.0.2.9", []string{bob.PersonID}}, []any{entries[0].PersonName, entries[0].Address, entries[0].Objects})

		// Who runs the installation makes an owner: in the trail of the seller.
		made, err := application.Send[accountcommand.PersonInvited](t.Context(), f.o, accountcommand.CreateOwnerSignIn{Actor: application.Actor{Scope: seller.Admin, KeyID: "cli"}, Seller: f.sellerID, Email: "carl@example.com"})
		require.NoError(t, err)
		require.Equal(t, []string{"CreateOwnerSignIn"}, commands(f.trail(ann.Actor, accountquery.AuditTrail{Object: made.PersonID})))
		key := f.shop.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{"scope": "program", "name": "audited"}).Data(t)["id"].(string)
		require.Equal(t, []string{"CreateAPIKey"}, commands(f.trail(ann.Actor, accountquery.AuditTrail{Object: key})))

		// What suppliers send is not in it, and nothing of another seller.
		before = f.db.Number("SELECT COUNT(*) FROM audit_trail")
		require.Equal(t, "sold", f.shop.Supplier.Do("POST", "/api/leads", f.shop.Form()).Lead().Status)
		assert.Equal(t, before, f.db.Number("SELECT COUNT(*) FROM audit_trail"))
		shop2 := apptest.NewShop(t, f.App, nil, apptest.Rich)
		_, eve := f.owner(f.idOf(shop2.Code), "eve@example.com")
		require.Empty(t, f.trail(eve.Actor, accountquery.AuditTrail{Object: buyerID}))
		require.Empty(t, f.trail(eve.Actor, accountquery.AuditTrail{By: bob.PersonID}))
		require.False(t, slices.Contains(commands(f.trail(eve.Actor, accountquery.AuditTrail{})), "PauseBuyer"))

		_, err = application.Send[application.List[accountquery.AuditEntry]](t.Context(), f.o, accountquery.AuditTrail{Actor: ann.Actor})
		require.ErrorIs(t, err, fault.ErrValidation)
		f.Doctor(t)
	})
}
