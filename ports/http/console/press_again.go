package consolehttp

import (
	"net/http"
	"strings"
)

type pressAgainContent struct {
	*Visit

	Back string
}

// showPressAgain says that a button did nothing, and leads to the page that has it: the person looks at what it is now, and presses it again.
func (v *Visit) showPressAgain() {
	v.show(http.StatusConflict, "press_again", pressAgainContent{v, pageAbove(v.call.Request().URL.Path)})
}

// pageAbove is the nearest page to look at that an address is of or below.
func pageAbove(path string) string {
	for at := path; strings.Count(at, "/") > 1; at = at[:strings.LastIndex(at, "/")] {
		for _, p := range Pages() {
			if p.Method == http.MethodGet && !p.Download && isOf(at, p.Path) {
				return at
			}
		}
	}
	return consolePath
}

// isOf reports whether an address is one of a pattern.
func isOf(path, pattern string) bool {
	parts, wanted := strings.Split(path, "/"), strings.Split(pattern, "/")
	if len(parts) != len(wanted) {
		return false
	}
	for i, w := range wanted {
		if !strings.HasPrefix(w, ":") && w != parts[i] || parts[i] == "" && i > 0 {
			return false
		}
	}
	return true
}
