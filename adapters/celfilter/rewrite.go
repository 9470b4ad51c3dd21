package celfilter

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/field"
)

// rewriter makes of what people write what CEL understands, before types are checked: lead.fields['loan-amount'] is a field as any
// other, and 1000 beside a number field is 1000.0. It refuses what would compile and never be true.
type rewriter struct {
	schema *schema
	info   *ast.SourceInfo
	exprs  ast.ExprFactory
	err    error

	loops   bool     // it looks through lists
	names   []string // of the elements of the lists that are being looked through
	inRange int      // how many lists to look through are being walked
}

func (w *rewriter) refuse(e ast.Expr, why string) {
	if w.err == nil {
		at := w.info.GetStartLocation(e.ID())
		w.err = mistake(at.Line(), at.Column(), why)
	}
}

func (w *rewriter) walk(e ast.Expr) {
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			w.walk(call.Target())
		}
		for _, arg := range call.Args() {
			w.walk(arg)
		}
		w.call(e, call)
	case ast.SelectKind:
		w.walk(e.AsSelect().Operand())
	case ast.ListKind:
		w.builds(e)
		for _, el := range e.AsList().Elements() {
			w.walk(el)
		}
	case ast.MapKind:
		w.builds(e)
		for _, entry := range e.AsMap().Entries() {
			w.walk(entry.AsMapEntry().Key())
			w.walk(entry.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		w.loop(e.AsComprehension())
	case ast.StructKind:
		w.refuse(e, "{ and } are not used in filters like this")
	case ast.IdentKind, ast.LiteralKind, ast.UnspecifiedExprKind:
	}
}

// loop walks through what looks through a list.
func (w *rewriter) loop(c ast.ComprehensionExpr) {
	w.loops = true
	w.names = append(w.names, c.IterVar())
	w.inRange++
	w.walk(c.IterRange())
	w.inRange--
	w.walk(c.AccuInit())
	w.walk(c.LoopCondition())
	w.step(c.AccuVar(), c.LoopStep())
	w.walk(c.Result())
	w.names = w.names[:len(w.names)-1]
}

// step walks through what is done with an element. The macros map and filter put it behind the others, which makes nothing longer.
func (w *rewriter) step(accu string, e ast.Expr) {
	if e.Kind() != ast.CallKind {
		w.walk(e)
		return
	}
	call, args := e.AsCall(), e.AsCall().Args()
	switch {
	case call.FunctionName() == operators.Conditional:
		w.walk(args[0])
		w.step(accu, args[1])
		w.step(accu, args[2])
	case call.FunctionName() == operators.Add && args[0].Kind() == ast.IdentKind && args[0].AsIdent() == accu && args[1].Kind() == ast.ListKind:
		for _, el := range args[1].AsList().Elements() {
			w.walk(el)
		}
	default:
		w.walk(e)
	}
}

// builds refuses what makes something of the elements of a list for another one to look through: each list could be twice as large as the
// one before it, and sixty of them fill any memory.
func (w *rewriter) builds(e ast.Expr) {
	if w.inRange > 0 && w.mentions(e) {
		w.refuse(e, "a list that is looked through is not made of the elements of another")
	}
}

// mentions reports whether an expression depends on the element of a list that is looked through.
func (w *rewriter) mentions(e ast.Expr) bool {
	found := false
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.IdentKind && slices.Contains(w.names, e.AsIdent())
	}))
	return found
}

var (
	// building are functions whose result can be many times as long as what they are given, and again when they are called on it.
	building   = []string{"replace", "join", "format", "quote"}
	comparing  = []string{operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals, operators.In}
	arithmetic = []string{operators.Add, operators.Subtract, operators.Multiply, operators.Divide}
)

func (w *rewriter) call(e ast.Expr, call ast.CallExpr) {
	name, args := call.FunctionName(), call.Args()
	if slices.Contains(building, name) {
		w.refuse(e, name+" is not there: a filter asks about texts, and makes no long ones")
	}
	if name == operators.Add {
		w.builds(e)
	}
	if len(args) != 2 {
		return
	}
	if name == operators.Index && isFields(args[0]) && args[1].Kind() == ast.LiteralKind {
		if of, ok := args[1].AsLiteral().(types.String); ok {
			e.SetKindCase(w.exprs.NewSelect(e.ID(), args[0], string(of)))
		}
		return
	}
	if !slices.Contains(comparing, name) && !slices.Contains(arithmetic, name) {
		return
	}
	for i, other := range []ast.Expr{args[1], args[0]} {
		if w.isNumber(args[i]) {
			w.decimal(other)
		}
		if w.isState(args[i]) {
			w.states(other)
		}
	}
}

// isFields reports whether an expression is lead.fields.
func isFields(e ast.Expr) bool {
	return e.Kind() == ast.SelectKind && e.AsSelect().FieldName() == memberFields && isLead(e.AsSelect().Operand())
}

func isLead(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "lead" }

// fieldOf returns the rule of the field that an expression is.
func (s *schema) fieldOf(e ast.Expr) (field.Rule, bool) {
	if e.Kind() != ast.SelectKind || e.AsSelect().IsTestOnly() || !isFields(e.AsSelect().Operand()) {
		return field.Rule{}, false
	}
	return s.ruleOf(e.AsSelect().FieldName())
}

// isNumber reports whether an expression is a number with decimals as far as can be seen without types.
func (w *rewriter) isNumber(e ast.Expr) bool {
	switch e.Kind() {
	case ast.LiteralKind:
		_, is := e.AsLiteral().(types.Double)
		return is
	case ast.SelectKind:
		r, is := w.schema.fieldOf(e)
		return is && r.Type == field.TypeNumber
	case ast.CallKind:
		call := e.AsCall()
		if name := call.FunctionName(); name == "double" {
			return true
		} else if name == operators.Negate || slices.Contains(arithmetic, name) {
			return slices.ContainsFunc(call.Args(), w.isNumber)
		}
	case ast.ComprehensionKind, ast.IdentKind, ast.ListKind, ast.MapKind, ast.StructKind, ast.UnspecifiedExprKind:
	}
	return false
}

// decimal makes the whole numbers that an expression consists of numbers with decimals.
func (w *rewriter) decimal(e ast.Expr) {
	switch e.Kind() {
	case ast.LiteralKind:
		if n, whole := e.AsLiteral().(types.Int); whole {
			e.SetKindCase(w.exprs.NewLiteral(e.ID(), types.Double(n)))
		}
	case ast.ListKind:
		for _, el := range e.AsList().Elements() {
			w.decimal(el)
		}
	case ast.CallKind:
		if name := e.AsCall().FunctionName(); name == operators.Negate || slices.Contains(arithmetic, name) {
			for _, arg := range e.AsCall().Args() {
				w.decimal(arg)
			}
		}
	case ast.ComprehensionKind, ast.IdentKind, ast.MapKind, ast.SelectKind, ast.StructKind, ast.UnspecifiedExprKind:
	}
}

// isState reports whether an expression is the code of a state.
func (w *rewriter) isState(e ast.Expr) bool {
	if r, is := w.schema.fieldOf(e); is {
		return r.Type == field.TypeUSState
	}
	if e.Kind() != ast.SelectKind || e.AsSelect().FieldName() != memberState || !isLead(e.AsSelect().Operand()) {
		return false
	}
	r, _ := w.schema.ruleOf(field.State)
	return r.Type == field.TypeUSState
}

// states refuses what is no code of a state where a state is compared with it.
func (w *rewriter) states(e ast.Expr) {
	if e.Kind() == ast.ListKind {
		for _, el := range e.AsList().Elements() {
			w.states(el)
		}
		return
	}
	if e.Kind() != ast.LiteralKind {
		return
	}
	text, is := e.AsLiteral().(types.String)
	if !is {
		return
	}
	code, err := contact.ParseUSState(string(text))
	switch {
	case err != nil:
		w.refuse(e, "'"+short(string(text))+"' is not a state; states are written as two capital letters, as in 'TX'")
	case code.String() != string(text):
		w.refuse(e, "write '"+code.String()+"' for '"+short(string(text))+"'; states are written as two capital letters")
	}
}
