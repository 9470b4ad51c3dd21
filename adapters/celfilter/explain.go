package celfilter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"github.com/leadmill/leadmill/domain/fault"
)

// mistake is the error of a filter. Columns are counted from 0 here and from 1 in what people read.
func mistake(line, column int, message string) error {
	return fault.New(fault.Invalid, fault.InvalidValue, fmt.Sprintf("line %d, column %d: %s", max(line, 1), max(column, 0)+1, message))
}

var (
	undeclared  = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	undefined   = regexp.MustCompile(`^undefined field '([^']*)'`)
	noOverload  = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
	wrongType   = regexp.MustCompile(`^expected type '(.*)' but found '(.*)'$`)
	tokenErrors = regexp.MustCompile(`^Syntax error: (?:token recognition error at: |mismatched input |extraneous input |no viable alternative at input )'([^']*)`)
)

// explain says what the first mistake is in the words of somebody who does not program.
func (g *ground) explain(expression string, issues *cel.Issues) error {
	errs := issues.Errors()
	if len(errs) == 0 {
		return mistake(1, 0, "the filter cannot be read")
	}
	first := slices.MinFunc(errs, func(a, b *cel.Error) int {
		if a.Location.Line() != b.Location.Line() {
			return a.Location.Line() - b.Location.Line()
		}
		return a.Location.Column() - b.Location.Column()
	})
	return mistake(first.Location.Line(), first.Location.Column(), g.plain(expression, first.Message))
}

func (g *ground) plain(expression, message string) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		return g.unknown(m[1])
	}
	if m := undefined.FindStringSubmatch(message); m != nil {
		return g.noMember(m[1])
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		return mixed(m[1], m[2])
	}
	if m := wrongType.FindStringSubmatch(message); m != nil {
		return typeName(m[2]) + " stands where " + typeName(m[1]) + " is needed"
	}
	switch {
	case strings.HasPrefix(message, "invalid matches argument"):
		return "the pattern of matches is none: brackets or signs in it do not fit together"
	case strings.Contains(message, "recursion limit"):
		return "the filter has too many brackets inside one another"
	case strings.Contains(message, "expression code point size exceeds limit"):
		return "the filter has more than 4000 characters"
	case strings.HasPrefix(message, "Syntax error"):
		return syntax(expression, message)
	}
	return short(message)
}

// unknown explains a word that means nothing.
func (g *ground) unknown(word string) string {
	word = strings.TrimPrefix(word, ".")
	if _, is := leadMembers[word]; is {
		return "'" + short(word) + "' is not known; write lead." + word
	}
	if _, is := g.types.ruleOf(word); is {
		return "'" + short(word) + "' is not known; write " + written(word)
	}
	word = strings.TrimPrefix(word, "@")
	return "'" + short(word) + "' is not known; a text stands between quotes, as in 'TX', and a filter asks about lead and facts"
}

// noMember explains a name after a point that means nothing.
func (g *ground) noMember(name string) string {
	if _, is := g.types.ruleOf(name); is {
		return "lead has no '" + short(name) + "'; write " + written(name)
	}
	names := slices.Concat(g.types.names[fieldsType], g.types.names[leadType], g.types.names[factsType])
	best, distance := "", 3
	for _, n := range names {
		if d := apart(name, n); d < distance && 3*d <= len(name) {
			best, distance = n, d
		}
	}
	if best != "" {
		return "there is no '" + short(name) + "'; perhaps " + best + " is meant"
	}
	return "the campaign has no field '" + short(name) + "'"
}

var word = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// written is how a field is written in a filter.
func written(name string) string {
	if word.MatchString(name) {
		return "lead.fields." + name
	}
	return "lead.fields['" + name + "']"
}

// syntax explains what is not even a filter by its form.
func syntax(expression, message string) string {
	if strings.Contains(message, "'<EOF>'") && !strings.HasPrefix(message, "Syntax error: extraneous") {
		return "the filter ends too early; something is missing at its end"
	}
	single := strings.Count(expression, "'") - strings.Count(expression, `\'`)
	if single%2 == 1 && !strings.Contains(expression, `"`) {
		return "a quote is missing: a text stands between two, as in 'TX'"
	}
	if m := tokenErrors.FindStringSubmatch(message); m != nil {
		sign := strings.TrimSpace(m[1])
		switch sign {
		case "&":
			return "write && for and"
		case "|":
			return "write || for or"
		case "“", "”", "‘", "’":
			return "write straight quotes around a text, as in 'TX'"
		}
		if strings.HasPrefix(sign, "=") && !strings.HasPrefix(sign, "==") {
			return "write == to compare"
		}
		if lower := strings.ToLower(sign); lower == "and" || lower == "or" || lower == "not" {
			return "write && for and, || for or, ! for not"
		}
		if sign != "" {
			return "'" + short(sign) + "' does not fit here"
		}
	}
	return "the filter cannot be read from here on"
}

var signs = map[string]string{
	"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">=", "_+_": "+", "_-_": "-", "_*_": "*", "_/_": "/",
	"_%_": "%", "_&&_": "&&", "_||_": "||", "!_": "!", "-_": "-", "@in": "in", "_in_": "in", "_[_]": "[ ]",
}

// mixed explains an operator or function that is not for what it is given.
func mixed(name, given string) string {
	kinds := make([]string, 0, 2)
	for _, t := range split(strings.TrimSuffix(strings.TrimPrefix(given, "("), ")")) {
		kinds = append(kinds, typeName(t))
	}
	sign, isOperator := signs[name]
	if !isOperator {
		return strings.TrimPrefix(name, "@") + " does not take " + strings.Join(kinds, " and ")
	}
	switch {
	case len(kinds) == 2 && kinds[0] != kinds[1] && strings.Contains(given, "int") && strings.Contains(given, "double"):
		return sign + " does not mix a whole number with one with decimals; write double(…) around the whole one"
	case sign == "&&" || sign == "||" || sign == "!":
		return sign + " stands between questions that are answered by yes or no, not " + strings.Join(kinds, " and ")
	case len(kinds) == 2:
		return sign + " does not go between " + kinds[0] + " and " + kinds[1]
	}
	return sign + " is not for " + strings.Join(kinds, " and ")
}

// split cuts a list of types at its outer commas. The first of a method's is before a point.
func split(types string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range types {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, types[from:i])
				from = i + 1
			}
		}
	}
	return append(out, types[from:])
}

// typeName names a type as CEL prints it.
func typeName(t string) string {
	t = strings.TrimSpace(t)
	if inner, is := strings.CutPrefix(t, "wrapper("); is {
		t = strings.TrimSuffix(inner, ")")
	}
	switch t {
	case "string":
		return "a text"
	case "bool":
		return "yes or no"
	case "int", "uint":
		return "a whole number"
	case "double":
		return "a number with decimals"
	case "null":
		return "null"
	case "timestamp", "google.protobuf.Timestamp":
		return "a time"
	case "duration", "google.protobuf.Duration":
		return "a length of time"
	case leadType, "lead":
		return "the whole lead"
	case fieldsType:
		return "all fields"
	case factsType:
		return "all facts"
	}
	switch {
	case strings.HasPrefix(t, "list("):
		return "a list of " + strings.TrimPrefix(strings.TrimPrefix(typeName(strings.TrimSuffix(strings.TrimPrefix(t, "list("), ")")), "a "), "an ") + "s"
	case strings.HasPrefix(t, "map("):
		return "a set of facts"
	}
	return "something else"
}

func saying(t *types.Type) string { return typeName(cel.FormatCELType(t)) }

// short keeps what a client wrote out of long messages.
func short(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// apart is how many letters must change to make one word the other, up to 3.
func apart(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
