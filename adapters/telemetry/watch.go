package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

// slowDecision is how long a team's rule or strategy may take for one lead before it is told of: leads of a campaign are
// decided one after another, so that 5 ms for each are at most 200 leads a second.
const slowDecision = 5 * time.Millisecond

// Watch tells of teams' code that makes deciding leads slow or that fails outside of it: every case is counted, and logged at
// most once a minute for each rule, strategy or provider, by its code or name and without personal data.
type Watch struct {
	clock   application.Clock
	logger  *slog.Logger
	slow    *prometheus.CounterVec
	missing *prometheus.CounterVec

	mu   sync.Mutex
	told map[string]time.Duration
}

var _ application.FactWatch = (*Watch)(nil)

// NewWatch registers leadmill_slow_decisions_total and leadmill_facts_missing_total. It fails when the registry has a metric
// of one of these names.
func NewWatch(registry prometheus.Registerer, clock application.Clock, logger *slog.Logger) (*Watch, error) {
	w := &Watch{
		clock: clock, logger: logger, told: map[string]time.Duration{},
		slow: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_slow_decisions_total",
			Help: "Calls of a module's intake rule or strategy that took longer than 5 ms, by its code.",
		}, []string{"kind", "code"}),
		missing: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "leadmill_facts_missing_total",
			Help: "Leads that a module's provider of facts did not answer about, by its name and why: timeout, panic or error.",
		}, []string{"provider", "reason"}),
	}
	if err := registry.Register(w.slow); err != nil {
		return nil, err
	}
	return w, registry.Register(w.missing)
}

// WatchRule returns a rule that does what r does and tells w when that is slow.
func WatchRule(w *Watch, r lead.IntakeRule) lead.IntakeRule { return watchedRule{r, w} }

// WatchStrategy returns a strategy that does what s does and tells w when that is slow.
func WatchStrategy(w *Watch, s distribution.Strategy) distribution.Strategy {
	return watchedStrategy{s, w}
}

type watchedRule struct {
	lead.IntakeRule

	watch *Watch
}

// Check implements lead.IntakeRule.
func (r watchedRule) Check(f lead.Facts) error {
	defer r.watch.since(application.Elapsed(r.watch.clock), "intake_rule", string(r.Code()))
	return r.IntakeRule.Check(f)
}

type watchedStrategy struct {
	distribution.Strategy

	watch *Watch
}

// Rank implements distribution.Strategy.
func (s watchedStrategy) Rank(f lead.Facts, candidates []distribution.Candidate) []distribution.Candidate {
	defer s.watch.since(application.Elapsed(s.watch.clock), "strategy", s.Code())
	return s.Strategy.Rank(f, candidates)
}

func (w *Watch) since(start time.Duration, kind, code string) {
	now := application.Elapsed(w.clock)
	took := now - start
	if took <= slowDecision {
		return
	}
	w.slow.WithLabelValues(kind, code).Inc()
	if w.due(kind+" "+code, now) {
		w.logger.LogAttrs(context.Background(), slog.LevelWarn, "a module's decision is slow; the leads behind it wait",
			slog.String("kind", kind), slog.String("code", code), slog.Duration("duration", took))
	}
}

// FactMissing implements application.FactWatch.
func (w *Watch) FactMissing(ctx context.Context, provider string, err error) {
	stack, panicked := panicStack(err)
	reason := "error"
	switch {
	case panicked:
		reason = "panic"
	case errors.Is(err, context.DeadlineExceeded):
		reason = "timeout"
	}
	w.missing.WithLabelValues(provider, reason).Inc()
	if !w.due("facts "+provider, application.Elapsed(w.clock)) {
		return
	}
	attrs := []slog.Attr{
		slog.String("provider", provider), slog.String("reason", reason), slog.String("code", string(fault.CodeOf(err))),
		slog.String("type", fmt.Sprintf("%T", err)),
	}
	if panicked {
		attrs = append(attrs, slog.String("stack", string(stack)))
	}
	w.logger.LogAttrs(ctx, slog.LevelWarn, "a lead is decided without facts from outside", attrs...)
}

// due reports whether something may be logged again, and remembers that it is.
func (w *Watch) due(what string, now time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, known := w.told[what]; known && now-last < time.Minute {
		return false
	}
	w.told[what] = now
	return true
}
