package httpport

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// object binds the members of one JSON object to typed values. It collects every violation under the member's path; null
// equals absent except where null means something.
type object struct {
	violations *fault.Violations
	path       string
	node       *node
	seen       map[string]bool
	currency   money.Currency
	lenient    bool // members that are not asked for are ignored
}

func (o *object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

func (o *object) bad(name string, code fault.Code, message string) {
	o.violations.Add(o.at(name), code, message)
}

func (o *object) wrongType(name, want string) { o.bad(name, fault.WrongType, "must be "+want) }

// given returns a member that is there and not null.
func (o *object) given(name string) *node {
	o.seen[name] = true
	n := o.node.members[name]
	if n == nil || n.kind == 'n' {
		return nil
	}
	return n
}

// null reports whether a member is there and null.
func (o *object) null(name string) bool {
	o.seen[name] = true
	n := o.node.members[name]
	return n != nil && n.kind == 'n'
}

// text binds a string.
func text[T ~string](o *object, name string, into **T) {
	n := o.given(name)
	switch {
	case n == nil:
	case n.kind != '"':
		o.wrongType(name, "a string")
	default:
		v := T(n.text)
		*into = &v
	}
}

// string binds a string, empty when absent.
func (o *object) string(name string) string {
	var s *string
	text(o, name, &s)
	if s == nil {
		return ""
	}
	return *s
}

// label binds what may be written as a string or as a number, such as an id or a key.
func label[T ~string](o *object, name string, into **T) {
	n := o.given(name)
	switch {
	case n == nil:
	case n.kind != '"' && n.kind != '0':
		o.wrongType(name, "a string or a number")
	default:
		v := T(n.text)
		*into = &v
	}
}

// id is label, empty when absent.
func (o *object) id(name string) string {
	var s *string
	label(o, name, &s)
	if s == nil {
		return ""
	}
	return *s
}

// integer binds a whole number.
func integer[T ~int | ~int64](o *object, name string, into **T) {
	n := o.given(name)
	if n == nil {
		return
	}
	if n.kind != '0' || strings.ContainsAny(n.text, ".eE") {
		o.wrongType(name, "a whole number")
		return
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	if err != nil {
		o.bad(name, fault.InvalidValue, "is too large")
		return
	}
	v := T(i)
	*into = &v
}

// boolean binds true or false; nil when absent.
func (o *object) boolean(name string) *bool {
	n := o.given(name)
	switch {
	case n == nil:
		return nil
	case n.kind != 't' && n.kind != 'f':
		o.wrongType(name, "true or false")
		return nil
	default:
		yes := n.kind == 't'
		return &yes
	}
}

// bool is boolean, false when absent.
func (o *object) bool(name string) bool {
	yes := o.boolean(name)
	return yes != nil && *yes
}

// earliest is the first time that a client may mean. What is before it is a date that was never set, such as year 1 or 1970,
// and the former is Go's zero time, which means absent further in.
var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// time binds a time as in RFC 3339; zero when absent.
func (o *object) time(name string) time.Time {
	s := o.string(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	switch {
	case err != nil:
		o.bad(name, fault.InvalidValue, "must be a time such as 2025-05-02T16:12:39Z")
		return time.Time{}
	case t.Before(earliest):
		o.bad(name, fault.InvalidValue, "must not be before 2000-01-01T00:00:00Z")
		return time.Time{}
	}
	return t.UTC()
}

// literal binds a number as it is written; empty when absent.
func (o *object) literal(name string) string {
	n := o.given(name)
	switch {
	case n == nil:
		return ""
	case n.kind != '0':
		o.wrongType(name, "a number")
		return ""
	default:
		return n.text
	}
}

// money binds an amount in the seller's currency by a parser of package money.
func (o *object) money(name string, into **money.Micros, parse func(string, money.Currency) (money.Micros, error)) {
	s := o.literal(name)
	if s == "" {
		return
	}
	m, err := parse(s, o.currency)
	o.violations.AddErr(o.at(name), err)
	if err == nil {
		*into = &m
	}
}

// object binds an object; nil when absent.
func (o *object) object(name string) *object {
	n := o.given(name)
	if n == nil {
		return nil
	}
	inner := members(n, o.lenient)
	if inner == nil {
		o.wrongType(name, "an object")
		return nil
	}
	return o.inner(o.at(name), inner)
}

// members returns a value that is an object; nil when it is none. On lenient paths an empty list is an empty object: PHP's
// json_encode, which Partnero's own client uses, writes one for the other.
func members(n *node, lenient bool) *node {
	switch {
	case n.kind == '{':
		return n
	case lenient && n.kind == '[' && len(n.items) == 0:
		return &node{kind: '{'}
	default:
		return nil
	}
}

func (o *object) inner(path string, n *node) *object {
	return &object{violations: o.violations, path: path, node: n, seen: map[string]bool{}, currency: o.currency, lenient: o.lenient}
}

// objects binds a list of objects; ok is false when it is absent or no list. An item that is no object counts as an empty
// one, so that the others are looked at too.
func (o *object) objects(name string) (list []*object, ok bool) {
	n := o.given(name)
	if n == nil {
		return nil, false
	}
	if n.kind != '[' {
		o.wrongType(name, "a list")
		return nil, false
	}
	for i, item := range n.items {
		path := o.at(name) + "." + itoa(i)
		inner := members(item, o.lenient)
		if inner == nil {
			o.violations.Add(path, fault.WrongType, "must be an object")
			inner = &node{kind: '{'}
		}
		list = append(list, o.inner(path, inner))
	}
	return list, true
}

// strings binds a list of strings; ok is false when it is absent or wrong.
func (o *object) strings(name string) (list []string, ok bool) {
	n := o.given(name)
	if n == nil {
		return nil, false
	}
	if n.kind != '[' {
		o.wrongType(name, "a list")
		return nil, false
	}
	ok = true
	for i, item := range n.items {
		if item.kind != '"' {
			o.violations.Add(o.at(name)+"."+itoa(i), fault.WrongType, "must be a string")
			ok = false
			continue
		}
		list = append(list, item.text)
	}
	return list, ok
}

// later refuses a member of a later version unless it is absent or null.
func (o *object) later(name string) {
	if o.given(name) != nil {
		o.bad(name, fault.NotSupported, "is not supported yet")
	}
}

// fixed refuses a member that cannot be given here.
func (o *object) fixed(name, message string) {
	if o.given(name) != nil {
		o.bad(name, fault.InvalidValue, message)
	}
}

// done refuses members that nobody asked for.
func (o *object) done() {
	if o.lenient {
		return
	}
	for _, name := range o.node.names {
		if !o.seen[name] {
			o.bad(shorten(name), fault.UnknownField, "is not a known member")
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

// mustNamePartner is what is said of a reference to a partner that names nobody.
const mustNamePartner = "must have an id, a key or an email"

// handle binds a reference to a partner, which must name somebody when it is there.
func (o *object) handle(name string) application.PartnerHandle {
	h, empty := o.reference(name)
	if empty {
		o.bad(name, fault.Required, mustNamePartner)
	}
	return h
}

// reference binds a reference to a partner: the first member given counts (api/partner-program.md, "Form"). empty reports
// whether it is there but says nothing.
func (o *object) reference(name string) (h application.PartnerHandle, empty bool) {
	p := o.object(name)
	if p == nil {
		return h, false
	}
	h = application.PartnerHandle{ID: p.id("id"), Key: p.id("key"), Email: p.string("email")}
	p.done()
	return h, !slices.ContainsFunc(partnerNames, p.says)
}

// says reports whether a member is there and neither null nor an empty text.
func (o *object) says(name string) bool {
	n := o.given(name)
	return n != nil && (n.kind != '"' || n.text != "")
}

// take returns the first of some members that says something and takes it out of the object: what names an object is no
// change of it. member is empty when there is none.
func (o *object) take(members ...string) (member, value string) {
	for _, m := range members {
		if !o.says(m) {
			continue
		}
		if m == "email" {
			value = o.string(m)
		} else {
			value = o.id(m)
		}
		delete(o.node.members, m)
		return m, value
	}
	return "", ""
}

// write is a request that changes something: its Idempotency-Key, its body and the violations in it. Its object has the
// members of an update; outer is what stands around them in the body, the same unless they are wrapped.
type write struct {
	*object
	outer *object
	k     *call
	key   string
	body  []byte
}

// begin reads a writing request: size, Idempotency-Key and syntax, in this order. A body may be absent where it is optional.
// The members of a PUT may be wrapped in "update", on lenient paths also beside others.
func (k *call) begin(lenient, optional bool) (*write, error) {
	var buf bytes.Buffer
	if err := k.readBody(&buf); err != nil {
		return nil, err
	}
	w := &write{k: k, body: buf.Bytes()}
	var err error
	if w.key, err = k.idempotencyKey(); err != nil {
		return nil, err
	}
	root := &node{kind: '{'}
	trimmed := bytes.TrimLeft(w.body, " \t\r\n")
	switch {
	case len(trimmed) == 0 && optional:
	case len(trimmed) > 0 && trimmed[0] != '{' && notJSON(k.c.Request.Header.Get("Content-Type")):
		return nil, errMediaType
	default:
		n, bad := parseObject(w.body, lenient)
		if bad != nil {
			return nil, bad
		}
		root = n
	}
	w.outer = &object{violations: &fault.Violations{}, node: root, seen: map[string]bool{}, currency: k.actor.Currency, lenient: lenient}
	w.object = w.outer
	if update := root.members["update"]; k.c.Request.Method == "PUT" && update != nil {
		inner := members(update, lenient)
		switch {
		case inner != nil && (lenient || len(root.members) == 1):
			w.object = w.outer.inner("", inner)
		case lenient && update.kind != 'n':
			w.outer.wrongType("update", "an object")
		}
	}
	return w, nil
}

// inside returns the object in which the members stand: in update, else in the member of a name, else flat. Violations in
// it are told as if they stood flat.
func (w *write) inside(name string) *object {
	if w.object != w.outer {
		return w.object
	}
	n := w.given(name)
	if n == nil {
		return w.object
	}
	inner := members(n, w.lenient)
	if inner == nil {
		w.wrongType(name, "an object")
		return w.object
	}
	return w.inner("", inner)
}

// also adds what else is at fault in a request of which something is at fault already, so that a client learns of all at
// once; what was said of a member stands. A request without fault is checked by its command.
func (w *write) also(check func() error) {
	if !w.violations.Any() {
		return
	}
	said := fault.As(w.violations.Err()).Fields()
	for _, v := range fault.As(check()).Violated() {
		if !slices.ContainsFunc(said, func(f string) bool {
			return f == v.Field || strings.HasPrefix(f, v.Field+".") || strings.HasPrefix(v.Field, f+".")
		}) {
			w.violations.Add(v.Field, v.Code, v.Message)
		}
	}
}

func notJSON(contentType string) bool {
	mime := mediaType(contentType)
	return mime != "" && mime != "application/json" && !strings.HasSuffix(mime, "+json")
}

// end returns every violation that was found.
func (w *write) end() error {
	w.done()
	return w.violations.Err()
}

// fresh returns a zero value of the type a pointer has, so that this port needs no type of an aggregate's package.
func fresh[T any](*T) *T { return new(T) }

// sized returns a list of n zero values of the type a pointer to a list has.
func sized[T any](_ *[]T, n int) *[]T {
	list := make([]T, n)
	return &list
}
