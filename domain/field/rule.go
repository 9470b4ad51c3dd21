package field

import (
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

// Type is the type of a campaign's field (docs/marketplace.md).
type Type string

// The field types.
const (
	TypeString  Type = "string"
	TypeText    Type = "text"
	TypeEmail   Type = "email"
	TypePhone   Type = "phone"
	TypeUSState Type = "us_state"
	TypeZip     Type = "zip"
	TypeNumber  Type = "number"
	TypeInteger Type = "integer"
	TypeBoolean Type = "boolean"
	TypeDate    Type = "date"
	TypeEnum    Type = "enum"
	TypeURL     Type = "url"
)

var types = []Type{
	TypeString, TypeText, TypeEmail, TypePhone, TypeUSState, TypeZip, TypeNumber, TypeInteger, TypeBoolean,
	TypeDate, TypeEnum, TypeURL,
}

// Types returns all field types.
func Types() []Type { return slices.Clone(types) }

// Rule says what one field of a campaign must be. Options are the allowed values of an enum. A field that is a Dimension is
// told in the events of leads.
type Rule struct {
	Name      string
	Type      Type
	Required  bool
	Options   []string
	Dimension bool
}

const (
	maxRules      = 100
	maxOptions    = 500
	maxNameLength = 64
	// maxUnknownName bounds the names of fields without a rule, in characters.
	maxUnknownName = 128
	maxString      = 255
	maxText        = 5000
)

// The names of the standard fields, which every campaign has (docs/supplier-api.md).
const (
	FirstName = "firstName"
	LastName  = "lastName"
	Phone     = "phone"
	State     = "state"
	EmailName = "email"
	Zip       = "zip"
	City      = "city"
)

// standard are the rules that hold when a campaign says nothing else.
var standard = []Rule{
	{Name: FirstName, Type: TypeString, Required: true},
	{Name: LastName, Type: TypeString, Required: true},
	{Name: Phone, Type: TypePhone, Required: true},
	{Name: State, Type: TypeUSState, Required: true},
	{Name: EmailName, Type: TypeEmail},
	{Name: Zip, Type: TypeZip},
	{Name: City, Type: TypeString},
}

// reserved are members of a supplier's request that are not fields of a lead.
var reserved = []string{"seller", "category", "test", "external_id", "ping_id"}

// Reserved reports whether name is a member of the supplier API that is not a field of a lead.
func Reserved(name string) bool { return slices.Contains(reserved, name) }

// Rules are the field rules of a campaign together with the standard ones, in the order they are reported in.
type Rules struct {
	own     []Rule
	all     []Rule
	sources []source
}

// NewRules checks a campaign's own rules and adds the standard ones. It returns fault.ErrValidation, which names each member
// at fault as "fields.<index>.<member>".
func NewRules(own []Rule) (Rules, error) {
	var v fault.Violations
	if len(own) > maxRules {
		v.Add("fields", fault.InvalidValue, "must have at most 100 fields")
		return Rules{}, v.Err()
	}
	seen := map[string]bool{}
	own = cloneRules(own)
	for i := range own {
		checkRule(&own[i], i, seen, &v)
	}
	checkDimensions(own, &v)
	if err := v.Err(); err != nil {
		return Rules{}, err
	}
	return RestoreRules(own), nil
}

// RestoreRules makes rules from stored ones without checking them again.
func RestoreRules(own []Rule) Rules {
	own = cloneRules(own)
	all := slices.Clone(standard)
	for _, r := range own {
		if i := slices.IndexFunc(all, func(s Rule) bool { return s.Name == r.Name }); i >= 0 {
			all[i] = r
			continue
		}
		all = append(all, r)
	}
	return Rules{own: own, all: all, sources: sources(all)}
}

// Own returns the campaign's own rules.
func (r Rules) Own() []Rule { return cloneRules(r.own) }

// All returns every rule that holds: the standard ones as the campaign changed them, then its own.
func (r Rules) All() []Rule { return cloneRules(r.all) }

// cloneRules copies rules with their options, so that Rules share no memory with their callers.
func cloneRules(rules []Rule) []Rule {
	out := slices.Clone(rules)
	for i := range out {
		out[i].Options = slices.Clone(out[i].Options)
	}
	return out
}

func checkRule(r *Rule, i int, seen map[string]bool, v *fault.Violations) {
	at := func(member string) string { return "fields." + itoa(i) + "." + member }
	switch {
	case r.Name == "":
		v.Add(at("name"), fault.Required, "is required")
	case !validName(r.Name):
		v.Add(at("name"), fault.InvalidValue, "must be 1 to 64 letters, digits, underscores, dots or hyphens")
	case Reserved(r.Name):
		v.Add(at("name"), fault.InvalidValue, "is a reserved name")
	case seen[r.Name]:
		v.Add(at("name"), fault.Duplicate, "is listed twice")
	}
	seen[r.Name] = true
	std := slices.IndexFunc(standard, func(s Rule) bool { return s.Name == r.Name })
	if r.Type == "" {
		r.Type = TypeString
		if std >= 0 {
			r.Type = standard[std].Type
		}
	}
	switch {
	case !slices.Contains(types, r.Type):
		v.Add(at("type"), fault.InvalidValue, "must be one of "+joinTypes())
	case std >= 0 && r.Type != standard[std].Type && r.Type != TypeEnum:
		v.Add(at("type"), fault.InvalidValue, "must be "+string(standard[std].Type)+" for "+r.Name)
	case r.Type == TypeEnum && len(r.Options) == 0:
		v.Add(at("options"), fault.Required, "is required for an enum")
	case r.Type != TypeEnum && len(r.Options) > 0:
		v.Add(at("options"), fault.InvalidValue, "is for enums only")
	}
	if len(r.Options) > maxOptions {
		v.Add(at("options"), fault.InvalidValue, "must have at most 500 options")
	}
	for n, o := range r.Options {
		o = trim(o) // options are compared without the spaces around them
		r.Options[n] = o
		if _, err := contact.ParseText(o, maxString); err != nil || o == "" {
			v.Add(at("options."+itoa(n)), fault.InvalidValue, "must be 1 to 255 characters without control characters")
		}
	}
}

// Errors of Check. Each names the fields at fault.
var (
	// ErrMissing says that required fields were not sent.
	ErrMissing = fault.New(fault.Invalid, "missing_required_field", "Missing required field")
	// ErrInvalid says that fields do not have the form their rule asks for.
	ErrInvalid = fault.New(fault.Invalid, "invalid_field", "Invalid field")
)

// Check normalises the fields of a lead. Fields without a rule are kept unchanged. It returns ErrMissing with every missing
// field, or else ErrInvalid with every field of the wrong form (docs/supplier-api.md).
func (r Rules) Check(in Set) (Set, error) {
	out := make(Set, len(in))
	for name, value := range in {
		if !Reserved(name) {
			out[name] = value
		}
	}
	var missing, invalid []fault.Violation
	for _, rule := range r.all {
		value := in[rule.Name]
		if value.Empty() {
			delete(out, rule.Name)
			if rule.Required {
				missing = append(missing, fault.Violation{Field: rule.Name, Code: fault.Required, Message: "is required"})
			}
			continue
		}
		normal, err := rule.normalise(value)
		if err != nil {
			invalid = append(invalid, fault.Violation{Field: rule.Name, Code: fault.InvalidValue, Message: message(err)})
			continue
		}
		out[rule.Name] = normal
	}
	if len(missing) > 0 {
		return nil, ErrMissing.With(missing...)
	}
	var odd []string
	for name := range out {
		if !keepableName(name) {
			odd = append(odd, name)
		}
	}
	slices.Sort(odd)
	for _, name := range odd {
		invalid = append(invalid, fault.Violation{
			Field: printable(name), Code: fault.InvalidValue,
			Message: "has a name that is not 1 to 128 characters without control characters",
		})
	}
	if len(invalid) > 0 {
		return nil, ErrInvalid.With(invalid...)
	}
	return out, nil
}

// Each calls do with every field that has a rule and a value, and with the type that its rule gives it.
func (r Rules) Each(fields Set, do func(t Type, v Value)) {
	for i := range r.all {
		if v := fields[r.all[i].Name]; !v.Empty() {
			do(r.all[i].Type, v)
		}
	}
}

func (r Rule) normalise(v Value) (Value, error) {
	if v.Kind == Other {
		return Value{}, fault.New(fault.Invalid, fault.WrongType, "must be a single value")
	}
	s := trim(v.Text)
	switch r.Type {
	case TypePhone:
		p, err := contact.ParsePhone(s)
		return TextValue(p.String()), err
	case TypeEmail:
		e, err := contact.ParseEmail(s)
		return TextValue(e.String()), err
	case TypeUSState:
		st, err := contact.ParseUSState(s)
		return TextValue(st.String()), err
	case TypeZip:
		z, err := contact.ParseZip(s)
		return TextValue(z.String()), err
	case TypeDate:
		d, err := contact.ParseDate(s)
		return TextValue(d.String()), err
	case TypeURL:
		u, err := contact.ParseURL(s)
		return TextValue(u.String()), err
	case TypeNumber, TypeInteger:
		return r.normaliseNumber(s)
	case TypeBoolean:
		return normaliseBool(s)
	case TypeEnum:
		if !slices.Contains(r.Options, s) {
			return Value{}, fault.New(fault.Invalid, fault.InvalidValue, "must be one of the campaign's options")
		}
		return TextValue(s), nil
	case typeTrustedForm:
		return normaliseTrustedForm(s)
	case typeJornaya:
		return normaliseJornaya(s)
	case typeTime:
		return normaliseTime(s)
	case typeIP:
		return normaliseIP(s)
	case TypeText:
		t, err := contact.ParseMultiline(s, maxText)
		return TextValue(t), err
	default:
		t, err := contact.ParseText(s, maxString)
		return TextValue(t), err
	}
}

func (r Rule) normaliseNumber(s string) (Value, error) {
	bad := fault.New(fault.Invalid, fault.InvalidValue, "must be a number")
	if len(s) > 40 {
		return Value{}, bad
	}
	d, err := decimal.Parse(s)
	if err != nil {
		return Value{}, bad
	}
	if significant(s) != significant(d.String()) {
		return Value{}, fault.New(fault.Invalid, fault.InvalidValue, "must be a number of at most 19 digits")
	}
	if r.Type == TypeInteger && !d.IsInt() {
		return Value{}, fault.New(fault.Invalid, fault.InvalidValue, "must be an integer")
	}
	return Value{Kind: Number, Text: d.Trim(0).String()}, nil
}

func normaliseBool(s string) (Value, error) {
	switch strings.ToLower(s) {
	case "true", "1", "yes", "on":
		return Value{Kind: Bool, Text: "true"}, nil
	case "false", "0", "no", "off":
		return Value{Kind: Bool, Text: "false"}, nil
	}
	return Value{}, fault.New(fault.Invalid, fault.InvalidValue, "must be true or false")
}
