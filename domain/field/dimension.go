package field

import (
	"slices"
	"strings"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

// Dimension is a fact about a lead that is not personal, such as its state: it may be in events, so that sales can be summed
// up by it.
type Dimension struct{ Name, Value string }

// The dimensions that every campaign has, from the fields that its leads have.
const (
	DimensionState     = "state"
	DimensionZipPrefix = "zip_prefix"
	DimensionCountry   = "country"
)

const (
	maxDimensions     = 20 // that a campaign marks
	maxDimensionValue = 64 // bytes
	zipPrefix         = 3  // digits, the area of a sorting centre
)

// dimensional are the types of fields that can be a dimension.
var dimensional = []Type{TypeEnum, TypeBoolean, TypeUSState, TypeInteger, TypeNumber, TypeDate, TypeString}

// personal are the names of fields that say who somebody is or where to reach them, in lower case without punctuation.
var personal = []string{
	"name", "fullname", "firstname", "lastname", "middlename", "surname", "givenname", "familyname", "maidenname", "nickname",
	"username", "login", "email", "emailaddress", "mail", "phone", "phonenumber", "telephone", "mobile", "cell", "cellphone",
	"homephone", "workphone", "fax", "address", "address1", "address2", "addressline1", "addressline2", "street", "street1",
	"street2", "streetaddress", "housenumber", "zip", "zipcode", "postcode", "postalcode", "ip", "ipaddress", "ipv4", "ipv6",
	"clientip", "userip", "remoteip", "dob", "birthdate", "birthday", "dateofbirth", "ssn", "ssn4", "socialsecurity",
	"socialsecuritynumber", "taxid", "passport", "passportnumber", "driverslicense", "driverlicense", "licensenumber",
	"licenseplate", "vin", "iban", "bankaccount", "accountnumber", "routingnumber", "cardnumber", "creditcard", "password",
	"latitude", "longitude", "deviceid", "useragent", "jornayaleadid", "leadidtoken", "trustedform", "trustedformcerturl",
}

// isPersonal reports whether a field's name is one of the personal ones, however it is spelled.
func isPersonal(name string) bool {
	plain := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(name))
	return slices.Contains(personal, plain)
}

// checkDimensions says which rules cannot be dimensions.
func checkDimensions(rules []Rule, v *fault.Violations) {
	marked := 0
	for i, r := range rules {
		if !r.Dimension {
			continue
		}
		marked++
		at := "fields." + itoa(i) + ".dimension"
		switch {
		case isPersonal(r.Name):
			v.Add(at, fault.InvalidValue, "is not for a field that says who somebody is or where to reach them")
		case slices.Contains(types, r.Type) && !slices.Contains(dimensional, r.Type):
			v.Add(at, fault.InvalidValue, "is not for fields of the type "+string(r.Type))
		}
	}
	if marked > maxDimensions {
		v.Add("fields", fault.InvalidValue, "must mark at most 20 fields as dimensions")
	}
}

// source is a dimension and where its value is found: in the first of the fields that has one.
type source struct {
	name   string
	fields []string
	value  func(Value) string // empty: none
}

// sources returns the dimensions of a campaign by name. A field that is marked comes before what every campaign has under
// the same name.
func sources(all []Rule) []source {
	var out []source
	enums := map[string]bool{}
	var states, zips []string
	for _, r := range all {
		if r.Dimension {
			out = append(out, source{r.Name, []string{r.Name}, func(v Value) string { return v.Text }})
		}
		enums[r.Name] = r.Type == TypeEnum
		switch {
		case r.Type == TypeUSState && r.Name != State:
			states = append(states, r.Name)
		case r.Type == TypeZip && r.Name != Zip:
			zips = append(zips, r.Name)
		}
	}
	for _, s := range []source{
		{DimensionState, append([]string{State}, states...), func(v Value) string { return v.Text }},
		{DimensionZipPrefix, append([]string{Zip}, zips...), prefixOf},
		{DimensionCountry, []string{DimensionCountry}, countryOf(enums[DimensionCountry])},
	} {
		if !slices.ContainsFunc(out, func(o source) bool { return o.name == s.name }) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.name, b.name) })
	return out
}

func prefixOf(v Value) string {
	z, err := contact.ParseZip(v.Text)
	if err != nil || z.String() != trim(v.Text) { // an option of an enum may be anything, and short of digits
		return ""
	}
	return z.Five()[:zipPrefix]
}

// countryOf takes a country that is one of an enum's options as it is, and otherwise only a code of two letters: a field
// without a rule may hold anything.
func countryOf(enum bool) func(Value) string {
	return func(v Value) string {
		s := trim(v.Text)
		if enum {
			return s
		}
		if len(s) != 2 || !letter(s[0]) || !letter(s[1]) {
			return ""
		}
		return strings.ToUpper(s)
	}
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// Dimensions returns the dimensions of a lead by name, from fields that Check has normalised: the state, the first three
// digits of the ZIP code, the country, and every field that the campaign marks. A value of more than 64 bytes is left out.
func (r Rules) Dimensions(fields Set) []Dimension {
	var out []Dimension
	for _, s := range r.sources {
		for _, name := range s.fields {
			v, sent := fields[name]
			if !sent || v.Kind == Null || v.Kind == Other {
				continue
			}
			value := s.value(v)
			if value == "" || len(value) > maxDimensionValue {
				continue
			}
			if out == nil {
				out = make([]Dimension, 0, len(r.sources))
			}
			out = append(out, Dimension{s.name, value})
			break
		}
	}
	return out
}
