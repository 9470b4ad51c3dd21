package leadmill

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
)

// The value groups of what takes the place of something built in, and of providers of facts.
const (
	groupReplacedStrategies = `group:"replaced_strategies"`
	groupReplacedPolicies   = `group:"replaced_attribution_policies"`
	groupFacts              = `group:"facts"`
)

// AsFacts registers a constructor of an application.FactProvider: it is asked about a lead before the transaction that
// decides it, and its answer is in the facts of rules and strategies.
func AsFacts(constructor any) Extension {
	return grouped[application.FactProvider](constructor, groupFacts)
}

// ReplaceStrategy registers a constructor of a distribution.Strategy that takes the place of the built-in strategy of the same
// code. Campaigns that name that code are ranked by it from then on.
func ReplaceStrategy(constructor any) Extension {
	return grouped[distribution.Strategy](constructor, groupReplacedStrategies)
}

// ReplaceAttributionPolicy registers a constructor of an attribution.Policy that takes the place of the built-in policy of the
// same code, with an order of its own.
func ReplaceAttributionPolicy(constructor any) Extension {
	return grouped[attribution.Policy](constructor, groupReplacedPolicies)
}

func newWatch(registry *prometheus.Registry, clock application.Clock, logger *slog.Logger) (*telemetry.Watch, error) {
	return telemetry.NewWatch(registry, clock, logger)
}

func newFactProviders(w *telemetry.Watch, providers []application.FactProvider) (application.FactProviders, error) {
	p, err := application.NewFactProviders(providers...)
	return p.Watched(w), err
}

// newIntakeRules returns the rules of all modules. None is built in, so each is watched.
func newIntakeRules(w *telemetry.Watch, rules []lead.IntakeRule) (lead.IntakeRules, error) {
	watched := make([]lead.IntakeRule, len(rules))
	for i, r := range rules {
		watched[i] = telemetry.WatchRule(w, r)
	}
	return lead.NewIntakeRules(watched...)
}

// newStrategies returns the built-in strategies and those of modules, which are watched.
func newStrategies(w *telemetry.Watch, replacements, more []distribution.Strategy) (distribution.Strategies, error) {
	watched := func(list []distribution.Strategy) []distribution.Strategy {
		out := make([]distribution.Strategy, len(list))
		for i, s := range list {
			out[i] = telemetry.WatchStrategy(w, s)
		}
		return out
	}
	return distribution.NewStrategies(watched(replacements), watched(more)...)
}

func newAttributionPolicies(replacements, more []attribution.Policy) (attribution.Policies, error) {
	return attribution.NewPolicies(replacements, more...)
}

// maxToldCampaigns is how many campaigns the warning at a start names.
const maxToldCampaigns = 50

// warnOfMissingStrategies logs which campaigns wait for a strategy that this build lacks. That they cannot be read does not
// end the start.
func (k *core) warnOfMissingStrategies(ctx context.Context) {
	list, err := marketstore.NewReader(k.DB, k.Clock).CampaignsOfOtherStrategies(ctx, k.Strategies.Codes())
	if err != nil {
		k.Logger.LogAttrs(ctx, slog.LevelWarn, "the strategies of campaigns cannot be checked", slog.Any("error", err))
		return
	}
	if len(list) == 0 {
		return
	}
	told := make([]string, 0, min(len(list), maxToldCampaigns))
	for _, c := range list[:cap(told)] {
		told = append(told, c.CampaignID+" ("+c.Strategy+")")
	}
	k.Logger.LogAttrs(ctx, slog.LevelWarn, "campaigns name strategies that this build lacks; their leads wait",
		slog.Int("count", len(list)), slog.Any("campaigns", told))
}

// strategies returns the strategies of this build, without a database.
func (a *App) strategies(c Config, logs io.Writer) (s distribution.Strategies, err error) {
	options := []fx.Option{
		fx.Supply(c, newLogger(c, logs)), coreModule, fx.Populate(&s),
		fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger }),
	}
	for _, m := range append([]Module{accountRoom, programRoom, marketRoom, feedRoom}, a.modules...) {
		options = append(options, m.option)
	}
	if err := fx.New(options...).Err(); err != nil {
		return distribution.Strategies{}, fmt.Errorf("put leadmill together: %w", wiringCause(err))
	}
	return s, nil
}

// missingStrategies returns the campaigns of a database that name a strategy that this build lacks.
func (c *cli) missingStrategies(ctx context.Context, config Config, db *dialect.DB) ([]market.CampaignStrategy, error) {
	s, err := c.app.strategies(config, c.stderr)
	if err != nil {
		return nil, err
	}
	return marketstore.NewReader(db, newClock()).CampaignsOfOtherStrategies(ctx, s.Codes())
}
