package application_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/seller"
)

type (
	openDoor  struct{ application.Actor }
	closeDoor struct{ application.Actor }
	ringBell  struct{}
	wipeFloor struct{}
	keyless   struct{} // needs a key, but has no actor
	scopeless struct{ application.Actor }
)

func (openDoor) Needs() application.Scope  { return application.Program }
func (closeDoor) Needs() application.Scope { return application.Supplier }
func (ringBell) Needs() application.Scope  { return application.Visitor }
func (wipeFloor) Needs() application.Scope { return application.Internal }
func (keyless) Needs() application.Scope   { return application.Program }
func (wipeFloor) OfSeller() string         { return "seller_2" }
func (scopeless) Needs() application.Scope { return "" }

func done[M any](context.Context, M) (string, error) { return "done", nil }

// noted is an interceptor that notes which operations pass.
type noted struct{ seen *[]bus.Operation }

func (noted) Code() string { return "noted" }
func (noted) Order() int   { return 0 }
func (n noted) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	*n.seen = append(*n.seen, op)
	return next(ctx)
}

func TestOperationsAreNamedAfterTheirMessages(t *testing.T) {
	t.Parallel()
	var seen []bus.Operation
	chain, err := bus.NewChain(noted{&seen})
	require.NoError(t, err)
	o := application.NewOperations(chain)
	open := application.Command(o, bus.HandlerFunc[openDoor, string](done[openDoor]))
	ring := application.Query(o, done[ringBell])
	wipe := application.Command(o, bus.HandlerFunc[wipeFloor, string](done[wipeFloor]))
	by := application.Actor{Scope: seller.Program, KeyID: "key_1", SellerID: "seller_1", PartnerID: "partner_1"}
	require.NoError(t, o.Err())
	for _, ask := range []func() (string, error){
		func() (string, error) { return open.Handle(t.Context(), openDoor{by}) },
		func() (string, error) { return ring.Handle(t.Context(), ringBell{}) },
		func() (string, error) { return wipe.Handle(t.Context(), wipeFloor{}) },
	} {
		answer, err := ask()
		require.NoError(t, err)
		assert.Equal(t, "done", answer)
	}
	require.Len(t, seen, 3)
	told := func(op bus.Operation) []any {
		return []any{op.Kind, op.Name, op.Actor, op.Seller, op.Internal, op.Message}
	}
	assert.Equal(t, []any{
		bus.Command, "openDoor", bus.Actor{Scope: "program", KeyID: "key_1", PartnerID: "partner_1"}, "seller_1", false, openDoor{by},
	}, told(seen[0]))
	assert.Equal(t, []any{bus.Query, "ringBell", bus.Actor{}, "", false, ringBell{}}, told(seen[1]))
	assert.Equal(t, []any{bus.Command, "wipeFloor", bus.Actor{}, "seller_2", true, wipeFloor{}}, told(seen[2]))
}

func TestSend(t *testing.T) {
	t.Parallel()
	var seen []bus.Operation
	chain, err := bus.NewChain(noted{&seen})
	require.NoError(t, err)
	o := application.NewOperations(chain)
	application.Command(o, bus.HandlerFunc[openDoor, string](done[openDoor]))
	application.Query(o, done[ringBell])
	for range 2 {
		got, err := application.Send[string](t.Context(), o, openDoor{})
		require.NoError(t, err)
		assert.Equal(t, "done", got)
	}
	_, err = application.Send[string](t.Context(), o, ringBell{})
	require.NoError(t, err)
	require.Len(t, seen, 3, "through the chain")
	_, err = application.Send[string](t.Context(), o, closeDoor{})
	require.ErrorContains(t, err, "no handler of application_test.closeDoor returns a string")
	_, err = application.Send[int](t.Context(), o, openDoor{})
	require.ErrorContains(t, err, "no handler of application_test.openDoor returns a int")
}

func TestOperationsRefuseWhatCannotBeToldApart(t *testing.T) {
	t.Parallel()
	o := application.NewOperations(bus.Chain{})
	application.Query(o, done[openDoor])
	application.Query(o, done[scopeless])
	require.ErrorContains(t, o.Err(), "application_test.scopeless needs no scope")
	application.Command(o, bus.HandlerFunc[openDoor, string](done[openDoor]))
	require.ErrorContains(t, o.Err(), "application_test.openDoor and application_test.openDoor have one name")
}

func TestActorIsSeller(t *testing.T) {
	t.Parallel()
	a := application.Actor{SellerCode: "ACME1234", SellerSlug: "acme"}
	for name, want := range map[string]bool{"ACME1234": true, "acme": true, "acme1234": false, "": false, "other": false} {
		assert.Equal(t, want, a.IsSeller(name), name)
	}
	assert.False(t, application.Actor{}.IsSeller(""))
}

func TestNoCommandInsideOfATransaction(t *testing.T) {
	t.Parallel()
	o := application.NewOperations(bus.Chain{})
	open := application.Command(o, bus.HandlerFunc[openDoor, string](done[openDoor]))
	ring := application.Query(o, done[ringBell])
	inside, err := application.EnterWork(t.Context())
	require.NoError(t, err)
	var nested *application.NestedWorkError
	_, err = open.Handle(inside, openDoor{})
	require.ErrorAs(t, err, &nested)
	_, err = application.EnterWork(inside)
	require.ErrorAs(t, err, &nested)
	answer, err := ring.Handle(inside, ringBell{})
	require.NoError(t, err, "a query begins none")
	require.Equal(t, "done", answer)
}
