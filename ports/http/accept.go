package httpport

import (
	"strconv"
	"strings"
)

// The types of answers that a client can choose among by Accept.
const (
	TypeJSON = "application/json"
	TypeCSV  = "text/csv"
	TypeHTML = "text/html"
)

// Prefers returns the type that the request's Accept header likes best among some, which begin with what is answered when it says nothing of them
// (https://www.rfc-editor.org/rfc/rfc9110#name-accept). The answer tells caches that it depends on that header.
func (k *Call) Prefers(types ...string) string {
	k.Writer().Header().Set("Vary", "Accept")
	best, most := types[0], 0.0
	for _, t := range types {
		if q := quality(k.gin.Request.Header.Values("Accept"), t); q > most {
			best, most = t, q
		}
	}
	return best
}

// quality returns how much a client likes a type: what names it exactly says so, and else a range that it is in, which is never liked better than
// any type that was named.
func quality(accept []string, t string) float64 {
	exact, wide := -1.0, 0.0
	family, _, _ := strings.Cut(t, "/")
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, parameters, _ := strings.Cut(part, ";")
		q := 1.0
		for p := range strings.SplitSeq(parameters, ";") {
			if key, value, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(strings.TrimSpace(key), "q") {
				if n, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && n >= 0 && n <= 1 {
					q = n
				}
			}
		}
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case t:
			exact = max(exact, q)
		case "*/*", family + "/*":
			wide = max(wide, q/1000)
		}
	}
	if exact >= 0 {
		return exact
	}
	return wide
}
