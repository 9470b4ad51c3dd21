package consolehttp

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
)

type formSettingsContent struct {
	*Visit

	Rows    []int // of the questions, and of one more that can be added
	Types   []Option
	Preview []programcommand.FormQuestion
}

// questionTypes are how a question of the lead form can be answered.
var questionTypes = []Option{
	{Value: "input", Label: "A line"},
	{Value: "textarea", Label: "A longer text"},
	{Value: "select", Label: "One of a list"},
	{Value: "radio", Label: "One of some buttons"},
	{Value: "checkbox", Label: "Some of some boxes"},
	{Value: "countries", Label: "A country"},
	{Value: "text", Label: "No question: a text to read"},
}

// Members of a question in the form. They are named as the command's violations are.
const (
	questionsField = "leads_custom_form_fields"
	mostQuestions  = 100
)

// At names a member of a question in the form.
func (formSettingsContent) At(row int, member string) string {
	return questionsField + "." + strconv.Itoa(row) + "." + member
}

// Place is where the question of a row comes, from 1.
func (formSettingsContent) Place(row int) int { return row + 1 }

// formSettings shows what the lead form asks, to change it, and how it looks.
func formSettings(v *Visit) {
	f, err := Ask[programquery.LeadForm](v, programquery.LeadFormOfSeller{Actor: v.Who()})
	if err != nil {
		v.Fail(err)
		return
	}
	content := formSettingsContent{Visit: v, Types: questionTypes, Preview: f.Questions}
	v.Form.Fill(seenField, strconv.FormatInt(f.Version, 10), "leads_enabled", tick(f.Enabled))
	fillQuestions(v.Form.values, f.Questions)
	content.Rows = rowsOf(len(f.Questions))
	v.Show("settings_form", content)
}

// rowsOf are the rows of so many questions and of a new one.
func rowsOf(n int) []int {
	rows := make([]int, min(n+1, mostQuestions))
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// fillQuestions writes questions into what a form holds.
func fillQuestions(values url.Values, questions []programcommand.FormQuestion) {
	for i, q := range questions {
		at := questionsField + "." + strconv.Itoa(i) + "."
		values.Set(at+"id", strconv.FormatInt(q.ID, 10))
		values.Set(at+"type", string(q.Type))
		values.Set(at+"title", q.Title)
		values.Set(at+"text", cmp.Or(q.Text, q.Description))
		values.Set(at+"required", tick(q.Required))
		values.Set(at+"options", strings.Join(q.Options, "\n"))
		values.Set(at+"place", strconv.Itoa(i+1))
	}
}

// questionsOf reads the questions of the form that was posted, in their order, without those that are to be removed. The form then holds these alone, so
// that what is wrong with one is told beside it.
func questionsOf(f *Form) []programcommand.FormQuestion {
	type placed struct {
		programcommand.FormQuestion
		place float64
	}
	var all []placed
	for i := range mostQuestions {
		at := questionsField + "." + strconv.Itoa(i) + "."
		if !f.values.Has(at + "type") {
			break
		}
		q := programcommand.FormQuestion{Type: programcommand.FormQuestionType(f.Text(at + "type")), Title: f.Text(at + "title"), Required: f.Ticked(at + "required")}
		q.ID, _ = strconv.ParseInt(f.Text(at+"id"), 10, 64)
		if text := strings.ReplaceAll(f.Text(at+"text"), "\r\n", "\n"); q.Type == "text" {
			q.Text = text
		} else {
			q.Description = text
		}
		for line := range strings.Lines(f.Value(at + "options")) {
			if line = strings.TrimSpace(line); line != "" {
				q.Options = append(q.Options, line)
			}
		}
		isNew := q.ID == 0 && q.Title == "" && q.Text == "" && q.Description == "" && len(q.Options) == 0
		place, err := strconv.ParseFloat(f.Text(at+"place"), 64)
		if err != nil {
			place = float64(i + 1)
		}
		if !isNew && !f.Ticked(at+"remove") {
			all = append(all, placed{q, place})
		}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	questions := make([]programcommand.FormQuestion, len(all))
	for i, p := range all {
		questions[i] = p.FormQuestion
	}
	for name := range f.values {
		if strings.HasPrefix(name, questionsField+".") {
			f.values.Del(name)
		}
	}
	fillQuestions(f.values, questions)
	return questions
}

// saveFormSettings changes what the lead form asks, or shows how it would look.
func saveFormSettings(v *Visit) {
	looks := v.Form.Ticked("preview")
	once := Once[programquery.LeadForm](v)
	questions := questionsOf(v.Form)
	content := formSettingsContent{Visit: v, Types: questionTypes, Preview: questions, Rows: rowsOf(len(questions))}
	if looks {
		v.Show("settings_form", content)
		return
	}
	c := programcommand.UpdateLeadForm{Actor: v.Who(), Once: once}
	c.Change.Enabled, c.Change.Questions = new(v.Form.Ticked("leads_enabled")), &questions
	seen, err := strconv.ParseInt(v.Seen(), 10, 64)
	if err != nil {
		seen = -1 // nothing was seen
	}
	c.Seen = &seen
	if _, err := Do[application.Done](v, c); err != nil {
		if f, found := Ask[programquery.LeadForm](v, programquery.LeadFormOfSeller{Actor: v.Who()}); found == nil {
			v.stale(err, strconv.FormatInt(f.Version, 10))
		}
		v.ShowAgain("settings_form", content, err)
		return
	}
	v.Done(settingsPath+"/form", "The form is saved. Leads that came before keep the questions as they were.")
}
