package field

import "slices"

// IsPersonal reports whether a field says who somebody is or where to reach them: by its name, however it is spelled, or by its type. The
// state and the ZIP code do not.
func (r Rule) IsPersonal() bool {
	switch r.Type {
	case TypePhone, TypeEmail, typeTrustedForm, typeJornaya, typeIP:
		return true
	default:
		return r.Name != Zip && r.Type != TypeZip && isPersonal(r.Name) || slices.Contains(ConsentNames(), r.Name)
	}
}

// WithoutPersonal returns the rules of a lead of which nothing personal needs to be known yet: what is sent must have its form.
func (r Rules) WithoutPersonal() Rules {
	all := slices.Clone(r.all)
	for i := range all {
		all[i].Required = all[i].Required && !all[i].IsPersonal()
	}
	r.all = all
	return r
}
