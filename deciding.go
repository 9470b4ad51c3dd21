package leadmill

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/celfilter"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/lead"
)

// newWatch watches what modules decide.
func newWatch(registry *prometheus.Registry, clock application.Clock, logger *slog.Logger) (*telemetry.Watch, error) {
	return telemetry.NewWatch(registry, clock, logger)
}

func newFactProviders(w *telemetry.Watch, providers []part[application.FactProvider]) (application.FactProviders, error) {
	if err := unique("providers of facts", providers, application.FactProvider.Name); err != nil {
		return application.FactProviders{}, err
	}
	p, err := application.NewFactProviders(values(providers)...)
	return p.Watched(w), err
}

// newFilters returns the language of contract filters, which know the providers of facts by name.
func newFilters(facts application.FactProviders) (distribution.Filters, error) {
	return celfilter.New(facts.Names())
}

// newIntakeRules returns the rules of all modules. None is built in, so each is watched.
func newIntakeRules(w *telemetry.Watch, rules []part[lead.IntakeRule]) (lead.IntakeRules, error) {
	if err := unique("intake rules", rules, lead.IntakeRule.Code); err != nil {
		return lead.IntakeRules{}, err
	}
	list := values(rules)
	for i, r := range list {
		list[i] = telemetry.WatchRule(w, r)
	}
	return lead.NewIntakeRules(list...)
}

// newStrategies returns the built-in strategies and those of modules, which are watched.
func newStrategies(w *telemetry.Watch, replacements []part[replacement[distribution.Strategy]], more []part[distribution.Strategy]) (distribution.Strategies, error) {
	if err := errors.Join(unique("replaced policies", replacements, replacement[distribution.Strategy].name),
		unique("distribution strategies", more, distribution.Strategy.Code)); err != nil {
		return distribution.Strategies{}, err
	}
	watched := func(list []distribution.Strategy) []distribution.Strategy {
		for i, s := range list {
			list[i] = telemetry.WatchStrategy(w, s)
		}
		return list
	}
	return distribution.NewStrategies(watched(replacing(replacements)), watched(values(more))...)
}

func newAttributionPolicies(replacements []part[replacement[attribution.Policy]], more []part[attribution.Policy]) (attribution.Policies, error) {
	if err := errors.Join(unique("replaced policies", replacements, replacement[attribution.Policy].name),
		unique("attribution policies", more, attribution.Policy.Code)); err != nil {
		return attribution.Policies{}, err
	}
	return attribution.NewPolicies(replacing(replacements), values(more)...)
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

// undecidable returns the campaigns of a database that name a strategy that this build lacks, and the contracts whose filters it cannot
// read.
func (c *cli) undecidable(ctx context.Context, config Config, db *dialect.DB) (waiting []market.CampaignStrategy, broken []market.BrokenFilter, err error) {
	s, f, err := c.app.deciding(ctx, config, c.stderr)
	if err != nil {
		return nil, nil, err
	}
	r := marketstore.NewReader(db, newClock())
	if waiting, err = r.CampaignsOfOtherStrategies(ctx, s.Codes()); err != nil {
		return nil, nil, err
	}
	broken, err = r.BrokenFilters(ctx, f)
	return waiting, broken, err
}
