package market

import (
	"cmp"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/leadmill/leadmill/domain/field"
)

// mostKept is how much of a request and of an answer is kept, in bytes.
const mostKept = 4 << 10

// Masker hides the values of a lead, and what is secret, wherever they stand in a text: as they are, however cased, escaped for JSON, HTML or URLs,
// and digits of a phone number however they are grouped. What a receiver made of a value otherwise, it cannot know.
type Masker struct{ pattern *regexp.Regexp }

// NewMasker makes a Masker of the values of fields and of secrets.
func NewMasker(fields field.Set, secrets ...string) Masker {
	values := slices.Clone(secrets)
	for _, v := range fields {
		switch v.Kind {
		case field.Text, field.Number:
			values = append(values, v.Text)
		case field.Other:
			values = append(values, leaves(v.Text)...)
		case field.Null, field.Bool:
		}
	}
	forms := map[string]bool{}
	for _, v := range values {
		v = strings.TrimSpace(v)
		if v == "" {
			continue
		}
		for _, form := range written(v) {
			forms[form] = true
		}
	}
	if len(forms) == 0 {
		return Masker{}
	}
	all := make([]string, 0, len(forms))
	for form := range forms {
		all = append(all, form)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	pattern, err := regexp.Compile("(?i)(?:" + strings.Join(all, "|") + ")")
	if err != nil { // too long for a pattern
		return Masker{regexp.MustCompile(`(?s).+`)}
	}
	return Masker{pattern}
}

// Hide returns what is kept of a text: at most 4 KiB in valid UTF-8.
func (m Masker) Hide(text []byte) []byte {
	s := strings.ToValidUTF8(string(text), "�")
	if m.pattern != nil {
		s = m.pattern.ReplaceAllLiteralString(s, hidden)
	}
	if len(s) > mostKept {
		s = strings.ToValidUTF8(s[:mostKept], "")
	}
	return []byte(s)
}

// written returns patterns of the forms in which a value may stand in a text.
func written(v string) []string {
	quoted := appendText(nil, v)
	forms := []string{v, string(quoted[1 : len(quoted)-1]), html.EscapeString(string(quoted[1 : len(quoted)-1])), url.QueryEscape(v), url.PathEscape(v), html.EscapeString(v)}
	for i, form := range forms {
		forms[i] = regexp.QuoteMeta(form)
		if len(v) < 4 { // of a short one only the whole word
			forms[i] = `\b` + forms[i] + `\b`
		}
	}
	if digits := onlyDigits(v); len(digits) >= 7 && strings.IndexFunc(v, unicode.IsLetter) < 0 {
		national := digits[max(0, len(digits)-10):]
		forms = append(forms, strings.Join(strings.Split(digits, ""), `[^0-9A-Za-z]{0,3}`), strings.Join(strings.Split(national, ""), `[^0-9A-Za-z]{0,3}`))
	}
	return forms
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// leaves returns the texts and numbers in JSON.
func leaves(text string) (out []string) {
	var node any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&node) != nil {
		return []string{text}
	}
	var walk func(any)
	walk = func(node any) {
		switch n := node.(type) {
		case string:
			out = append(out, n)
		case json.Number:
			out = append(out, n.String())
		case []any:
			for _, item := range n {
				walk(item)
			}
		case map[string]any:
			for _, item := range n {
				walk(item)
			}
		}
	}
	walk(node)
	return out
}
