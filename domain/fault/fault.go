// Package fault holds the one error form of Leadmill: a kind that decides which response a failure gets, and a code that
// clients can branch on. An error that is not a *fault.Error is internal and its text never leaves the process.
//
// Stability: stable.
package fault

import (
	"errors"
	"slices"
	"strings"
)

// Kind classifies a failure by what the caller can do about it.
type Kind uint8

// The kinds. The zero value is Internal, so that a forgotten kind never leaks a message.
const (
	Internal        Kind = iota // a defect or an unknown failure; its message is never shown
	Invalid                     // the request does not have the form it must have
	Unauthenticated             // the caller is unknown
	Forbidden                   // the caller is known but may not do this
	NotFound                    // does not exist, or belongs to another seller
	Conflict                    // somebody else changed the same thing or is changing it
	RuleViolated                // well-formed, but a business rule forbids it
	TooMany                     // a limit is exceeded
	Unavailable                 // a dependency is down; the same request may succeed later
	Gone                        // existed, and does not any more
	NotImplemented              // is known to be part of the interface, and comes with a later version
)

// String returns the kind's name as used in logs and metrics.
func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case Unauthenticated:
		return "unauthenticated"
	case Forbidden:
		return "forbidden"
	case NotFound:
		return "not_found"
	case Conflict:
		return "conflict"
	case RuleViolated:
		return "rule_violated"
	case TooMany:
		return "too_many"
	case Unavailable:
		return "unavailable"
	case Gone:
		return "gone"
	case NotImplemented:
		return "not_implemented"
	default:
		return "internal"
	}
}

// Code names one failure. Codes are part of the public API: lower-case words joined by underscores.
type Code string

// Violation is one field at fault. Field is the name the client used.
type Violation struct {
	Field   string
	Code    Code
	Message string
}

// Error is a failure with a kind and a code. Its message is safe to show and holds no personal data.
type Error struct {
	Kind       Kind
	Code       Code
	Message    string
	Violations []Violation

	cause  error
	origin *Error // the error that a copy was made from; nil for an original
}

// New makes an error of a kind with a code and a message that is safe to show.
func New(kind Kind, code Code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Error returns the message, with the fields at fault.
func (e *Error) Error() string {
	if len(e.Violations) == 0 {
		return e.Message
	}
	parts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		parts[i] = v.Field + ": " + v.Message
	}
	return e.Message + " (" + strings.Join(parts, "; ") + ")"
}

// Is reports whether e and target are the same error or copies of it made by Because and With; another error with the same
// code does not match. If target has violations, e must have each of them, compared by field and code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	if !ok || t.original() != e.original() {
		return false
	}
	for _, want := range t.Violations {
		if !slices.ContainsFunc(e.Violations, func(v Violation) bool { return v.Field == want.Field && v.Code == want.Code }) {
			return false
		}
	}
	return true
}

func (e *Error) original() *Error {
	if e.origin != nil {
		return e.origin
	}
	return e
}

func (e *Error) copied() *Error {
	c := *e
	c.origin = e.original()
	return &c
}

// Unwrap returns the cause, which is for logs only.
func (e *Error) Unwrap() error { return e.cause }

// Because returns a copy of e with a cause for logs.
func (e *Error) Because(cause error) *Error {
	c := e.copied()
	c.cause = cause
	return c
}

// With returns a copy of e with violations added.
func (e *Error) With(violations ...Violation) *Error {
	c := e.copied()
	c.Violations = append(slices.Clone(e.Violations), violations...)
	return c
}

// Fields returns the names of the fields at fault in order, each once.
func (e *Error) Fields() []string {
	out := make([]string, 0, len(e.Violations))
	for _, v := range e.Violations {
		if !slices.Contains(out, v.Field) {
			out = append(out, v.Field)
		}
	}
	return out
}

// Violated returns the violations; nil for a nil error.
func (e *Error) Violated() []Violation {
	if e == nil {
		return nil
	}
	return slices.Clone(e.Violations)
}

// As returns the *Error in err's chain, or nil.
func As(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}

// KindOf returns the kind of err; Internal when err is no *Error.
func KindOf(err error) Kind {
	if e := As(err); e != nil {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of err; empty when err is no *Error.
func CodeOf(err error) Code {
	if e := As(err); e != nil {
		return e.Code
	}
	return ""
}
