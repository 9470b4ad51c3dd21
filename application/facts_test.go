package application_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// long is a timeout that no test waits for.
const long = 5 * time.Second

type provider struct {
	name    string
	timeout time.Duration
	ask     func(ctx context.Context, f lead.Facts) (field.Set, error)
}

func (p provider) Name() string           { return p.name }
func (p provider) Timeout() time.Duration { return p.timeout }
func (p provider) Ask(ctx context.Context, f lead.Facts) (field.Set, error) {
	return p.ask(ctx, f)
}

// says makes a provider that answers one field.
func says(name, value string) provider {
	return provider{name, long, func(context.Context, lead.Facts) (field.Set, error) {
		return field.Set{"value": field.TextValue(value)}, nil
	}}
}

// missing remembers which answers were missing and why.
type missing struct {
	mu  sync.Mutex
	why map[string]error
}

func (m *missing) FactMissing(_ context.Context, provider string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.why == nil {
		m.why = map[string]error{}
	}
	m.why[provider] = err
}

func providers(t *testing.T, w application.FactWatch, list ...application.FactProvider) application.FactProviders {
	t.Helper()
	p, err := application.NewFactProviders(list...)
	require.NoError(t, err)
	return p.Watched(w)
}

func TestFactProvidersAreCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Score", "1score", "_score", "do-not-call", "a b", "é", strings.Repeat("a", 33)} {
		_, err := application.NewFactProviders(says("fine", ""), says(name, ""))
		require.ErrorContains(t, err, fmt.Sprintf("the name %q of a fact provider must be 1 to 32", name))
	}
	for _, timeout := range []time.Duration{0, -time.Second, time.Millisecond - 1, long + 1} {
		_, err := application.NewFactProviders(provider{name: "score", timeout: timeout})
		require.ErrorContains(t, err, `the timeout of the fact provider "score" is `+timeout.String())
	}
	_, err := application.NewFactProviders(says("b", ""), says("a", ""), says("b", ""))
	require.ErrorContains(t, err, `two fact providers are named "b"`)
	p := providers(t, nil, says("b_2", ""), says(strings.Repeat("a", 32), ""), provider{name: "c", timeout: time.Millisecond})
	assert.Equal(t, []string{strings.Repeat("a", 32), "b_2", "c"}, p.Names())
	assert.True(t, p.Any())
}

func TestWithoutProvidersNothingIsAsked(t *testing.T) {
	t.Parallel()
	var none application.FactProviders
	assert.False(t, none.Any())
	assert.Empty(t, none.Names())
	assert.Nil(t, none.Ask(t.Context(), lead.Facts{}))
}

func TestAnswersComeByName(t *testing.T) {
	t.Parallel()
	shared := field.Set{"value": field.TextValue("before")}
	m := &missing{}
	p := providers(t, m, says("score", "7"), provider{"empty", long, func(context.Context, lead.Facts) (field.Set, error) { return nil, nil }},
		provider{"shared", long, func(context.Context, lead.Facts) (field.Set, error) { return shared, nil }},
		provider{"told", long, func(_ context.Context, f lead.Facts) (field.Set, error) {
			return field.Set{"id": field.TextValue(f.ID)}, nil
		}})
	answers := p.Ask(t.Context(), lead.Facts{ID: "lead_1"})
	shared["value"] = field.TextValue("after")
	f := lead.Facts{}.WithOutside(answers)
	for name, want := range map[string]field.Set{
		"score": {"value": field.TextValue("7")}, "empty": nil, "shared": {"value": field.TextValue("before")}, "told": {"id": field.TextValue("lead_1")},
	} {
		got, ok := f.Outside(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, got, name)
	}
	assert.Empty(t, m.why)
}

func TestAMissingAnswerIsLeftOut(t *testing.T) {
	t.Parallel()
	down, stuck := errors.New("down"), make(chan struct{})
	defer close(stuck)
	m := &missing{}
	p := providers(t, m, says("well", "7"),
		provider{"failing", long, func(context.Context, lead.Facts) (field.Set, error) {
			return field.Set{"half": field.TextValue("x")}, down
		}},
		provider{"panicking", long, func(context.Context, lead.Facts) (field.Set, error) { panic("at a phone") }},
		provider{"obedient", time.Millisecond, func(ctx context.Context, _ lead.Facts) (field.Set, error) {
			<-ctx.Done()
			return nil, fmt.Errorf("get: %w", ctx.Err())
		}},
		// The deadline holds whatever the provider does.
		provider{"deaf", time.Millisecond, func(context.Context, lead.Facts) (field.Set, error) { <-stuck; return field.Set{}, nil }})
	answers := p.Ask(t.Context(), lead.Facts{})
	assert.Equal(t, []string{"well"}, slices.Collect(maps.Keys(answers)))
	require.Len(t, m.why, 4)
	require.ErrorIs(t, m.why["failing"], down)
	var panicked *bus.PanicError
	require.ErrorAs(t, m.why["panicking"], &panicked)
	assert.Contains(t, string(panicked.Stack), "TestAMissingAnswerIsLeftOut")
	require.ErrorIs(t, m.why["obedient"], context.DeadlineExceeded)
	require.ErrorIs(t, m.why["deaf"], context.DeadlineExceeded)

	unwatched := providers(t, nil, provider{"failing", long, func(context.Context, lead.Facts) (field.Set, error) { return nil, down }})
	assert.Empty(t, unwatched.Ask(t.Context(), lead.Facts{}))
}

func TestACallerThatLeavesIsNoFailureOfTheProvider(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	m := &missing{}
	p := providers(t, m, provider{"score", long, func(ctx context.Context, _ lead.Facts) (field.Set, error) {
		leave()
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	assert.Empty(t, p.Ask(ctx, lead.Facts{}))
	assert.Empty(t, m.why)
}

// together lets calls through when n of them are there at the same time, or the context ends.
func together(n int) func(context.Context) error {
	var there atomic.Int64
	all := make(chan struct{})
	return func(ctx context.Context) error {
		if there.Add(1) == int64(n) {
			close(all)
		}
		select {
		case <-all:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestAllProvidersAreAskedAtTheSameTime(t *testing.T) {
	t.Parallel()
	meet := together(3)
	ask := func(ctx context.Context, _ lead.Facts) (field.Set, error) { return nil, meet(ctx) }
	m := &missing{}
	p := providers(t, m, provider{"a", long, ask}, provider{"b", long, ask}, provider{"c", long, ask})
	assert.Len(t, p.Ask(t.Context(), lead.Facts{}), 3)
	assert.Empty(t, m.why)
}

func TestManyLeadsAreAskedABoundedNumberAtATime(t *testing.T) {
	t.Parallel()
	const atOnce, n = 32, 101
	meet := together(atOnce)
	var now, most atomic.Int64
	p := providers(t, nil, provider{"score", long, func(ctx context.Context, f lead.Facts) (field.Set, error) {
		here := now.Add(1)
		defer now.Add(-1)
		for seen := most.Load(); here > seen; seen = most.Load() {
			most.CompareAndSwap(seen, here)
		}
		return field.Set{"id": field.TextValue(f.ID)}, meet(ctx)
	}})
	leads := make([]lead.Facts, n)
	for i := range leads {
		leads[i].ID = fmt.Sprint("lead_", i)
	}
	for i, a := range p.AskAll(t.Context(), leads) {
		require.Equal(t, leads[i].ID, a["score"].Text("id"))
	}
	assert.EqualValues(t, atOnce, most.Load())
	assert.Empty(t, p.AskAll(t.Context(), nil))
}

func TestLeadsThatWereNotAskedAboutInTimeHaveNoAnswers(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	m := &missing{}
	p := providers(t, m, provider{"score", long, func(ctx context.Context, f lead.Facts) (field.Set, error) {
		if f.ID != "" {
			return nil, nil
		}
		end()
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	first := p.AskAll(ctx, []lead.Facts{{ID: "lead_1"}})
	assert.NotNil(t, first[0])
	late := p.AskAll(ctx, make([]lead.Facts, 100))
	assert.Len(t, late, 100)
	for _, a := range late {
		assert.Nil(t, a)
	}
	assert.Empty(t, m.why)
}
