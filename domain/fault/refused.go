package fault

import (
	"slices"
	"strings"
	"unicode"
)

// maxReason is the length, in characters, at which the text of an extension's rule is cut.
const maxReason = 500

// Readable makes the text of an extension's rule safe to store and to show: valid UTF-8 on one line, at most 500 characters.
func Readable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if r := []rune(s); len(r) > maxReason {
		return string(r[:maxReason-1]) + "…"
	}
	return s
}

// Refused returns the error of an extension's rule that refuses something. A reason that is an *Error keeps its kind, code
// and violations; any other becomes an error of kind RuleViolated with the rule's code. Texts are made Readable.
func Refused(rule Code, reason error) *Error {
	if e := As(reason); e != nil && e.Kind != Internal {
		c := e.copied()
		c.Message, c.Violations = Readable(e.Message), slices.Clone(e.Violations)
		for i := range c.Violations {
			c.Violations[i].Message = Readable(c.Violations[i].Message)
		}
		return c
	}
	message := "Refused."
	if reason != nil {
		message = Readable(reason.Error())
	}
	return New(RuleViolated, rule, message)
}
