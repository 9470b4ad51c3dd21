// Package celfilter is the language of contract filters: expressions of CEL over the fields of a campaign (docs/filters.md).
// What a filter may cost is limited, before it is accepted and whenever it runs.
//
// Stability: unsupported; it may change at any time.
package celfilter

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/ext"

	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
)

// maxGrounds and maxFilters are how many sets of fields and how many filters are remembered. What is full is emptied; campaigns
// that are in use hold their filters themselves.
const (
	maxGrounds = 1_000
	maxFilters = 50_000
)

// Language implements distribution.Filters.
type Language struct {
	base      *cel.Env
	providers []string

	mu      sync.RWMutex
	grounds map[string]*ground
}

// New returns the language. Providers are the names of the providers of facts from outside, which filters know as
// facts.<provider>.
func New(providers []string) (*Language, error) {
	env, err := cel.NewEnv(append(functions(),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserErrorRecoveryLimit(1),
		cel.ParserExpressionSizeLimit(distribution.MaxFilter),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals()),
		ext.Strings(ext.StringsVersion(5)),
		cel.CostEstimatorOptions(checker.OverloadCostEstimate("string_split_string", splitting), checker.OverloadCostEstimate("string_split_string_int", splitting)),
		ext.Math(ext.MathVersion(1)),
		cel.Variable("lead", cel.ObjectType(leadType)),
		cel.Variable("facts", cel.ObjectType(factsType)),
	)...)
	if err != nil {
		return nil, fmt.Errorf("make the language of filters: %w", err)
	}
	return &Language{base: env, providers: slices.Clone(providers), grounds: map[string]*ground{}}, nil
}

// Over implements distribution.Filters.
func (l *Language) Over(rules field.Rules) distribution.FilterCompiler {
	all := rules.All()
	key := signature(all)
	l.mu.RLock()
	g := l.grounds[key]
	l.mu.RUnlock()
	if g != nil {
		return g
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.grounds[key]; g != nil {
		return g
	}
	if len(l.grounds) >= maxGrounds {
		clear(l.grounds)
	}
	g = newGround(l.base, all, l.providers)
	l.grounds[key] = g
	return g
}

// signature is the same for fields that filters see alike.
func signature(rules []field.Rule) string {
	var b strings.Builder
	for _, r := range rules {
		b.WriteString(r.Name)
		b.WriteByte(':')
		b.WriteString(string(r.Type))
		b.WriteByte('\n')
	}
	return b.String()
}

// ground is the language over the fields of a campaign. It implements distribution.FilterCompiler.
type ground struct {
	env     *cel.Env
	err     error // why there is no env; a defect
	types   *schema
	mu      sync.RWMutex
	filters map[string]compiled
}

type compiled struct {
	filter *filter
	err    error
}

func newGround(base *cel.Env, rules []field.Rule, providers []string) *ground {
	g := &ground{filters: map[string]compiled{}}
	g.types = newSchema(rules, providers, base.CELTypeProvider())
	g.env, g.err = base.Extend(cel.CustomTypeProvider(g.types))
	return g
}

// Compile implements distribution.FilterCompiler.
func (g *ground) Compile(expression string) (distribution.Filter, error) {
	g.mu.RLock()
	c, known := g.filters[expression]
	g.mu.RUnlock()
	if !known {
		c.filter, c.err = g.compile(expression)
		g.mu.Lock()
		if len(g.filters) >= maxFilters {
			clear(g.filters)
		}
		g.filters[expression] = c
		g.mu.Unlock()
	}
	if c.err != nil {
		return nil, c.err
	}
	return c.filter, nil
}
