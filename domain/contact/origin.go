package contact

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
)

const maxOrigin = 255

var errOrigin = fault.New(fault.Invalid, fault.InvalidValue, "must be an origin, such as https://www.example.com")

// ParseOrigin returns an origin as browsers write it in the header Origin: scheme and host in lower case, and the port unless it
// is the scheme's own, such as https://www.example.com. One slash at the end does not count. Errors are of
// kind invalid.
func ParseOrigin(s string) (string, error) {
	s = strings.TrimSuffix(strings.TrimSpace(s), "/")
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' { // browsers write the names of other alphabets in ASCII too
			return "", errOrigin
		}
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > maxOrigin {
		return "", errOrigin
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	own := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	plain := url.URL{Scheme: u.Scheme, Host: u.Host}
	if own == "" || u.Hostname() == "" || plain.String() != strings.ToLower(s) || strings.ContainsAny(u.Host, "*,") {
		return "", errOrigin
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return "", errOrigin
		}
		if port == own {
			plain.Host = strings.TrimSuffix(u.Host, ":"+port)
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return "", errOrigin
	}
	return plain.String(), nil
}
