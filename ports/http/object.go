package httpport

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// Object is a JSON object whose members are bound to typed values, each by the method for its type. Violations are collected
// under the member's path, such as caps.0.leads. null equals absent except where null means something (see IsNull). A member
// that no method was called for is unknown.
type Object struct {
	violations *fault.Violations
	path       string
	value      *Value
	asked      map[string]bool
	currency   money.Currency
	lenient    bool // unknown members are ignored
}

// at is the path of a member; that of the object itself without a name.
func (o *Object) at(name string) string {
	if o.path == "" || name == "" {
		return o.path + name
	}
	return o.path + "." + name
}

// Violate adds a violation of a member, told as one sentence without its subject: "must be given".
func (o *Object) Violate(name string, code fault.Code, message string) {
	o.violations.Add(o.at(name), code, message)
}

// AddErr adds what an error says of a member's value, or of the object itself under no name; nil adds nothing.
func (o *Object) AddErr(name string, err error) { o.violations.AddErr(o.at(name), err) }

// WrongType adds that a member is not of the type that is wanted: "a string".
func (o *Object) WrongType(name, want string) {
	o.Violate(shorten(name), fault.WrongType, "must be "+want)
}

// Names are the names of all members that were sent, in their order.
func (o *Object) Names() []string { return o.value.names }

// Value returns a member of any type; nil when it is absent or null.
func (o *Object) Value(name string) *Value {
	o.asked[name] = true
	v := o.value.members[name]
	if v == nil || v.kind == 'n' {
		return nil
	}
	return v
}

// Has reports whether a member is there and not null.
func (o *Object) Has(name string) bool { return o.Value(name) != nil }

// IsNull reports whether a member is there and null.
func (o *Object) IsNull(name string) bool {
	o.asked[name] = true
	v := o.value.members[name]
	return v != nil && v.kind == 'n'
}

// text returns a member that is a string or, where numbers are taken too, a number as it is written.
func (o *Object) text(name string, numbers bool) (s string, ok bool) {
	v := o.Value(name)
	switch {
	case v == nil:
		return "", false
	case v.IsString() || numbers && v.IsNumber():
		return v.text, true
	case numbers:
		o.WrongType(name, "a string or a number")
	default:
		o.WrongType(name, "a string")
	}
	return "", false
}

// Text binds a string; empty when absent.
func (o *Object) Text(name string) string {
	s, _ := o.text(name, false)
	return s
}

// Label binds what may be written as a string or as a number, such as an id or a key; empty when absent.
func (o *Object) Label(name string) string {
	s, _ := o.text(name, true)
	return s
}

// FillText lets a pointer point to a string; it stays as it is when the member is absent.
func FillText[T ~string](o *Object, name string, into **T) {
	if s, ok := o.text(name, false); ok {
		t := T(s)
		*into = &t
	}
}

// FillLabel is FillText for what may be written as a string or as a number.
func FillLabel[T ~string](o *Object, name string, into **T) {
	if s, ok := o.text(name, true); ok {
		t := T(s)
		*into = &t
	}
}

// FillInteger lets a pointer point to a whole number; it stays as it is when the member is absent.
func FillInteger[T ~int | ~int64](o *Object, name string, into **T) {
	v := o.Value(name)
	if v == nil {
		return
	}
	if !v.IsNumber() && !v.form || strings.ContainsAny(v.text, ".eE") {
		o.WrongType(name, "a whole number")
		return
	}
	i, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil {
		if v.form && !errors.Is(err, strconv.ErrRange) {
			o.WrongType(name, "a whole number")
			return
		}
		o.Violate(name, fault.InvalidValue, "is too large")
		return
	}
	n := T(i)
	*into = &n
}

// Bool binds true or false; false when absent.
func (o *Object) Bool(name string) bool {
	yes := o.BoolOrNil(name)
	return yes != nil && *yes
}

// BoolOrNil binds true or false; nil when absent.
func (o *Object) BoolOrNil(name string) *bool {
	v := o.Value(name)
	if v == nil {
		return nil
	}
	yes := v.IsTrue() || v.form && (v.text == "true" || v.text == "1")
	if !yes && v.kind != 'f' && (!v.form || v.text != "false" && v.text != "0") {
		o.WrongType(name, "true or false")
		return nil
	}
	return &yes
}

// earliest is the first time that a client may mean. What is before it is a date that was never set, such as year 1 or 1970,
// and the former is Go's zero time, which means absent further in.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Time binds a time as in RFC 3339, in UTC; zero when absent. Times before 2000 are violations.
func (o *Object) Time(name string) time.Time {
	s := o.Text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	switch {
	case err != nil:
		o.Violate(name, fault.InvalidValue, "must be a time such as 2025-05-02T16:12:39Z")
		return time.Time{}
	case t.Before(earliest):
		o.Violate(name, fault.InvalidValue, "must not be before 2000-01-01T00:00:00Z")
		return time.Time{}
	}
	return t.UTC()
}

// Number binds a number as it is written; empty when absent.
func (o *Object) Number(name string) string {
	v := o.Value(name)
	switch {
	case v == nil:
		return ""
	case !v.IsNumber():
		o.WrongType(name, "a number")
		return ""
	default:
		return v.text
	}
}

// Money binds an amount in the seller's currency by a parser of package money; nil when absent or wrong.
func (o *Object) Money(name string, parse func(string, money.Currency) (money.Micros, error)) *money.Micros {
	s := o.Number(name)
	if s == "" {
		return nil
	}
	m, err := parse(s, o.currency)
	o.AddErr(name, err)
	if err != nil {
		return nil
	}
	return &m
}

// Currency is the currency of the actor's seller, in which amounts are.
func (o *Object) Currency() money.Currency { return o.currency }

// Nested binds an object whose members the function binds; it is not called when the member is absent or no object.
func (o *Object) Nested(name string, members func(*Object)) {
	v := o.Value(name)
	if v == nil {
		return
	}
	inner := asObject(v, o.lenient)
	if inner == nil {
		o.WrongType(name, "an object")
		return
	}
	child := o.inner(o.at(name), inner)
	members(child)
	child.refuseUnknown()
}

// FillObjects lets a pointer point to a list of as many values as a member has objects, and has the function bind each of
// them; the pointer stays as it is when the member is absent or no list. An item that is no object counts as an empty one, so
// that the others are looked at too.
func FillObjects[T any](o *Object, name string, into **[]T, members func(item *Object, into *T)) {
	v := o.Value(name)
	if v == nil {
		return
	}
	if v.kind != '[' {
		o.WrongType(name, "a list")
		return
	}
	list := make([]T, len(v.items))
	for i, item := range v.items {
		path := o.at(name) + "." + strconv.Itoa(i)
		inner := asObject(item, o.lenient)
		if inner == nil {
			o.violations.Add(path, fault.WrongType, "must be an object")
			inner = &Value{kind: '{'}
		}
		child := o.inner(path, inner)
		members(child, &list[i])
		child.refuseUnknown()
	}
	*into = &list
}

// Flat returns the object that a member is, its members told of as if they stood in o; nil when it is none, which is no
// violation.
func (o *Object) Flat(name string) *Object {
	v := o.Value(name)
	if v == nil {
		return nil
	}
	inner := asObject(v, o.lenient)
	if inner == nil {
		return nil
	}
	return o.inner(o.path, inner)
}

// asObject returns a value that is an object; nil when it is none. Where bodies are lenient an empty list is an empty object.
func asObject(v *Value, lenient bool) *Value {
	switch {
	case v.kind == '{':
		return v
	case lenient && v.kind == '[' && len(v.items) == 0:
		return &Value{kind: '{'}
	default:
		return nil
	}
}

func (o *Object) inner(path string, v *Value) *Object {
	return &Object{violations: o.violations, path: path, value: v, asked: map[string]bool{}, currency: o.currency, lenient: o.lenient}
}

// Texts binds a list of strings; ok is false when it is absent or anything in it is wrong.
func (o *Object) Texts(name string) (list []string, ok bool) {
	v := o.Value(name)
	if v == nil {
		return nil, false
	}
	if v.form && v.text == "" {
		return nil, true // a form has no other way to write an empty list
	}
	if v.kind != '[' {
		o.WrongType(name, "a list")
		return nil, false
	}
	ok = true
	for i, item := range v.items {
		if !item.IsString() {
			o.violations.Add(o.at(name)+"."+strconv.Itoa(i), fault.WrongType, "must be a string")
			ok = false
			continue
		}
		list = append(list, item.text)
	}
	return list, ok
}

// NotYet refuses a member that is not supported yet, unless it is absent or null.
func (o *Object) NotYet(name string) {
	if o.Has(name) {
		o.Violate(name, fault.NotSupported, "is not supported yet")
	}
}

// Fixed refuses a member that cannot be given here, and says why.
func (o *Object) Fixed(name, why string) {
	if o.Has(name) {
		o.Violate(name, fault.InvalidValue, why)
	}
}

// refuseUnknown adds a violation for each member that nobody asked for.
func (o *Object) refuseUnknown() {
	if o.lenient {
		return
	}
	for _, name := range o.value.names {
		if !o.asked[name] {
			o.Violate(shorten(name), fault.UnknownField, "is not a known member")
		}
	}
}

// shorten keeps a name that a client made up readable in an error.
func shorten(name string) string {
	const most = 64
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// MustNamePartner is what is said of a reference to a partner that names nobody.
const MustNamePartner = "must have an id, a key or an email"

// PartnerHandle binds a reference to a partner, which must name somebody when it is there.
func (o *Object) PartnerHandle(name string) application.PartnerHandle {
	h, namesNobody := o.PartnerReference(name)
	if namesNobody {
		o.Violate(name, fault.Required, MustNamePartner)
	}
	return h
}

// PartnerReference is PartnerHandle without the violation: namesNobody reports whether the reference is there but has
// neither id nor key nor email.
func (o *Object) PartnerReference(name string) (h application.PartnerHandle, namesNobody bool) {
	o.Nested(name, func(p *Object) {
		h = application.PartnerHandle{ID: p.Label("id"), Key: p.Label("key"), Email: p.Text("email")}
		namesNobody = !slices.ContainsFunc([]string{"id", "key", "email"}, p.Says)
	})
	return h, namesNobody
}

// Says reports whether a member is there and neither null nor an empty text.
func (o *Object) Says(name string) bool {
	v := o.Value(name)
	return v != nil && (!v.IsString() || v.text != "")
}

// Take returns the first of some members that says something and takes it out of the object: what names an object is no
// change of it. An email is a text, all others are labels. member is empty when there is none.
func (o *Object) Take(members ...string) (member, value string) {
	for _, m := range members {
		if !o.Says(m) {
			continue
		}
		if m == "email" {
			value = o.Text(m)
		} else {
			value = o.Label(m)
		}
		delete(o.value.members, m)
		return m, value
	}
	return "", ""
}
