package lead

import (
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

// QuestionType is how a question of the lead form is answered (docs/partner-program.md).
type QuestionType string

// The types of questions. Note is display only and takes no answer.
const (
	Note      QuestionType = "text"
	Input     QuestionType = "input"
	Textarea  QuestionType = "textarea"
	Checkbox  QuestionType = "checkbox"
	Radio     QuestionType = "radio"
	Select    QuestionType = "select"
	Countries QuestionType = "countries"
)

// Question is one field of the lead form. ID is unique within its seller and never used for another question; 0 asks for a
// new one. Text is what a Note shows.
type Question struct {
	ID                       int64
	Type                     QuestionType
	Title, Text, Description string
	Required                 bool
	Options                  []string
}

// Bounds of a form.
const (
	maxQuestions   = 100
	maxOptions     = 200
	maxTitle       = 200
	maxDescription = 1000
	maxNote        = 5000
	maxInput       = 1000
	maxTextarea    = 5000
	maxLeadName    = 200
)

// ErrFormDisabled says that the program takes no form leads.
var ErrFormDisabled = fault.New(fault.RuleViolated, "leads_disabled", "This program takes no leads.")

// Form is what a seller asks about a lead. Version counts its changes; a lead keeps the questions as they were when it was
// submitted.
type Form struct{ s FormSnapshot }

// NewForm returns the form of a seller that has set none: it asks only for name and email.
func NewForm(sellerID string) *Form {
	return &Form{FormSnapshot{SellerID: sellerID, Enabled: true, NextID: 1}}
}

// FormChange is what an operator says about the form. A nil member keeps the stored value.
type FormChange struct {
	Enabled   *bool
	Questions *[]Question
}

// Check returns fault.ErrValidation with the members at fault, or nil.
func (c FormChange) Check() error { return NewForm("").Update(c) }

// Update changes the form; without anything it changes nothing. A question without an id gets one; a question with a known id replaces the question of that id.
// It returns fault.ErrValidation with the members at fault.
func (f *Form) Update(c FormChange) error {
	if c == (FormChange{}) {
		return nil
	}
	next := f.s.clone()
	var v fault.Violations
	if c.Enabled != nil {
		next.Enabled = *c.Enabled
	}
	if c.Questions != nil {
		next.Questions = next.settle(*c.Questions, &v)
	}
	if err := v.Err(); err != nil {
		return err
	}
	next.Version++
	f.s = next
	return nil
}

// settle checks questions and gives an id to each that has none.
func (s *FormSnapshot) settle(questions []Question, v *fault.Violations) []Question {
	const member = "leads_custom_form_fields"
	if len(questions) > maxQuestions {
		v.Add(member, fault.InvalidValue, "must have at most 100 fields")
		return nil
	}
	out := make([]Question, len(questions))
	taken := map[int64]bool{}
	known := max(maxQuestionID, s.NextID-1) // a change sends back the ids that the form gave
	for i, q := range questions {
		at := member + "." + strconv.Itoa(i) + "."
		q.check(at, v)
		switch {
		case q.ID < 0 || q.ID > known:
			v.Add(at+"id", fault.InvalidValue, "must be between 1 and 1000000000")
		case q.ID != 0 && taken[q.ID]:
			v.Add(at+"id", fault.Duplicate, "is given twice")
		case q.ID != 0:
			taken[q.ID] = true
			s.NextID = max(s.NextID, q.ID+1)
		}
		out[i] = q.clone()
	}
	for i := range out {
		if out[i].ID == 0 {
			out[i].ID = s.NextID
			s.NextID++
		}
	}
	return out
}

const maxQuestionID = 1_000_000_000

func (q *Question) check(at string, v *fault.Violations) {
	switch q.Type {
	case Note, Input, Textarea, Countries:
		if len(q.Options) > 0 {
			v.Add(at+"options", fault.InvalidValue, "must be empty for this type")
		}
	case Checkbox, Radio, Select:
		if len(q.Options) == 0 || len(q.Options) > maxOptions {
			v.Add(at+"options", fault.InvalidValue, "must have 1 to 200 options")
		}
	case "":
		v.Add(at+"type", fault.Required, "is required")
	default:
		v.Add(at+"type", fault.InvalidValue, "must be text, input, textarea, checkbox, radio, select or countries")
	}
	for i, o := range q.Options[:min(len(q.Options), maxOptions)] {
		if _, err := contact.ParseRequiredText(o, maxTitle); err != nil {
			v.AddErr(at+"options."+strconv.Itoa(i), err)
		} else if slices.Contains(q.Options[:i], o) {
			v.Add(at+"options."+strconv.Itoa(i), fault.Duplicate, "is given twice")
		}
	}
	title := contact.ParseRequiredText
	if q.Type == Note {
		title = contact.ParseText
		if q.Required {
			v.Add(at+"required", fault.InvalidValue, "must be false for a text, which takes no answer")
		}
	}
	_, err := title(q.Title, maxTitle)
	v.AddErr(at+"title", err)
	_, err = contact.ParseMultiline(q.Text, maxNote)
	v.AddErr(at+"text", err)
	_, err = contact.ParseMultiline(q.Description, maxDescription)
	v.AddErr(at+"description", err)
}

// Given is the answer to one question as a request holds it: the question's ID as text, and one or several values.
type Given struct {
	ID     string
	Values []string
}

// Answer is a question with its answer: several choices joined by ", ", a country as its code (docs/partner-program.md).
type Answer struct {
	ID               int64
	Question, Answer string
}

// Answers checks answers against the form's questions and returns them in the form's order. It returns fault.ErrValidation
// with the members at fault, named cfields.<id>.
func (f *Form) Answers(given []Given) ([]Answer, error) {
	var v fault.Violations
	asked := make(map[string]bool, len(f.s.Questions))
	for _, q := range f.s.Questions {
		asked[strconv.FormatInt(q.ID, 10)] = true
	}
	byID := make(map[string][]string, len(given))
	for _, g := range given {
		if !asked[g.ID] {
			v.Add("cfields."+shorten(g.ID), fault.UnknownField, "is not a field of the lead form")
		}
		byID[g.ID] = g.Values
	}
	var out []Answer
	for _, q := range f.s.Questions {
		id := strconv.FormatInt(q.ID, 10)
		values, sent := byID[id]
		answer, err := q.answer(values, sent)
		v.AddErr("cfields."+id, err)
		if err == nil && answer != "" {
			out = append(out, Answer{ID: q.ID, Question: q.Title, Answer: answer})
		}
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// shorten cuts a name that a client made up, so that an error about it stays readable.
func shorten(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if r := []rune(name); len(r) > 32 {
		return string(r[:32]) + "…"
	}
	return name
}

func (q *Question) answer(values []string, sent bool) (string, error) {
	wrong := func(message string) (string, error) { return "", fault.New(fault.Invalid, fault.InvalidValue, message) }
	if q.Type == Note {
		if sent && strings.Join(values, "") != "" {
			return wrong("takes no answer")
		}
		return "", nil
	}
	values = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(values) == 0 {
		if q.Required {
			return "", fault.New(fault.Invalid, fault.Required, "is required")
		}
		return "", nil
	}
	if len(values) > 1 && q.Type != Checkbox {
		return wrong("must be one value")
	}
	switch q.Type {
	case Input:
		return contact.ParseText(values[0], maxInput)
	case Textarea:
		return contact.ParseMultiline(values[0], maxTextarea)
	case Countries:
		if !isCountry(values[0]) {
			return wrong("must be an ISO 3166-1 alpha-2 code, such as US")
		}
		return values[0], nil
	default:
		for i, value := range values {
			if !slices.Contains(q.Options, value) {
				return wrong("must be one of the options")
			}
			if slices.Contains(values[:i], value) {
				return wrong("must not repeat an option")
			}
		}
		return strings.Join(values, ", "), nil
	}
}

func (q Question) clone() Question {
	q.Options = slices.Clone(q.Options)
	return q
}

// Enabled reports whether the program takes leads.
func (f *Form) Enabled() bool { return f.s.Enabled }

// Version is the number of times the form was changed.
func (f *Form) Version() int64 { return f.s.Version }

// FormSnapshot is a form as it is stored. NextID is the id that the next question without one gets.
type FormSnapshot struct {
	SellerID        string
	Version, NextID int64
	Enabled         bool
	Questions       []Question
}

func (s FormSnapshot) clone() FormSnapshot {
	s.Questions = slices.Clone(s.Questions)
	for i := range s.Questions {
		s.Questions[i] = s.Questions[i].clone()
	}
	return s
}

// Snapshot returns the form as it is stored.
func (f *Form) Snapshot() FormSnapshot { return f.s.clone() }

// FormFromSnapshot restores a stored form.
func FormFromSnapshot(s FormSnapshot) *Form { return &Form{s.clone()} }
