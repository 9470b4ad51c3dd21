package bus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/bus"
)

type interceptor struct {
	code  string
	order int
	do    func(ctx context.Context, op bus.Operation, next func(context.Context) error) error
}

func (i interceptor) Code() string { return i.code }
func (i interceptor) Order() int   { return i.order }
func (i interceptor) Intercept(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
	return i.do(ctx, op, next)
}

type key struct{}

func TestChainOrder(t *testing.T) {
	t.Parallel()
	var log []string
	named := func(code string, order int) bus.Interceptor {
		return interceptor{code, order, func(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
			log = append(log, "in "+code)
			assert.Equal(t, bus.Operation{Kind: bus.Command, Name: "Double", Message: 21}, op)
			err := next(context.WithValue(ctx, key{}, code))
			log = append(log, "out "+code)
			return err
		}}
	}
	list := []bus.Interceptor{named("c", 5), named("b", 5), named("z", 1)}
	chain, err := bus.NewChain(list...)
	require.NoError(t, err)
	assert.Equal(t, []string{"z", "b", "c"}, chain.Codes())
	assert.Equal(t, "c", list[0].Code(), "the caller's list stays as it is")

	h := bus.Wrap(chain, bus.Command, "Double", bus.HandlerFunc[int, int](func(ctx context.Context, n int) (int, error) {
		log = append(log, "handle under "+ctx.Value(key{}).(string))
		return 2 * n, nil
	}))
	for range 2 {
		log = nil
		got, err := h.Handle(t.Context(), 21)
		require.NoError(t, err)
		assert.Equal(t, 42, got)
		assert.Equal(t, []string{"in z", "in b", "in c", "handle under c", "out c", "out b", "out z"}, log)
	}
	_, err = bus.NewChain(named("a", 1), named("b", 2), named("a", 3))
	require.ErrorContains(t, err, `"a"`)
}

func TestWrapErrors(t *testing.T) {
	t.Parallel()
	broken, refused, changed := errors.New("broken"), errors.New("refused"), errors.New("changed")
	var called int
	handler := func(result int, err error) bus.Handler[int, int] {
		return bus.HandlerFunc[int, int](func(context.Context, int) (int, error) { called++; return result, err })
	}
	wrap := func(h bus.Handler[int, int], do func(context.Context, bus.Operation, func(context.Context) error) error) bus.Handler[int, int] {
		chain, err := bus.NewChain(interceptor{"x", 0, do})
		require.NoError(t, err)
		return bus.Wrap(chain, bus.Query, "Q", h)
	}
	pass := func(ctx context.Context, _ bus.Operation, next func(context.Context) error) error { return next(ctx) }

	got, err := wrap(handler(7, broken), pass).Handle(t.Context(), 1)
	require.ErrorIs(t, err, broken)
	assert.Zero(t, got, "no result beside an error")

	called = 0
	got, err = wrap(handler(7, nil), func(context.Context, bus.Operation, func(context.Context) error) error { return refused }).Handle(t.Context(), 1)
	require.ErrorIs(t, err, refused)
	assert.Zero(t, got)
	assert.Zero(t, called, "refused before the handler")

	got, err = wrap(handler(7, nil), func(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
		assert.Equal(t, bus.Query, op.Kind)
		return errors.Join(next(ctx), changed)
	}).Handle(t.Context(), 1)
	require.ErrorIs(t, err, changed)
	assert.Zero(t, got)

	got, err = bus.Wrap(bus.Chain{}, bus.Query, "Q", handler(7, nil)).Handle(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, 7, got)
}
