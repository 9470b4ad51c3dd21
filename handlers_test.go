package leadmill

import (
	"context"
	"errors"
	"io"
	"path"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/seller"
)

var errAsked = errors.New("asked")

// witness is the outermost or innermost interceptor of a chain under test. It notes each operation and lets none through.
type witness struct {
	order int
	seen  *[]bus.Operation
}

func (witness) Code() string { return "witness" }
func (w witness) Order() int { return w.order }
func (w witness) Intercept(_ context.Context, op bus.Operation, _ func(context.Context) error) error {
	*w.seen = append(*w.seen, op)
	return errAsked
}

// withCore puts the whole graph together over an empty SQLite file and starts it.
func withCore(t *testing.T, use func(ctx context.Context, k *core) error, witnesses ...witness) {
	t.Helper()
	var parts []Extension
	for _, w := range witnesses {
		parts = append(parts, AsInterceptor(func() witness { return w }))
	}
	c := Config{HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "leadmill.db"), BatchMax: 1}
	require.NoError(t, New(NewModule("witness", parts...)).with(t.Context(), c, io.Discard, use))
}

// each calls every handler with the zero message, or what prepare makes of it.
func each(ctx context.Context, k *core, prepare func(field string, message reflect.Value), check func(field string, message reflect.Type, err error)) {
	for _, room := range []any{k.Account, k.People, k.Program, k.Market, k.Feed} {
		handlers := reflect.ValueOf(room)
		for _, f := range reflect.VisibleFields(handlers.Type()) {
			if f.Anonymous || f.Type.Kind() != reflect.Interface { // such as the catalogue of events, which is no handler
				continue
			}
			name := f.Name
			handle := handlers.FieldByIndex(f.Index).MethodByName("Handle")
			message := reflect.New(handle.Type().In(1)).Elem()
			prepare(name, message)
			out := handle.Call([]reflect.Value{reflect.ValueOf(ctx), message})
			err, _ := reflect.TypeAssert[error](out[1])
			check(name, message.Type(), err)
		}
	}
}

// TestGraphStarts shows that everything that a command of the command line needs can be made, and is made once.
func TestGraphStarts(t *testing.T) {
	t.Parallel()
	withCore(t, func(ctx context.Context, k *core) error {
		fields := reflect.ValueOf(k).Elem()
		for i := range fields.NumField() {
			f := fields.Field(i)
			if kind := f.Kind(); kind == reflect.Interface || kind == reflect.Pointer {
				assert.False(t, f.IsNil(), fields.Type().Field(i).Name)
			}
		}
		assert.NotEmpty(t, k.Admin.made, "the first start makes an admin key")
		assert.Equal(t, []string{"recover", "trace", "metrics", "log", "authorise", "audit"}, k.Chain.Codes())
		assert.Equal(t, []string{"priority", "highest_price", "round_robin", "weighted"}, k.Strategies.Codes())
		assert.Empty(t, k.Rules.Codes())
		_, err := k.server()
		assert.NoError(t, err)
		return k.isReady(ctx)
	})
}

// TestEveryHandlerIsWrapped shows that each handler of a port is wrapped in the chain once, with the right kind and under
// its message's name, which is the handler's too.
func TestEveryHandlerIsWrapped(t *testing.T) {
	t.Parallel()
	var seen []bus.Operation
	withCore(t, func(ctx context.Context, k *core) error {
		handlers := 0
		each(ctx, k, func(string, reflect.Value) {}, func(field string, message reflect.Type, err error) {
			handlers++
			require.ErrorIs(t, err, errAsked, "%s is not in the chain", field)
			require.Len(t, seen, 1, "%s is in the chain more than once", field)
			op := seen[0]
			seen = nil
			assert.Equal(t, message, reflect.TypeOf(op.Message), field)
			assert.Equal(t, message.Name(), op.Name)
			assert.Equal(t, field, op.Name)
			assert.Equal(t, path.Base(message.PkgPath()), string(op.Kind), field)
		})
		assert.Greater(t, handlers, 60)
		return nil
	}, witness{lowestOrder, &seen})
}

// TestScopesHold shows that a message that needs a key gets to its handler with an actor of that scope and with no other.
func TestScopesHold(t *testing.T) {
	t.Parallel()
	var inner []bus.Operation
	withCore(t, func(ctx context.Context, k *core) error {
		for _, scope := range []application.Scope{application.Supplier, application.Site, application.Program, application.Admin, application.Internal, ""} {
			each(ctx, k, func(_ string, message reflect.Value) {
				if _, ok := reflect.TypeAssert[interface{ Who() application.Actor }](message); ok {
					message.FieldByName("Actor").Set(reflect.ValueOf(application.Actor{Scope: seller.Scope(scope)}))
				}
			}, func(field string, message reflect.Type, err error) {
				need := reflect.Zero(message).Interface().(application.Message).Needs()
				_, acts := reflect.TypeAssert[interface{ Who() application.Actor }](reflect.Zero(message))
				assert.Equal(t, need != application.Visitor, acts, "%s says who acts, or needs no key", field)
				assert.NotEqual(t, application.Internal, need, "%s is no business of a port", field)
				if need == application.Visitor || need == scope {
					require.ErrorIs(t, err, errAsked, "%s as %q", field, scope)
					return
				}
				require.ErrorIs(t, err, application.ErrForbidden, "%s as %q", field, scope)
			})
		}
		return nil
	}, witness{1000, &inner})
}
