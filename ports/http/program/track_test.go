package programhttp

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"

	"github.com/leadmill/leadmill/tests/porttest"
)

func TestTrackScript(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	newApp(t).Server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/track.js", nil))
	if w.Code != http.StatusOK || w.Body.String() != string(trackJS) {
		t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
	}
	for name, want := range map[string]string{
		"Content-Type":                 "text/javascript; charset=utf-8",
		"Content-Length":               strconv.Itoa(len(trackJS)),
		"Cache-Control":                "public, max-age=3600",
		"Cross-Origin-Resource-Policy": "cross-origin",
		"X-Content-Type-Options":       "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// Sellers load the script into every page they have: it stays small, readable by old browsers and harmless to a strict
// Content-Security-Policy. What it does is tested in a browser (tests/browser).
func TestTrackScriptIsPlain(t *testing.T) {
	t.Parallel()
	if len(trackJS) >= 8000 {
		t.Errorf("%d bytes are too many", len(trackJS))
	}
	code := regexp.MustCompile(`(?m)//.*$|/\*.*?\*/`).ReplaceAll(trackJS, nil)
	newer := regexp.MustCompile("=>|`|\\?\\.|\\?\\?|\\b(let|const|class|async|await|import|export|of)\\b")
	if found := newer.Find(code); found != nil {
		t.Errorf("%q is not in ECMAScript 5", found)
	}
	refused := regexp.MustCompile(`\beval\b|\bFunction\b|innerHTML|outerHTML|document\.write|\.style\b|XMLHttpRequest|sendBeacon|setTimeout`)
	if found := refused.Find(code); found != nil {
		t.Errorf("%q has no place in it", found)
	}
}

func TestTrackScriptRoute(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/track.js", "/js/universal.js?v1732233445"} {
		if w := newApp(t).Do(porttest.Request{Method: "GET", Path: path}); w.Code != http.StatusOK || w.Body.String() != string(trackJS) {
			t.Errorf("%s: %d, %d bytes", path, w.Code, w.Body.Len())
		}
	}
}
