package celfilter

import (
	"context"
	pattern "regexp/syntax"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/leadmill/leadmill/domain/distribution"
)

// maxCost is what a filter may cost by its estimate, in the units of CEL: about one a step, and one for every ten characters that are
// looked at. The estimate knows how long fields can be, but not what comes from outside; so a filter that looks through a list ends after
// maxTurns elements, of all its lists together. CEL could count what a run costs instead, but takes the square of the time for it. maxDepth
// is how deep brackets and operators may be nested.
const (
	maxCost  = 40_000
	maxTurns = 20_000
	maxDepth = 60
)

// ended is a context that is over: a program that runs in it ends when it asks for the first time, after maxTurns.
var ended = func() context.Context {
	ctx, end := context.WithCancel(context.Background())
	end()
	return ctx
}()

// filter implements distribution.Filter.
type filter struct {
	pins    []distribution.Pin
	program cel.Program // nil: the pins are all there is to it
	loops   bool        // the program looks through lists
}

// Pins implements distribution.Filter.
func (f *filter) Pins() []distribution.Pin { return f.pins }

// Passes implements distribution.Filter.
func (f *filter) Passes(lead distribution.FilterInput) (passes bool) {
	in, ok := lead.(*input)
	if !ok {
		return false
	}
	for i := range f.pins {
		if !f.pins[i].Holds(in) {
			return false
		}
	}
	if f.program == nil {
		return true
	}
	defer func() {
		if recover() != nil {
			passes = false
		}
	}()
	var out ref.Val
	var err error
	if f.loops {
		out, _, err = f.program.ContextEval(ended, in)
	} else {
		out, _, err = f.program.Eval(in)
	}
	return err == nil && out == types.True
}

func (g *ground) compile(expression string) (*filter, error) {
	if g.err != nil {
		return nil, g.err
	}
	if len(expression) > distribution.MaxFilter {
		return nil, mistake(1, 0, "the filter has more than 4000 characters")
	}
	if strings.TrimSpace(expression) == "" {
		return nil, mistake(1, 0, "the filter is empty; leave it out, or send null, for a contract that takes every lead")
	}
	parsed, issues := g.env.Parse(expression)
	if issues.Err() != nil {
		return nil, g.explain(expression, issues)
	}
	w := rewriter{schema: g.types, info: parsed.NativeRep().SourceInfo(), exprs: ast.NewExprFactory()}
	w.walk(parsed.NativeRep().Expr())
	if w.err != nil {
		return nil, w.err
	}
	checked, issues := g.env.Check(parsed)
	if issues.Err() != nil {
		return nil, g.explain(expression, issues)
	}
	if kind := checked.OutputType().Kind(); kind != types.BoolKind && kind != types.DynKind { // what comes from outside may be true or false
		return nil, mistake(1, 0, "the filter says "+saying(checked.OutputType())+", but it must say yes or no; compare it with something, as in lead.state == 'TX'")
	}
	cost, err := g.env.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, err
	}
	if cost.Max > maxCost {
		return nil, mistake(1, 0, "the filter may take too long to answer for a lead; look at fewer or shorter texts and lists")
	}
	pins, exact := pinsOf(g.types, checked.NativeRep().Expr())
	f := &filter{pins: pins, loops: w.loops}
	if !exact {
		options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize), cel.InterruptCheckFrequency(maxTurns)}
		if f.program, err = g.env.Program(checked, options...); err != nil {
			// What is computed beforehand, such as a pattern, is found wrong only now.
			return nil, mistake(1, 0, "the filter cannot be made ready: "+short(err.Error()))
		}
	}
	return f, nil
}

// sizes says how long texts can be, for the estimate of what a filter costs.
type sizes struct{}

// How long texts are taken to be, in characters: no field is longer; what comes from outside, and what a filter takes from a list of its
// own, may be, and then the filter fails when it runs.
const (
	maxField   = 5_000
	maxOutside = 1_000
	maxOwn     = 100
)

// EstimateSize implements checker.CostEstimator.
func (sizes) EstimateSize(node checker.AstNode) *checker.SizeEstimate {
	path := node.Path()
	switch {
	case len(path) > 1 && path[0] == "lead" && path[1] != memberFields:
		return &checker.SizeEstimate{Max: 255}
	case len(path) > 0 && path[0] == "lead":
		return &checker.SizeEstimate{Max: maxField}
	case len(path) > 0 && path[0] == "facts":
		return &checker.SizeEstimate{Max: maxOutside}
	default:
		return &checker.SizeEstimate{Max: maxOwn}
	}
}

// splitting estimates split: a step for every character, each of which may be a piece. Most texts have fewer pieces, so it does not count on
// the loop behind it to take all of them; maxTurns ends that.
func splitting(_ checker.CostEstimator, text *checker.AstNode, _ []checker.AstNode) *checker.CallEstimate {
	if text == nil {
		return nil
	}
	size := (*text).ComputedSize()
	if size == nil {
		return nil
	}
	return &checker.CallEstimate{CostEstimate: size.Add(checker.FixedSizeEstimate(1)).MultiplyByCostFactor(1), ResultSize: &checker.SizeEstimate{Max: maxOwn}}
}

// EstimateCallCost implements checker.CostEstimator. It knows better than CEL what patterns cost: a{1000} is short, and is as long as a
// thousand a's when it runs.
func (sizes) EstimateCallCost(function, _ string, target *checker.AstNode, args []checker.AstNode) *checker.CallEstimate {
	if function != overloads.Matches || len(args) == 0 || args[len(args)-1].Expr().Kind() != ast.LiteralKind {
		return nil
	}
	written, _ := args[len(args)-1].Expr().AsLiteral().(types.String)
	text := args[0]
	if target != nil {
		text = *target
	}
	size := text.ComputedSize()
	parsed, err := pattern.Parse(string(written), pattern.Perl)
	if err != nil || size == nil {
		return nil
	}
	program, err := pattern.Compile(parsed.Simplify())
	if err != nil {
		return nil
	}
	chars := size.Add(checker.SizeEstimate{Min: 1, Max: 1}).MultiplyByCostFactor(common.StringTraversalCostFactor)
	return &checker.CallEstimate{CostEstimate: chars.MultiplyByCostFactor(common.RegexStringLengthCostFactor * float64(len(program.Inst)))}
}
