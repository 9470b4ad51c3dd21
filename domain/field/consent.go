package field

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

// The names of the fields that prove a person's consent to be called.
const (
	TrustedForm = "trusted_form_cert_url" // the URL of a TrustedForm certificate
	Jornaya     = "jornaya_lead_id"       // a Jornaya LeadiD, which is a UUID
	ConsentText = "consent_text"          // what the person agreed to
	ConsentAt   = "consent_at"            // when, as RFC 3339
	IPAddress   = "ip_address"            // from where
)

// The types of consent fields. A campaign's own fields cannot have them.
const (
	typeTrustedForm Type = "trusted_form"
	typeJornaya     Type = "jornaya"
	typeTime        Type = "time"
	typeIP          Type = "ip"
)

var consentRules = []Rule{
	{Name: TrustedForm, Type: typeTrustedForm},
	{Name: Jornaya, Type: typeJornaya},
	{Name: ConsentText, Type: TypeText},
	{Name: ConsentAt, Type: typeTime},
	{Name: IPAddress, Type: typeIP},
}

// consentAliases are the names under which forms and networks send them, without case, spaces, hyphens and underscores.
var consentAliases = map[string][]string{
	TrustedForm: {"xxtrustedformcerturl", "trustedformcerturl", "trustedformurl", "trustedformcert", "trustedform", "xxtrustedformtoken"},
	Jornaya:     {"jornayaleadid", "universalleadid", "leadidtoken", "jornayaid", "jornaya", "leadid"},
	ConsentText: {"consenttext", "tcpatext", "tcpaconsenttext", "tcpalanguage", "consentlanguage"},
	ConsentAt:   {"consentat", "consenttime", "consenttimestamp", "tcpaconsentat", "tcpatimestamp", "optinat", "optintime"},
	IPAddress:   {"ipaddress", "ip", "ipaddr", "clientip", "userip"},
}

// ConsentNames returns the names of the consent fields in the order in which they are told.
func ConsentNames() []string {
	names := make([]string, len(consentRules))
	for i, r := range consentRules {
		names[i] = r.Name
	}
	return names
}

// WithConsent returns the rules of a campaign that asks for consent: a consent field that is sent must have its form, and those in required
// must be sent. Without required fields they are the rules as they were.
func (r Rules) WithConsent(required []string) Rules {
	if len(required) == 0 {
		return r
	}
	all := slices.Clone(r.all)
	for _, rule := range consentRules {
		rule.Required = slices.Contains(required, rule.Name)
		if i := slices.IndexFunc(all, func(own Rule) bool { return own.Name == rule.Name }); i >= 0 {
			rule.Required = rule.Required || all[i].Required
			all[i] = rule
			continue
		}
		all = append(all, rule)
	}
	r.all = all
	return r
}

// NameConsent returns fields with those that prove consent under our names. One that was sent under our name stays as it is.
func NameConsent(in Set) Set {
	sent := map[string]string{}
	for _, name := range in.Names() {
		folded := foldName.Replace(strings.ToLower(name))
		if _, there := sent[folded]; !there && !in[name].Empty() {
			sent[folded] = name
		}
	}
	out, own := in, false
	for _, rule := range consentRules {
		if given := in[rule.Name]; !given.Empty() {
			continue
		}
		for _, alias := range consentAliases[rule.Name] {
			name, there := sent[alias]
			if !there {
				continue
			}
			if !own {
				out, own = maps.Clone(in), true
			}
			out[rule.Name] = in[name]
			delete(out, name)
			break
		}
	}
	return out
}

var foldName = strings.NewReplacer("_", "", "-", "", " ", "")

func normaliseTrustedForm(s string) (Value, error) {
	u, err := contact.ParseURL(s)
	if err != nil || !u.IsHTTPS() || u.Host() != "cert.trustedform.com" || len(strings.TrimSuffix(s, "/")) <= len("https://cert.trustedform.com/") {
		return Value{}, fault.New(fault.Invalid, fault.InvalidValue, "must be a certificate such as https://cert.trustedform.com/0123456789abcdef")
	}
	return TextValue(s), nil
}

func normaliseJornaya(s string) (Value, error) {
	ok := len(s) == 36
	for i := 0; ok && i < len(s); i++ {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			ok = c == '-'
		default:
			ok = c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
		}
	}
	if !ok {
		return Value{}, fault.New(fault.Invalid, fault.InvalidValue, "must be a LeadiD such as 01234567-89AB-CDEF-0123-456789ABCDEF")
	}
	return TextValue(s), nil
}

func normaliseTime(s string) (Value, error) {
	if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
		return Value{}, fault.New(fault.Invalid, fault.InvalidValue, "must be a time such as 2026-01-31T09:00:00Z")
	}
	return TextValue(s), nil
}

func normaliseIP(s string) (Value, error) {
	ip, err := netip.ParseAddr(s)
	if err != nil || ip.Zone() != "" {
		return Value{}, fault.New(fault.Invalid, fault.InvalidValue, "must be an IP address such as 192.0.2.1")
	}
	return TextValue(ip.String()), nil
}
