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

// named describes every message alike.
func named(name string, kind bus.Kind) func(any) bus.Operation {
	return func(any) bus.Operation { return bus.Operation{Kind: kind, Name: name} }
}

type key struct{}

func TestChainOrder(t *testing.T) {
	t.Parallel()
	var log []string
	noting := func(code string, order int) bus.Interceptor {
		return interceptor{code, order, func(ctx context.Context, op bus.Operation, next func(context.Context) error) error {
			log = append(log, "in "+code)
			assert.Equal(t, []any{bus.Command, "Double", 21}, []any{op.Kind, op.Name, op.Message})
			err := next(context.WithValue(ctx, key{}, code))
			log = append(log, "out "+code)
			return err
		}}
	}
	list := []bus.Interceptor{noting("c", 5), noting("b", 5), noting("z", 1)}
	chain, err := bus.NewChain(list...)
	require.NoError(t, err)
	assert.Equal(t, []string{"z", "b", "c"}, chain.Codes())
	assert.Equal(t, "c", list[0].Code(), "the caller's list stays as it is")

	h := bus.Wrap(chain, named("Double", bus.Command), bus.HandlerFunc[int, int](func(ctx context.Context, n int) (int, error) {
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
	_, err = bus.NewChain(noting("a", 1), noting("b", 2), noting("a", 3))
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
		return bus.Wrap(chain, named("Q", bus.Query), h)
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

	got, err = bus.Wrap(bus.Chain{}, named("Q", bus.Query), handler(7, nil)).Handle(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, 7, got)
}

// TestAnInterceptorKeepsItsPromise shows that an interceptor calls next once or refuses or answers: everything else is an
// error that names it, and the handler runs at most once.
func TestAnInterceptorKeepsItsPromise(t *testing.T) {
	t.Parallel()
	type next = func(context.Context) error
	refused := errors.New("refused")
	panicking := func(ctx context.Context, n next) (err error) {
		defer func() {
			if recover() != nil {
				err = refused
			}
		}()
		return n(ctx)
	}
	for name, c := range map[string]struct {
		do      func(ctx context.Context, op bus.Operation, next next) error
		handler error
		calls   int
		got     int
		says    string // of an *InterceptorError; empty: none
		err     error
	}{
		"calls next":                   {do: func(ctx context.Context, _ bus.Operation, n next) error { return n(ctx) }, calls: 1, got: 7},
		"nothing at all":               {do: func(context.Context, bus.Operation, next) error { return nil }, says: `interceptor "x" called neither next nor Answer and returned no error`},
		"refuses":                      {do: func(context.Context, bus.Operation, next) error { return refused }, err: refused},
		"answers":                      {do: func(_ context.Context, op bus.Operation, _ next) error { return op.Answer(9) }, got: 9},
		"answers another type":         {do: func(_ context.Context, op bus.Operation, _ next) error { return op.Answer("9") }, err: errors.New("Q is not answered by a string")},
		"answers what next could not":  {do: func(ctx context.Context, op bus.Operation, n next) error { _ = n(ctx); return op.Answer(9) }, handler: refused, calls: 1, got: 9},
		"swallows an error":            {do: func(ctx context.Context, _ bus.Operation, n next) error { _ = n(ctx); return nil }, handler: refused, calls: 1, says: `interceptor "x" returned no error although next did`},
		"calls next twice":             {do: func(ctx context.Context, _ bus.Operation, n next) error { return errors.Join(n(ctx), n(ctx)) }, calls: 1, says: `interceptor "x" called next more than once`},
		"calls twice and says nothing": {do: func(ctx context.Context, _ bus.Operation, n next) error { _ = n(ctx); _ = n(ctx); return nil }, calls: 1, says: `interceptor "x" called next more than once`},
		"tries again":                  {do: func(ctx context.Context, _ bus.Operation, n next) error { _ = n(ctx); return n(ctx) }, handler: refused, calls: 1, says: `interceptor "x" called next more than once`},
		"turns a panic into an error":  {do: func(ctx context.Context, _ bus.Operation, n next) error { return panicking(ctx, n) }, handler: errPanics, calls: 1, err: refused},
		"recovers and says nothing":    {do: func(ctx context.Context, _ bus.Operation, n next) error { _ = panicking(ctx, n); return nil }, handler: errPanics, calls: 1, says: `interceptor "x" returned no error although next did`},
		"answers another type behind the handler": {do: func(ctx context.Context, op bus.Operation, n next) error {
			err := n(ctx)
			_ = op.Answer("9")
			return err
		}, calls: 1, got: 7},
		"goes on elsewhere": {do: func(ctx context.Context, _ bus.Operation, n next) error {
			done := make(chan error)
			go func() { done <- n(ctx) }()
			return <-done
		}, calls: 1, got: 7},
	} {
		for _, inside := range []bool{false, true} {
			calls := 0
			list := []bus.Interceptor{interceptor{"x", 5, c.do}}
			if inside { // an honest one around it and one within
				honest := func(ctx context.Context, _ bus.Operation, n next) error { return n(ctx) }
				list = append(list, interceptor{"outer", 1, honest}, interceptor{"inner", 9, honest})
			}
			chain, err := bus.NewChain(list...)
			require.NoError(t, err)
			got, err := bus.Wrap(chain, named("Q", bus.Query), bus.HandlerFunc[int, int](func(context.Context, int) (int, error) {
				calls++
				if errors.Is(c.handler, errPanics) {
					panic("the handler")
				}
				return 7, c.handler
			})).Handle(t.Context(), 1)
			assert.Equal(t, c.calls, calls, name)
			assert.Equal(t, c.got, got, name)
			var broken *bus.InterceptorError
			switch {
			case c.says != "":
				require.ErrorAs(t, err, &broken, name)
				assert.Equal(t, c.says, broken.Error(), name)
			case c.err != nil:
				require.EqualError(t, err, c.err.Error(), name)
			default:
				require.NoError(t, err, name)
			}
		}
	}
	require.Error(t, bus.Operation{Name: "Q"}.Answer(1), "outside of a chain there is nothing to answer")
}

var errPanics = errors.New("panics")

func TestAChainIsBounded(t *testing.T) {
	t.Parallel()
	var list []bus.Interceptor
	for i := range 65 {
		list = append(list, interceptor{code: string(rune('A' + i))})
	}
	_, err := bus.NewChain(list[:64]...)
	require.NoError(t, err)
	_, err = bus.NewChain(list...)
	require.ErrorContains(t, err, "65 interceptors are more than 64")
}
