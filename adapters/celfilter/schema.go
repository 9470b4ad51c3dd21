package celfilter

import (
	"fmt"
	"slices"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/leadmill/leadmill/domain/field"
)

// The types of the variables lead and facts, and of lead.fields.
const (
	leadType   = "Lead"
	fieldsType = "LeadFields"
	factsType  = "Facts"
)

// The members of lead.
const (
	memberState      = "state"
	memberZip        = "zip"
	memberPhone      = "phone"
	memberEmail      = "email"
	memberCategory   = "category"
	memberTest       = "test"
	memberPartner    = "partner"
	memberSupplier   = "supplier"
	memberReceivedAt = "received_at"
	memberFields     = "fields"
)

// leadMembers are the members of lead that say something themselves, with their types.
var leadMembers = map[string]*types.Type{
	memberState:      nullable(types.StringType),
	memberZip:        nullable(types.StringType),
	memberPhone:      nullable(types.StringType),
	memberEmail:      nullable(types.StringType),
	memberCategory:   types.StringType,
	memberTest:       types.BoolType,
	memberPartner:    nullable(types.StringType),
	memberSupplier:   nullable(types.StringType),
	memberReceivedAt: types.TimestampType,
}

// nullable is the type of what may be null.
func nullable(t *types.Type) *types.Type { return types.NewNullableType(t) }

// typeOf is the type that a field has in filters. A date is the text 2026-11-30.
func typeOf(t field.Type) *types.Type {
	switch t {
	case field.TypeNumber:
		return nullable(types.DoubleType)
	case field.TypeInteger:
		return nullable(types.IntType)
	case field.TypeBoolean:
		return nullable(types.BoolType)
	case field.TypeString, field.TypeText, field.TypeEmail, field.TypePhone, field.TypeUSState, field.TypeZip, field.TypeDate,
		field.TypeEnum, field.TypeURL:
	}
	return nullable(types.StringType)
}

// schema knows the types of one campaign. It implements types.Provider.
type schema struct {
	types.Provider

	rules     []field.Rule
	places    map[string]int // of rules
	providers []string
	members   map[string]map[string]*types.FieldType // by type
	names     map[string][]string
}

func newSchema(rules []field.Rule, providers []string, base types.Provider) *schema {
	s := &schema{Provider: base, rules: rules, places: map[string]int{}, providers: providers}
	own := map[string]*types.FieldType{memberFields: member(types.NewObjectType(fieldsType), func(in *input) (any, error) { return in, nil })}
	for name, t := range leadMembers {
		own[name] = member(t, func(in *input) (any, error) { return in.member(name), nil })
	}
	fields := make(map[string]*types.FieldType, len(rules))
	for i, r := range rules {
		s.places[r.Name] = i
		fields[r.Name] = member(typeOf(r.Type), func(in *input) (any, error) { return in.field(i), nil })
	}
	answers := make(map[string]*types.FieldType, len(providers))
	for _, name := range providers {
		answers[name] = member(types.NewMapType(types.StringType, types.DynType), func(in *input) (any, error) { return in.answer(name), nil })
	}
	s.members = map[string]map[string]*types.FieldType{leadType: own, fieldsType: fields, factsType: answers}
	s.names = map[string][]string{}
	for name, all := range s.members {
		for n := range all {
			s.names[name] = append(s.names[name], n)
		}
		slices.Sort(s.names[name])
	}
	return s
}

// member is a member of an object of a filter. It is set, in the sense of has(), when it is not null.
func member(t *types.Type, get func(in *input) (any, error)) *types.FieldType {
	of := func(target any) (any, error) {
		in, ok := target.(*input)
		if !ok {
			return nil, fmt.Errorf("celfilter: a member of %T", target)
		}
		return get(in)
	}
	return &types.FieldType{
		Type: t, GetFrom: of,
		IsSet: func(target any) bool {
			v, err := of(target)
			return err == nil && v != ref.Val(types.NullValue)
		},
	}
}

// FindStructType implements types.Provider.
func (s *schema) FindStructType(name string) (*types.Type, bool) {
	if s.members[name] != nil {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return s.Provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (s *schema) FindStructFieldNames(name string) ([]string, bool) {
	if names, ok := s.names[name]; ok {
		return names, true
	}
	return s.Provider.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (s *schema) FindStructFieldType(of, name string) (*types.FieldType, bool) {
	if all, ok := s.members[of]; ok {
		t, ok := all[name]
		return t, ok
	}
	return s.Provider.FindStructFieldType(of, name)
}

// NewValue implements types.Provider. Filters make no objects; they are refused before.
func (s *schema) NewValue(of string, _ map[string]ref.Val) ref.Val {
	return types.NewErr("celfilter: %s cannot be made", of)
}

// ruleOf returns the rule of a field.
func (s *schema) ruleOf(name string) (field.Rule, bool) {
	i, ok := s.places[name]
	if !ok {
		return field.Rule{}, false
	}
	return s.rules[i], true
}

var _ types.Provider = (*schema)(nil)
