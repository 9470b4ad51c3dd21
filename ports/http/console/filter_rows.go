package consolehttp

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/domain/field"
)

// FilterRow is one condition of a filter: a field, how it is compared, and with what.
type FilterRow struct{ Field, Op, Value string }

// The ways to compare a field.
const (
	opIs       = "is"
	opNot      = "not"
	opIn       = "in"
	opNotIn    = "not_in"
	opStarts   = "starts"
	opContains = "contains"
	opLess     = "less"
	opAtMost   = "at_most"
	opAtLeast  = "at_least"
	opMore     = "more"
	opOlder    = "older"
	opYounger  = "younger"
	opYes      = "yes"
	opNo       = "no"
	opGiven    = "given"
	opMissing  = "missing"
)

// filterOps are the ways to compare, as a form offers them.
var filterOps = []Option{
	{Value: opIs, Label: "is"},
	{Value: opNot, Label: "is not"},
	{Value: opIn, Label: "is one of (with commas)"},
	{Value: opNotIn, Label: "is none of (with commas)"},
	{Value: opStarts, Label: "begins with"},
	{Value: opContains, Label: "contains"},
	{Value: opAtLeast, Label: "is at least"},
	{Value: opMore, Label: "is more than"},
	{Value: opAtMost, Label: "is at most"},
	{Value: opLess, Label: "is less than"},
	{Value: opOlder, Label: "is at least … years ago"},
	{Value: opYounger, Label: "is less than … years ago"},
	{Value: opYes, Label: "is yes"},
	{Value: opNo, Label: "is no"},
	{Value: opGiven, Label: "was sent"},
	{Value: opMissing, Label: "was not sent"},
}

// The ways to join conditions.
const (
	joinAnd = "and"
	joinOr  = "or"
)

var joins = map[string]string{joinAnd: " && ", joinOr: " || "}

// atLead are the fields that a filter finds at the lead itself.
var atLead = []string{field.State, field.Zip, field.Phone, field.EmailName}

var (
	plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// reservedNames are words of the language of filters, which no member is called by behind a dot.
	reservedNames = []string{
		"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "null", "package", "namespace", "return", "true", "var", "void", "while",
	}
)

// written is how a filter names a field.
func written(name string) string {
	switch {
	case slices.Contains(atLead, name):
		return "lead." + name
	case plainName.MatchString(name) && !slices.Contains(reservedNames, name):
		return "lead.fields." + name
	}
	return "lead.fields[" + quotedText(name) + "]"
}

// quotedText writes a text as filters have them.
func quotedText(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text) + "'"
}

// unquotedText is the reverse.
func unquotedText(text string) (string, bool) {
	if len(text) < 2 || text[0] != '\'' || text[len(text)-1] != '\'' {
		return "", false
	}
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\n`, "\n", `\r`, "\r", `\t`, "\t").Replace(text[1 : len(text)-1]), true
}

var (
	wholeNumber = regexp.MustCompile(`^-?\d{1,18}$`)
	anyNumber   = regexp.MustCompile(`^-?\d{1,15}(\.\d{1,15})?$`)
	years       = regexp.MustCompile(`^\d{1,3}$`)
)

// literal writes the value of a row as the type of its field has it; wrong says what is wrong with it.
func literal(t field.Type, value string) (text, wrong string) {
	switch t {
	case field.TypeInteger:
		if !wholeNumber.MatchString(value) {
			return "", "must be a whole number"
		}
		return value, ""
	case field.TypeNumber:
		if !anyNumber.MatchString(value) {
			return "", "must be a number"
		}
		return value, ""
	case field.TypeBoolean:
		return "", "is yes or no: choose “is yes” or “is no”"
	default: // all others are texts
	}
	if value == "" {
		return "", "must not be empty"
	}
	if t == field.TypeUSState {
		value = strings.ToUpper(value)
	}
	return quotedText(value), ""
}

// condition writes one row; wrong says what is wrong with it.
func (r FilterRow) condition(rules []field.Rule) (text, wrong string) {
	i := slices.IndexFunc(rules, func(rule field.Rule) bool { return rule.Name == r.Field })
	if i < 0 {
		return "", "must be a field of the campaign"
	}
	t, name := rules[i].Type, written(r.Field)
	switch r.Op {
	case opGiven:
		return name + " != null", ""
	case opMissing:
		return name + " == null", ""
	case opYes, opNo:
		if t != field.TypeBoolean {
			return "", "is no field of yes and no"
		}
		return name + " == " + strconv.FormatBool(r.Op == opYes), ""
	case opIn, opNotIn:
		return r.among(t, name)
	case opOlder, opYounger:
		switch {
		case t != field.TypeDate:
			return "", "is no date"
		case !years.MatchString(r.Value):
			return "", "must be a number of years"
		}
		return "age(" + name + ") " + map[string]string{opOlder: ">=", opYounger: "<"}[r.Op] + " " + r.Value, ""
	}
	value, wrong := literal(t, r.Value)
	if wrong != "" {
		return "", wrong
	}
	switch r.Op {
	case opStarts, opContains:
		if t == field.TypeInteger || t == field.TypeNumber {
			return "", "is a number: compare it by “is at least” or “is at most”"
		}
		return name + "." + map[string]string{opStarts: "startsWith", opContains: "contains"}[r.Op] + "(" + value + ")", ""
	}
	sign := signs[r.Op]
	if sign == "" {
		return "", "must be one of the comparisons"
	}
	return name + " " + sign + " " + value, ""
}

var signs = map[string]string{opIs: "==", opNot: "!=", opLess: "<", opAtMost: "<=", opAtLeast: ">=", opMore: ">"}

// among writes that a field is one of some values, or none of them.
func (r FilterRow) among(t field.Type, name string) (text, wrong string) {
	var all []string
	for value := range strings.SplitSeq(r.Value, ",") {
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		one, wrong := literal(t, value)
		if wrong != "" {
			return "", wrong
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return "", "must name at least one value"
	}
	text = name + " in [" + strings.Join(all, ", ") + "]"
	if r.Op == opNotIn {
		text = "!(" + text + ")"
	}
	return text, ""
}

// writeFilter writes rows as a filter; wrong says of rows, by their number, what is wrong with them.
func writeFilter(rows []FilterRow, join string, rules []field.Rule) (text string, wrong map[int]string) {
	wrong = map[int]string{}
	var all []string
	for i, r := range rows {
		if r == (FilterRow{Op: r.Op}) { // nothing was chosen in it
			continue
		}
		one, why := r.condition(rules)
		if why != "" {
			wrong[i] = why
			continue
		}
		all = append(all, one)
	}
	between := joins[join]
	if between == "" {
		between = joins[joinAnd]
	}
	return strings.Join(all, between), wrong
}

// readFilter reads a filter that rows can say. ok is false for others, which are shown as they are.
func readFilter(text string, rules []field.Rule) (rows []FilterRow, join string, ok bool) {
	join = joinAnd
	terms := splitOutside(text, joins[joinAnd])
	if either := splitOutside(text, joins[joinOr]); len(either) > 1 {
		terms, join = either, joinOr
	}
	for _, term := range terms {
		row, ok := readCondition(term)
		if !ok {
			return nil, "", false
		}
		rows = append(rows, row)
	}
	again, wrong := writeFilter(rows, join, rules)
	return rows, join, len(wrong) == 0 && again == text
}

// splitOutside splits a text at what stands between conditions, but not inside of texts.
func splitOutside(text, at string) (parts []string) {
	quoted, from := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '\'':
			quoted = !quoted
		case !quoted && strings.HasPrefix(text[i:], at):
			parts = append(parts, text[from:i])
			from = i + len(at)
			i = from - 1
		}
	}
	return append(parts, text[from:])
}

const (
	fieldPattern = `(lead\.(?:state|zip|phone|email)|lead\.fields\.[A-Za-z0-9_]+|lead\.fields\['(?:[^'\\]|\\.)*'\])`
	valuePattern = `('(?:[^'\\]|\\.)*'|-?[0-9.]+)`
)

var (
	comparison = regexp.MustCompile(`^` + fieldPattern + ` (==|!=|<=|>=|<|>) ` + valuePattern + `$`)
	presence   = regexp.MustCompile(`^` + fieldPattern + ` (==|!=) (null|true|false)$`)
	membership = regexp.MustCompile(`^` + fieldPattern + ` in \[(.*)\]$`)
	calls      = regexp.MustCompile(`^` + fieldPattern + `\.(startsWith|contains)\(` + valuePattern + `\)$`)
	ages       = regexp.MustCompile(`^age\(` + fieldPattern + `\) (>=|<) ([0-9]+)$`)
)

// readField is the reverse of written.
func readField(text string) string {
	if name, is := strings.CutPrefix(text, "lead.fields."); is {
		return name
	}
	if inside, is := strings.CutPrefix(text, "lead.fields["); is {
		name, _ := unquotedText(strings.TrimSuffix(inside, "]"))
		return name
	}
	return strings.TrimPrefix(text, "lead.")
}

// readValue is the reverse of literal.
func readValue(text string) string {
	if value, is := unquotedText(text); is {
		return value
	}
	return text
}

func opOf(sign string) string {
	for op, s := range signs {
		if s == sign {
			return op
		}
	}
	return ""
}

func readCondition(term string) (FilterRow, bool) {
	if m := presence.FindStringSubmatch(term); m != nil {
		op := map[string]string{"== null": opMissing, "!= null": opGiven, "== true": opYes, "== false": opNo}[m[2]+" "+m[3]]
		return FilterRow{Field: readField(m[1]), Op: op}, op != ""
	}
	if m := comparison.FindStringSubmatch(term); m != nil {
		return FilterRow{readField(m[1]), opOf(m[2]), readValue(m[3])}, true
	}
	if m := calls.FindStringSubmatch(term); m != nil {
		return FilterRow{readField(m[1]), map[string]string{"startsWith": opStarts, "contains": opContains}[m[2]], readValue(m[3])}, true
	}
	if m := ages.FindStringSubmatch(term); m != nil {
		return FilterRow{readField(m[1]), map[string]string{">=": opOlder, "<": opYounger}[m[2]], m[3]}, true
	}
	op := opIn
	if inside, is := strings.CutPrefix(term, "!("); is && strings.HasSuffix(inside, ")") {
		op, term = opNotIn, strings.TrimSuffix(inside, ")")
	}
	m := membership.FindStringSubmatch(term)
	if m == nil {
		return FilterRow{}, false
	}
	var values []string
	for _, v := range splitOutside(m[2], ", ") {
		values = append(values, readValue(v))
	}
	return FilterRow{readField(m[1]), op, strings.Join(values, ", ")}, true
}
