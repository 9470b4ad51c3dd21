package celfilter

import (
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// The functions that filters have beside those of CEL. They are called with the time at which the lead was received, so that a lead
// is decided alike whenever it is offered.
const (
	functionAge  = "age"
	functionDays = "days"
)

func functions() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Macros(append(cel.StandardMacros, atReceipt(functionAge), atReceipt(functionDays))...),
		dateFunction(functionAge, ageAt),
		dateFunction(functionDays, daysAt),
	}
}

// hidden is the name of the function that a call becomes, which nobody can write.
func hidden(name string) string { return "@" + name }

// atReceipt adds the time at which the lead was received to a call.
func atReceipt(name string) cel.Macro {
	return cel.GlobalMacro(name, 1, func(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
		return f.NewCall(hidden(name), args[0], f.NewSelect(f.NewIdent("lead"), memberReceivedAt)), nil
	})
}

func dateFunction(name string, of func(date, at time.Time) int64) cel.EnvOption {
	return cel.Function(hidden(name), cel.Overload(name+"_of_date", []*cel.Type{cel.StringType, cel.TimestampType}, cel.IntType,
		cel.BinaryBinding(func(date, at ref.Val) ref.Val {
			text, isText := date.(types.String)
			received, isTime := at.(types.Timestamp)
			day, err := time.Parse(time.DateOnly, string(text))
			if !isText || !isTime || err != nil {
				return types.NewErr("not a date")
			}
			y, m, d := received.UTC().Date()
			return types.Int(of(day, time.Date(y, m, d, 0, 0, 0, 0, time.UTC)))
		})))
}

// ageAt returns the whole years from one day to another. Who was born on the 29th of February grows older on the 1st of March where
// there is no 29th.
func ageAt(born, at time.Time) int64 {
	years := at.Year() - born.Year()
	if at.Month() < born.Month() || at.Month() == born.Month() && at.Day() < born.Day() {
		years--
	}
	return int64(years)
}

// daysAt returns how many days a date lies ahead, negative for one that has passed.
func daysAt(date, at time.Time) int64 { return int64(date.Sub(at) / (24 * time.Hour)) }
