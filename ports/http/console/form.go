package consolehttp

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
)

// Fields that every form may have.
const (
	tokenField  = "_token"  // the session's form token
	sellerField = "_seller" // the code of the seller for whom the form was made
	againField  = "_again"  // the form is only to be shown, with what it says
	keptField   = "_kept"   // a form that was sent by nobody, through signing in
	onceField   = "_once"   // what tells a form that is sent twice from two forms
)

// Form is what was typed into a form: what was posted, or what it is filled with at first.
type Form struct {
	values url.Values
	wrong  fault.Violations
	err    *fault.Error
	posted bool
	again  bool
	file   []byte // the one that was posted with it
}

// errAgain says that a form was sent by a session that is over, or is at another seller.
var errAgain = &fault.Error{Kind: fault.Invalid, Code: "form_again", Message: "You were signed out or elsewhere in between. Nothing was saved and nothing is lost: look at what you entered, and send it."}

// Err returns what is wrong with the form, as far as reading it showed.
func (f *Form) Err() error {
	if f.again {
		return errAgain
	}
	return f.wrong.Err()
}

// Fill sets what fields hold as long as nothing was posted: names and values in turn.
func (f *Form) Fill(pairs ...string) {
	if f.posted {
		return
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.values.Set(pairs[i], pairs[i+1])
	}
}

// FillAll sets what fields of one name hold as long as nothing was posted.
func (f *Form) FillAll(name string, values []string) {
	if !f.posted {
		f.values[name] = slices.Clone(values)
	}
}

// Value is what a field holds.
func (f *Form) Value(name string) string { return f.values.Get(name) }

// Values are what fields of one name hold.
func (f *Form) Values(name string) []string { return f.values[name] }

// Text is what a field holds, without spaces around it.
func (f *Form) Text(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// Has reports whether a box is ticked, or one of a name has the value.
func (f *Form) Has(name, value string) bool { return slices.Contains(f.values[name], value) }

// Ticked reports whether a box is ticked.
func (f *Form) Ticked(name string) bool { return f.values.Get(name) != "" }

// Wrong adds what is wrong with a field.
func (f *Form) Wrong(field, message string) { f.wrong.Add(field, fault.InvalidValue, message) }

// Check adds what is wrong with a field, when err is not nil.
func (f *Form) Check(field string, err error) {
	if err != nil {
		f.wrong.AddErr(field, err)
	}
}

// Number reads a whole number between two others; empty is none.
func (f *Form) Number(name string, least, most int64) (n int64, given bool) {
	text, ok := f.digits(name)
	if text == "" || !ok {
		return 0, !ok
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		f.Wrong(name, "must be a whole number from "+strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(most, 10))
		return 0, true
	}
	return n, true
}

// Money reads an amount, such as 1,000.50; empty is none.
func (f *Form) Money(name string, c money.Currency) (amount money.Micros, given bool) {
	text, ok := f.digits(name, symbols[c.Code()])
	if text == "" || !ok {
		return 0, !ok
	}
	amount, err := money.Parse(text, c)
	f.Check(name, err)
	return amount, true
}

// wrongComma is what is wrong with a number whose comma is not between thousands: it may mean a point.
const wrongComma fault.Code = "comma"

var (
	inThousands  = regexp.MustCompile(`^[-+]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?$`)
	commaAsPoint = regexp.MustCompile(`^([-+]?)([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+),([0-9]+)$`)
)

// digits is a number as a field holds it, without what it may begin with and the commas between its thousands. It is not ok, and wrong, where a comma
// stands elsewhere: 12,50 is neither 12.50 nor 1,250.
func (f *Form) digits(name string, beginning ...string) (text string, ok bool) {
	text = f.Text(name)
	for _, symbol := range beginning {
		text = strings.TrimSpace(strings.TrimPrefix(text, symbol))
	}
	if !strings.Contains(text, ",") || inThousands.MatchString(text) {
		return strings.ReplaceAll(text, ",", ""), true
	}
	message := "has a comma that does not stand between thousands. Write it such as 1,250.00 or 1250.00."
	if m := commaAsPoint.FindStringSubmatch(text); m != nil {
		message = "has a comma where a point belongs. Write " + m[1] + strings.ReplaceAll(m[2], ".", "") + "." + m[3] + " with a point."
	}
	f.wrong.Add(name, wrongComma, message)
	return "", false
}

// Problem is one thing that is wrong with a form.
type Problem struct{ Field, Text string }

// Problems are what is wrong with the form, for above it.
func (f *Form) Problems() []Problem {
	if f.err == nil {
		return nil
	}
	var all []Problem
	for _, w := range f.err.Violations {
		all = append(all, Problem{w.Field, w.Message})
	}
	return all
}

// Message says what is wrong with the form as a whole; empty when nothing is.
func (f *Form) Message() string {
	switch {
	case f.err == nil:
		return ""
	case len(f.err.Violations) > 0:
		return "Nothing was saved yet. Some entries need another look:"
	}
	return f.err.Message
}

// Trouble is what is wrong with a field; empty when nothing is. Violations of what is inside of the field are its own.
func (f *Form) Trouble(name string) string {
	if f.err == nil {
		return ""
	}
	for _, w := range f.err.Violations {
		if w.Field == name || strings.HasPrefix(w.Field, name+".") || strings.HasPrefix(w.Field, name+"[") {
			return w.Message
		}
	}
	return ""
}

// Field is a field of a form as its template shows it.
type Field struct {
	Name, Label, Value, Wrong         string
	Type, Help, Autocomplete, Mode    string
	Placeholder, Min, Max, Maxlength  string
	Required, Ticked, Autofocus, Mono bool
	Rows                              string
	Options                           []Option
}

// Option is one of the values that a field can have.
type Option struct {
	Value, Label string
	Chosen       bool
}

// Describe names what says more about the field, for those who hear the page.
func (f Field) Describe() string {
	var ids []string
	if f.Wrong != "" {
		ids = append(ids, "w-"+f.Name)
	}
	if f.Help != "" {
		ids = append(ids, "h-"+f.Name)
	}
	return strings.Join(ids, " ")
}

// Field makes a field of the form. What else it has is said by names and values in turn: type (text, email, password, date …), help,
// placeholder, autocomplete, mode (inputmode), min, max, maxlength, rows; required, autofocus and mono with any value.
func (v *Visit) Field(name, label string, more ...string) Field {
	f := Field{Name: name, Label: label, Type: "text", Value: v.Form.Value(name), Wrong: v.Form.Trouble(name), Rows: "4"}
	f.Ticked = v.Form.Ticked(name)
	for i := 0; i+1 < len(more); i += 2 {
		f.set(more[i], more[i+1])
	}
	if f.Type == "password" {
		f.Value = ""
	}
	return f
}

func (f *Field) set(what, value string) {
	texts := map[string]*string{
		"type": &f.Type, "help": &f.Help, "placeholder": &f.Placeholder, "autocomplete": &f.Autocomplete, "mode": &f.Mode,
		"min": &f.Min, "max": &f.Max, "maxlength": &f.Maxlength, "rows": &f.Rows,
	}
	flags := map[string]*bool{"required": &f.Required, "autofocus": &f.Autofocus, "mono": &f.Mono}
	switch {
	case texts[what] != nil:
		*texts[what] = value
	case flags[what] != nil:
		*flags[what] = true
	default:
		panic("consolehttp: a field has no " + what)
	}
}

// Choice makes a field with the values it can have.
func (v *Visit) Choice(name, label string, options []Option, more ...string) Field {
	f := v.Field(name, label, more...)
	for _, o := range options {
		o.Chosen = o.Value == f.Value
		f.Options = append(f.Options, o)
	}
	return f
}
