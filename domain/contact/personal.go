package contact

import "strings"

// LooksPersonal reports whether a text that names somebody looks like an email address or a phone number: by its at sign, also as it is
// written in a URL, or as a number that can be dialled, perhaps behind a scheme such as tel:. A number without a plus is one when it has ten
// digits or more, as shorter ones are taken for those that a program counts.
func LooksPersonal(s string) bool {
	if strings.ContainsAny(s, "@\uff20\ufe6b") || strings.Contains(s, "%40") {
		return true
	}
	if _, number, ok := strings.Cut(s, ":"); ok {
		s = number
	}
	phone, err := ParsePhone(s)
	if err != nil {
		return false
	}
	return strings.Contains(s, "+") || !phone.IsLocal() && countDigits(s) >= 10
}

func countDigits(s string) (n int) {
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}
