package consolehttp

import (
	"errors"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/application"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
)

// windowNames say how windows are called in forms and beside bars.
var windowNames = map[calendar.Window]string{
	calendar.Hour: "an hour", calendar.Day: "a day", calendar.Week: "a week", calendar.Month: "a month", calendar.Total: "in all",
}

// CapFields are the two limits of one window, in a form.
type CapFields struct{ Leads, Budget Field }

// CapFields are the fields for caps, a window each.
func (v *Visit) CapFields() []CapFields {
	all := make([]CapFields, 0, len(windowNames))
	for _, w := range calendar.Windows() {
		all = append(all, CapFields{
			Leads:  v.Field(capField(w, "leads"), "Leads "+windowNames[w], "mode", "numeric"),
			Budget: v.Field(capField(w, "budget"), "Money "+windowNames[w], "mode", "decimal"),
		})
	}
	return all
}

func capField(w calendar.Window, of string) string { return "cap_" + string(w) + "_" + of }

// fillCaps fills the fields for caps.
func (v *Visit) fillCaps(caps []marketquery.Cap) {
	for _, c := range caps {
		if c.HasLeads {
			v.Form.Fill(capField(calendar.Window(c.Window), "leads"), strconv.FormatInt(c.Leads, 10))
		}
		if c.HasBudget {
			v.Form.Fill(capField(calendar.Window(c.Window), "budget"), c.Budget.Format(v.Currency()))
		}
	}
}

// mostCapped is the largest number that a cap can have.
const mostCapped = 1_000_000_000_000

// readCaps reads the fields for caps: all that there are.
func (v *Visit) readCaps() *[]marketcommand.Cap {
	caps := []marketcommand.Cap{}
	for _, w := range calendar.Windows() {
		c := marketcommand.Cap{Window: w}
		c.Leads, c.HasLeads = v.Form.Number(capField(w, "leads"), 0, mostCapped)
		c.Budget, c.HasBudget = v.Form.Money(capField(w, "budget"), v.Currency())
		if c.HasLeads || c.HasBudget {
			caps = append(caps, c)
		}
	}
	return &caps
}

// cappedField names the field of a form for a member such as caps.0.leads of what was read.
func cappedField(caps *[]marketcommand.Cap, member string) (field string, ok bool) {
	rest, is := strings.CutPrefix(member, "caps.")
	if !is || caps == nil {
		return "", false
	}
	number, of, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	if err != nil || n >= len(*caps) || of != "leads" && of != "budget" {
		return "", false
	}
	return capField((*caps)[n].Window, of), true
}

// renamed is an error whose violations name fields of a form.
func renamed(err error, name func(member string) string) error {
	e := fault.As(err)
	if e == nil || len(e.Violations) == 0 || isAgain(err) {
		return err
	}
	out := &fault.Error{Kind: e.Kind, Code: e.Code, Message: e.Message, Violations: slices.Clone(e.Violations)}
	for i := range out.Violations {
		out.Violations[i].Field = name(out.Violations[i].Field)
	}
	return out
}

// Bar is how full a cap is.
type Bar struct {
	Share
	Resets template.HTML
}

// Bars are the caps of something, as bars.
func (v *Visit) Bars(usage []marketquery.Usage) []Bar {
	var all []Bar
	for _, u := range usage {
		name := windowNames[calendar.Window(u.Window)]
		resets := v.Ago(u.ResetsAt)
		if u.ResetsAt.IsZero() {
			resets = ""
		}
		if u.HasLeads {
			all = append(all, Bar{share(u.Used, u.Leads, v.Count(u.Used)+" of "+v.Count(u.Leads)+" "+name), resets})
		}
		if u.HasBudget {
			all = append(all, Bar{share(int64(u.Spent), int64(u.Budget), v.Money(u.Spent)+" of "+v.Money(u.Budget)+" "+name), resets})
		}
	}
	return all
}

// madeOnce is Once for a form that makes something: it answers the id of what was made, also when the form is sent again.
func madeOnce[R any](v *Visit, id func(R) string) application.Once[R] {
	once := Once[R](v)
	once.Render = func(r R) application.Response { return application.Response{Status: 200, Body: []byte(id(r))} }
	return once
}

// stale lets a form that was sent over a change of somebody else replace what that person did, when it is sent once more.
func (v *Visit) stale(err error, seen string) {
	if errors.Is(err, application.ErrChangedMeanwhile) {
		v.Form.values.Set(seenField, seen)
	}
}

// Words writes a code as words: invalid_contact is Invalid contact.
func (*Visit) Words(code string) string { return newStatus(code).Word }
