package field

import (
	"slices"
	"strings"
	"unicode"

	"github.com/leadmill/leadmill/domain/contact"
)

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

// Has reports whether a field has a rule.
func (r Rules) Has(name string) bool {
	return slices.ContainsFunc(r.all, func(x Rule) bool { return x.Name == name })
}

// Tells reports whether somebody who did not buy a lead may be told a field: it has a rule, is not personal, and is no free text or address of a page, in
// which anything may stand.
func (r Rules) Tells(name string) bool {
	return slices.ContainsFunc(r.all, func(x Rule) bool { return x.Name == name && x.tells() })
}

func (r Rule) tells() bool {
	return !r.IsPersonal() && r.Type != TypeText && r.Type != TypeURL && (r.Type == TypeZip || r.Name == Zip || !slices.ContainsFunc(words(r.Name), isPersonalWord))
}

// words returns the words of a field's name in lower case: home_address2 and homeAddress2 have home and address.
func words(name string) []string {
	var b strings.Builder
	for i, c := range name {
		if i > 0 && unicode.IsUpper(c) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return strings.FieldsFunc(b.String(), func(c rune) bool { return !unicode.IsLetter(c) })
}

// isPersonalWord reports whether a field with a word in its name may hold who somebody is or where to reach them.
func isPersonalWord(word string) bool {
	switch word {
	case "name", "names", "firstname", "lastname", "surname", "phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "fax", "mail", "mails", "email", "emails",
		"address", "addresses", "street", "ssn", "dob", "birth", "birthday", "birthdate", "passport", "password", "iban", "vin":
		return true
	}
	return isPersonal(word)
}

// Told returns what of a lead's fields, which Check has normalised, somebody may be told who did not buy the lead: those of which Tells says so, ZIP codes cut to
// their area of five digits, without texts that look like an address or a number of somebody.
func (r Rules) Told(fields Set) Set {
	out := Set{}
	for _, rule := range r.all {
		v, sent := fields[rule.Name]
		if !sent || v.Kind == Null || v.Kind == Other || !rule.tells() {
			continue
		}
		switch rule.Type { //nolint:exhaustive // all others are one of few values
		case TypeZip:
			z, err := contact.ParseZip(v.Text)
			if err != nil {
				continue
			}
			v.Text = z.Five()
		case TypeString:
			if reachesSomebody(v.Text) {
				continue
			}
		case TypeNumber, TypeInteger:
			if whole, _, _ := strings.Cut(v.Text, "."); len(whole) > mostDigits {
				continue
			}
		}
		out[rule.Name] = v
	}
	return out
}

// mostDigits is how many digits a text, or a number before its point, may have that is no number of somebody.
const mostDigits = 6

func reachesSomebody(text string) bool {
	digits := 0
	for _, c := range text {
		if unicode.IsDigit(c) {
			digits++
		}
	}
	return digits > mostDigits || strings.ContainsRune(text, '@')
}
