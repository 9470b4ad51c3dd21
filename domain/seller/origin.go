package seller

import (
	"slices"
	"strconv"

	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/fault"
)

const maxOrigins = 20

// parseOrigins checks the origins of a form or site key, and drops those that come twice.
func parseOrigins(list []string, v *fault.Violations) []string {
	if len(list) == 0 {
		v.Add("origins", fault.Required, "is required for this key: the origins of the pages that may use it")
	}
	if len(list) > maxOrigins {
		v.Add("origins", fault.InvalidValue, "must have at most 20 origins")
	}
	var origins []string
	for i, s := range list {
		origin, err := contact.ParseOrigin(s)
		v.AddErr("origins."+strconv.Itoa(i), err)
		if err == nil && !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}
