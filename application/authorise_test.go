package application_test

import (
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/seller"
)

type (
	openWindow struct{ application.Actor }
	tellTime   struct{ application.Actor }
)

func (openWindow) Needs() application.Scope { return application.Program }
func (tellTime) Needs() application.Scope   { return "reports" }

func nameOf(message any) string {
	if message == nil {
		return ""
	}
	return reflect.TypeOf(message).Name()
}

func TestAuthorise(t *testing.T) {
	t.Parallel()
	by := func(s seller.Scope) application.Actor { return application.Actor{Scope: s} }
	scopes, err := application.NewScopes(application.KeyScope{Name: "reports", Operations: []string{"openDoor", "closeDoor"}})
	require.NoError(t, err)
	authorise := application.Authorise{Scopes: scopes}
	for name, c := range map[string]struct {
		message any
		passes  bool
	}{
		"the right scope":            {openDoor{by(seller.Program)}, true},
		"another scope":              {openDoor{by(seller.Supplier)}, false},
		"admin is no program key":    {openDoor{by(seller.Admin)}, false},
		"no actor filled in":         {openDoor{}, false},
		"a supplier's":               {closeDoor{by(seller.Supplier)}, true},
		"a visitor":                  {ringBell{}, true},
		"leadmill itself":            {wipeFloor{}, true},
		"a key is needed, no actor":  {keyless{}, false},
		"no scope":                   {scopeless{by("")}, false},
		"a message without any need": {struct{ application.Actor }{by(seller.Program)}, false},
		"nothing":                    {nil, false},
		"a team's scope":             {tellTime{by("reports")}, true},
		"another team's scope":       {tellTime{by("dialer")}, false},
		"program is no team's scope": {tellTime{by(seller.Program)}, false},
		"what a scope opens":         {openDoor{by("reports")}, true},
		"what it does not open":      {openWindow{by("reports")}, false},
		"only what a program may do": {closeDoor{by("reports")}, false},
		"a scope nobody declares":    {openDoor{by("gone")}, false},
	} {
		passed := false
		err := authorise.Intercept(t.Context(), bus.Operation{Name: nameOf(c.message), Message: c.message}, func(context.Context) error {
			passed = true
			return nil
		})
		assert.Equal(t, c.passes, passed, name)
		if c.passes {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, application.ErrForbidden, name)
		}
	}
}

// Every lead passes Authorise.
//
//nolint:paralleltest // tests beside it would allocate too
func TestAuthoriseAllocatesNothing(t *testing.T) {
	scopes, err := application.NewScopes(application.KeyScope{Name: "reports", Operations: []string{"openDoor"}})
	require.NoError(t, err)
	next := func(context.Context) error { return nil }
	for _, scope := range []seller.Scope{seller.Program, "reports"} {
		op := bus.Operation{Name: "openDoor", Message: openDoor{application.Actor{Scope: scope}}}
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			if (application.Authorise{Scopes: scopes}).Intercept(t.Context(), op, next) != nil {
				t.Error("refused")
			}
		}), scope)
	}
}
