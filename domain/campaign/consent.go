package campaign

import (
	"slices"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

// checkConsent returns the consent fields that leads must have, in the order in which they are told.
func checkConsent(required []string, v *fault.Violations) []string {
	names := field.ConsentNames()
	if slices.ContainsFunc(required, func(name string) bool { return !slices.Contains(names, name) }) {
		v.Add("consent.required", fault.InvalidValue, "must be of trusted_form_cert_url, jornaya_lead_id, consent_text, consent_at and ip_address")
	}
	return slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(required, name) })
}

// AsksConsent reports whether leads must come with a proof of consent.
func (c *Campaign) AsksConsent() bool { return len(c.s.Consent) > 0 }

// ConsentIn returns the names of the consent fields that are among a lead's fields.
func ConsentIn(fields field.Set) []string {
	return slices.DeleteFunc(field.ConsentNames(), func(name string) bool {
		v := fields[name]
		return v.Empty()
	})
}
