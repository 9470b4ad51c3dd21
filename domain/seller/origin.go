package seller

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
)

const (
	maxOrigins      = 20
	maxOriginLength = 255
)

// ParseOrigin returns an origin as browsers write it in the header Origin: scheme and host in lower case, and the port unless it
// is the scheme's own, such as https://www.example.com. One slash at the end does not count. It returns an error of kind invalid.
func ParseOrigin(s string) (string, error) {
	bad := fault.New(fault.Invalid, fault.InvalidValue, "must be an origin, such as https://www.example.com")
	s = strings.TrimSuffix(strings.TrimSpace(s), "/")
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' { // browsers write the names of other alphabets in ASCII too
			return "", bad
		}
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > maxOriginLength {
		return "", bad
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	own := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	plain := url.URL{Scheme: u.Scheme, Host: u.Host}
	if own == "" || u.Hostname() == "" || plain.String() != strings.ToLower(s) || strings.ContainsAny(u.Host, "*,") {
		return "", bad
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", bad
		}
		if port == own {
			plain.Host = strings.TrimSuffix(u.Host, ":"+port)
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return "", bad
	}
	return plain.String(), nil
}

// parseOrigins checks the origins of a form key, and drops those that come twice.
func parseOrigins(list []string, v *fault.Violations) []string {
	if len(list) == 0 {
		v.Add("origins", fault.Required, "is required for a form key: the origins of the pages that post with it")
	}
	if len(list) > maxOrigins {
		v.Add("origins", fault.InvalidValue, "must have at most 20 origins")
	}
	var origins []string
	for i, s := range list {
		origin, err := ParseOrigin(s)
		v.AddErr("origins."+strconv.Itoa(i), err)
		if err == nil && !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}
