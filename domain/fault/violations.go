package fault

// Codes of single fields, used inside Violation.
const (
	Required     Code = "required"
	InvalidValue Code = "invalid_value"
	WrongType    Code = "wrong_type"
	UnknownField Code = "unknown_field"
	Duplicate    Code = "duplicate"
	NotSupported Code = "not_supported_yet"
)

// ErrValidation is the error that Violations.Err returns, with the fields at fault.
var ErrValidation = New(Invalid, "validation_failed", "The given data was invalid.")

// Violations collects every field at fault, so that a client learns all of them at once.
// The zero value is ready to use.
type Violations struct{ list []Violation }

// Add records one field at fault.
func (v *Violations) Add(field string, code Code, message string) {
	v.list = append(v.list, Violation{Field: field, Code: code, Message: message})
}

// AddErr records err for field: with the code and message of an *Error, with each of its violations below field if it has
// some, or as InvalidValue for any other error. A nil err records nothing.
func (v *Violations) AddErr(field string, err error) {
	if err == nil {
		return
	}
	e := As(err)
	if e == nil {
		v.Add(field, InvalidValue, "is invalid")
		return
	}
	if len(e.Violations) > 0 {
		for _, n := range e.Violations {
			v.Add(join(field, n.Field), n.Code, n.Message)
		}
		return
	}
	v.Add(field, e.Code, e.Message)
}

// Together returns err with valueErr added as a violation of field, so that a client learns at once what an aggregate finds
// and what was found before the aggregate was called. An err without violations is returned alone. Both may be nil.
func Together(field string, valueErr, err error) error {
	if valueErr == nil {
		return err
	}
	var v Violations
	v.AddErr(field, valueErr)
	if err != nil {
		if e := As(err); e == nil || len(e.Violations) == 0 {
			return err
		}
		v.AddErr("", err)
	}
	return v.Err()
}

// Any reports whether anything was recorded.
func (v *Violations) Any() bool { return len(v.list) > 0 }

// Err returns ErrValidation with all that was recorded, or nil.
func (v *Violations) Err() error {
	if len(v.list) == 0 {
		return nil
	}
	return ErrValidation.With(v.list...)
}

func join(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + "." + b
}
