package leadmill

import (
	"context"
	"path"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

// What differs from the rule that viewers ask and operators command.
var (
	forOwners    = []string{"ChangeRole", "CreateAPIKey", "InvitePerson", "RemovePerson", "RevokeAPIKey", "RotateAPIKey", "UpdateSettings"}
	forOperators = []string{"AuditTrail"}
	forEverybody = []string{
		"BeginTOTP", "ChangePassword", "ConfirmTOTP", "DisableTOTP", "EndAllSessions", "EndSession", "RenewRecoveryCodes", "SecurityOfPerson", "SessionsOfPerson", "SwitchSeller",
	}
	// forBuyers are what people of a buyer may send too, by the member that names the buyer. Where none does, the handler finds what is of the actor's.
	forBuyers = map[string]string{
		"BuyerByID": "ID", "BuyerUsage": "ID", "Ledger": "BuyerID", "Statement": "BuyerID", "PauseContract": "", "RequestReturn": "", "ResumeContract": "", "TestDelivery": "",
	}
)

// TestRolesHold shows that what a person sends gets to its handler when the role is enough, and not else.
func TestRolesHold(t *testing.T) {
	t.Parallel()
	var inner []bus.Operation
	withCore(t, func(ctx context.Context, k *core) error {
		seen := map[string]bool{}
		for _, role := range []operator.Role{operator.Viewer, operator.Operator, operator.Owner, "", "root"} {
			each(ctx, k, func(_ string, message reflect.Value) {
				if _, ok := reflect.TypeAssert[interface{ Who() application.Actor }](message); ok {
					message.FieldByName("Actor").Set(reflect.ValueOf(application.Actor{Scope: seller.Program, PersonID: "person_1", Role: role}))
				}
			}, func(field string, message reflect.Type, err error) {
				if reflect.Zero(message).Interface().(application.Message).Needs() != application.Program {
					return
				}
				needs := operator.Operator
				switch {
				case slices.Contains(forOwners, field):
					needs = operator.Owner
				case slices.Contains(forOperators, field):
				case slices.Contains(forEverybody, field):
					needs = operator.Anybody
				case path.Base(message.PkgPath()) == "query":
					needs = operator.Viewer
				}
				seen[field] = true
				if role.Includes(needs) {
					require.ErrorIs(t, err, errAsked, "%s as %q", field, role)
					return
				}
				require.Equal(t, application.ErrRole, err, "%s as %q", field, role)
			})
		}
		for _, name := range slices.Concat(forOwners, forOperators, forEverybody) {
			assert.True(t, seen[name], "%s is no operation", name)
		}
		return nil
	}, witness{1000, &inner})
}

// TestPeopleOfBuyersStayWithTheirs shows that what a person of a buyer sends gets to its handler when it is for buyers and names no other one.
func TestPeopleOfBuyersStayWithTheirs(t *testing.T) {
	t.Parallel()
	var inner []bus.Operation
	withCore(t, func(ctx context.Context, k *core) error {
		for _, named := range []string{"buyer_1", "buyer_2", ""} {
			seen := 0
			each(ctx, k, func(field string, message reflect.Value) {
				if _, ok := reflect.TypeAssert[interface{ Who() application.Actor }](message); !ok {
					return
				}
				message.FieldByName("Actor").Set(reflect.ValueOf(application.Actor{Scope: seller.Program, PersonID: "person_1", Role: operator.Buyer, BuyerID: "buyer_1"}))
				if member := forBuyers[field]; member != "" {
					message.FieldByName(member).SetString(named)
				}
			}, func(field string, message reflect.Type, err error) {
				if reflect.Zero(message).Interface().(application.Message).Needs() != application.Program {
					return
				}
				member, meant := forBuyers[field]
				if meant {
					seen++
				}
				if meant && (member == "" || named == "buyer_1") || slices.Contains(forEverybody, field) {
					require.ErrorIs(t, err, errAsked, field)
					return
				}
				require.Equal(t, application.ErrRole, err, "%s about %q", field, named)
			})
			assert.Len(t, forBuyers, seen)
		}
		// Who is of no buyer is of none at all.
		_, err := k.Market.PauseContract.Handle(ctx, marketcommand.PauseContract{Actor: application.Actor{Scope: seller.Program, PersonID: "person_1", Role: operator.Buyer}})
		require.Equal(t, application.ErrRole, err)
		return nil
	}, witness{1000, &inner})
}
