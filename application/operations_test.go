package application_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
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
	require.NoError(t, o.Err())
	for _, ask := range []func() (string, error){
		func() (string, error) { return open.Handle(t.Context(), openDoor{}) },
		func() (string, error) { return ring.Handle(t.Context(), ringBell{}) },
	} {
		answer, err := ask()
		require.NoError(t, err)
		assert.Equal(t, "done", answer)
	}
	assert.Equal(t, []bus.Operation{{Kind: bus.Command, Name: "openDoor", Message: openDoor{}}, {Kind: bus.Query, Name: "ringBell", Message: ringBell{}}}, seen)
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
