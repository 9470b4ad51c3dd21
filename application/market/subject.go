package market

import (
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
)

// ParseSubject reads whom a request is about, of which exactly one may be given: fault.ErrValidation with the members at fault.
func ParseSubject(email, phone string, others ...Named) (lead.Person, error) {
	var v fault.Violations
	all := append([]Named{{"email", email}, {"phone", phone}}, others...)
	var given []string
	for _, n := range all {
		if n.Value != "" {
			given = append(given, n.Name)
		}
	}
	switch {
	case len(given) == 0:
		v.Add("email", fault.Required, "is required, unless something else names the person")
	case len(given) > 1:
		for _, name := range given[1:] {
			v.Add(name, fault.InvalidValue, "must not be given beside "+given[0])
		}
	}
	var e contact.Email
	var p contact.Phone
	var err error
	if email != "" {
		e, err = contact.ParseEmail(email)
		v.AddErr("email", err)
	}
	if phone != "" {
		p, err = contact.ParsePhone(phone)
		v.AddErr("phone", err)
	}
	return lead.NewPerson(e, p), v.Err()
}

// Named is a member or parameter that names a person otherwise.
type Named struct{ Name, Value string }
