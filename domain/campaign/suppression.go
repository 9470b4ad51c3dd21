package campaign

import (
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/suppression"
)

// Suppresses reports whether the campaign's seller suppresses anybody, as of when the campaign was locked. It is no part of the campaign.
func (c *Campaign) Suppresses() bool { return c.suppresses }

// Suppressing is for the store, which knows what Suppresses reports. It returns the campaign itself where that is so already, else a copy,
// because others may read it: of the two only one may be changed.
func (c *Campaign) Suppressing(suppresses bool) *Campaign {
	if c.suppresses == suppresses {
		return c
	}
	n := *c
	n.suppresses = suppresses
	return &n
}

// Suppressible returns what may be suppressed of a lead: each phone and email, whatever the name of its field, with the domains of emails.
// The fields are normalised by CheckFields.
func (c *Campaign) Suppressible(fields field.Set) []suppression.Value {
	var out []suppression.Value
	c.rules.Each(fields, func(t field.Type, v field.Value) {
		switch t {
		case field.TypePhone:
			if p, err := contact.RestorePhone(v.Text); err == nil {
				out = append(out, suppression.OfPhone(p.Key())...)
			}
		case field.TypeEmail:
			if e, err := contact.ParseEmail(v.Text); err == nil {
				out = append(out, suppression.OfEmail(e.Key())...)
			}
		default:
		}
	})
	return out
}
