package seller

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
)

const (
	maxOrigins = 20
	maxOrigin  = 255
)

// ParseOrigin returns the origin of web pages in the form in which browsers send it: scheme, host in lower case, and the port unless
// it is the scheme's own, such as https://shop.example or http://localhost:3000. A slash at the end is left out. ok is false for what
// is no http or https origin, such as an address with a path, a wildcard, or a host that is not in ASCII.
func ParseOrigin(s string) (origin string, ok bool) {
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	if err != nil || len(s) > maxOrigin || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(s, "#") {
		return "", false
	}
	standard, ok := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if !ok || !isHost(host) || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || port == standard {
		return u.Scheme + "://" + host, true
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return "", false
	}
	return u.Scheme + "://" + host + ":" + port, true
}

// isHost reports whether s is made of what names and addresses of hosts are made of.
func isHost(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-._:", r)
	})
}

// parseOrigins returns the origins of a list, each once.
func parseOrigins(list []string, v *fault.Violations) (origins []string) {
	switch {
	case len(list) == 0:
		v.Add("origins", fault.Required, "are required for a site key: where its pages are, such as https://shop.example")
	case len(list) > maxOrigins:
		v.Add("origins", fault.InvalidValue, "must be at most 20")
	}
	for _, s := range list {
		origin, ok := ParseOrigin(s)
		if !ok {
			v.Add("origins", fault.InvalidValue, "must be origins of web pages, such as https://shop.example, without a path")
			break
		}
		if !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}
