package leadmill

import (
	"context"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/domain/seller"
)

var errAsked = errors.New("asked")

// witness is the outermost or innermost interceptor of a chain under test. It notes what comes and lets nothing through.
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
	handlers := reflect.ValueOf(k.handlers)
	for i := range handlers.NumField() {
		name := handlers.Type().Field(i).Name
		handle := handlers.Field(i).MethodByName("Handle")
		message := reflect.New(handle.Type().In(1)).Elem()
		prepare(name, message)
		out := handle.Call([]reflect.Value{reflect.ValueOf(ctx), message})
		err, _ := out[1].Interface().(error)
		check(name, message.Type(), err)
	}
}

// TestGraphStarts: everything that any command of the command line needs can be made, and is made once.
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
		assert.NotEmpty(t, k.admin.made, "the first start makes an admin key")
		assert.Equal(t, []string{"recover", "trace", "metrics", "log", "authorise"}, k.chain.Codes())
		assert.Equal(t, []string{"priority", "highest_price"}, k.strategies.Codes())
		assert.Empty(t, k.rules.Codes())
		_, err := k.server()
		assert.NoError(t, err)
		return k.isReady(ctx)
	})
}

// TestEveryHandlerIsWrapped: each handler of the port passes the chain once, as what it is and under a name of its own that
// scopes knows; and scopes knows nothing else.
func TestEveryHandlerIsWrapped(t *testing.T) {
	t.Parallel()
	var seen []bus.Operation
	withCore(t, func(ctx context.Context, k *core) error {
		names := map[string]bool{}
		each(ctx, k, func(string, reflect.Value) {}, func(field string, message reflect.Type, err error) {
			require.ErrorIs(t, err, errAsked, "%s is not in the chain", field)
			require.Len(t, seen, 1, "%s is in the chain more than once", field)
			op := seen[0]
			seen = nil
			assert.Equal(t, message, reflect.TypeOf(op.Message), field)
			want := bus.Query
			if message.PkgPath() == reflect.TypeFor[command.Done]().PkgPath() {
				want = bus.Command
			}
			assert.Equal(t, want, op.Kind, field)
			assert.NotEqual(t, slices.Contains(keyless, op.Name), scopes[op.Name] != "", field)
			assert.False(t, names[op.Name], "two handlers are named %s", op.Name)
			names[op.Name] = true
		})
		assert.ElementsMatch(t, append(slices.Collect(maps.Keys(scopes)), keyless...), slices.Collect(maps.Keys(names)))
		return nil
	}, witness{0, &seen})
}

// TestScopesHold: every message that needs a key says who acts; one of another scope does not come to a handler, one of the
// right scope does.
func TestScopesHold(t *testing.T) {
	t.Parallel()
	var inner []bus.Operation
	withCore(t, func(ctx context.Context, k *core) error {
		allowed := map[string]seller.Scope{}
		for _, scope := range []seller.Scope{seller.Supplier, seller.Program, seller.Admin, ""} {
			each(ctx, k, func(field string, message reflect.Value) {
				if _, ok := message.Interface().(interface{ Who() application.Actor }); !ok {
					return
				}
				message.FieldByName("Actor").Set(reflect.ValueOf(application.Actor{Scope: scope}))
			}, func(field string, _ reflect.Type, err error) {
				if errors.Is(err, errAsked) {
					op := inner[len(inner)-1]
					if slices.Contains(keyless, op.Name) {
						return
					}
					assert.NotContains(t, allowed, op.Name, "%s is open to two scopes", field)
					allowed[op.Name] = scope
					return
				}
				assert.ErrorIs(t, err, application.ErrForbidden, "%s as %q", field, scope)
			})
		}
		assert.Equal(t, scopes, allowed)
		return nil
	}, witness{1000, &inner})
}
