package seller

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
)

const (
	maxOrigins = 20
	maxOrigin  = 255
)

var originPattern = regexp.MustCompile(`^(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?/?$`)

// ParseOrigin returns the origin of web pages in the form in which browsers send it: scheme, host in lower case, and the port unless
// it is the scheme's own, such as https://shop.example or http://localhost:3000. A slash at the end is left out. ok is false for what
// is no http or https origin, such as an address with a path, a wildcard, or a host that is not in ASCII.
func ParseOrigin(s string) (origin string, ok bool) {
	part := originPattern.FindStringSubmatch(strings.ToLower(s))
	if part == nil || len(s) > maxOrigin {
		return "", false
	}
	scheme, host, port := part[1], part[2], part[3]
	if n, _ := strconv.Atoi(port); n > 65535 {
		return "", false
	}
	if port == "" || port == map[string]string{"http": "80", "https": "443"}[scheme] {
		return scheme + "://" + host, true
	}
	return scheme + "://" + host + ":" + port, true
}

// parseOrigins returns the origins of a list, each once, with spaces between.
func parseOrigins(list []string, v *fault.Violations) string {
	switch {
	case len(list) == 0:
		v.Add("origins", fault.Required, "are required for a site key: where its pages are, such as https://shop.example")
	case len(list) > maxOrigins:
		v.Add("origins", fault.InvalidValue, "must be at most 20")
	}
	var origins []string
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
	return strings.Join(origins, " ")
}
