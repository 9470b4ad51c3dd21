package sandbox

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
)

// maxOnPage is how many arrivals the page shows.
const maxOnPage = 100

//go:embed page.html
var pageText string

//go:embed page.css
var style string

var (
	pageTemplate = template.Must(template.New("page").Parse(pageText))
	// policy lets the page do nothing but look as it does.
	policy = func() string {
		sum := sha256.Sum256([]byte(style))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	}()
)

// shownPath is a path and what it does.
type shownPath struct{ Path, Does string }

var shownPaths = func() (list []shownPath) {
	for _, path := range slices.Sorted(maps.Keys(plays)) {
		list = append(list, shownPath{path, plays[path].does})
	}
	return list
}()

// Arrivals is what arrived, the newest first.
type Arrivals struct {
	Count    int       `json:"count"`    // all that arrived, those that are forgotten too
	Repeated int       `json:"repeated"` // of these, those whose id had come before
	Arrivals []Arrival `json:"arrivals"`
}

func (b *Buyer) snapshot(most int) Arrivals {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Arrivals{Count: b.arrivals.count, Repeated: b.arrivals.repeated, Arrivals: []Arrival{}}
	for _, a := range slices.Backward(b.arrivals.list) {
		if len(s.Arrivals) == most {
			break
		}
		s.Arrivals = append(s.Arrivals, *a)
	}
	return s
}

func (b *Buyer) list(w http.ResponseWriter, _ *http.Request) {
	text, err := json.Marshal(b.snapshot(maxArrivals))
	if err != nil { // which its times alone could cause
		http.Error(w, "the arrivals cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // whoever asked may be gone
}

func (b *Buyer) forget(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	b.arrivals.forget()
	b.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (b *Buyer) page(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	_ = pageTemplate.Execute(w, struct { // whoever asked may be gone
		Arrivals

		Style    template.CSS
		Paths    []shownPath
		Verifies bool
		Most     int
	}{b.snapshot(maxOnPage), template.CSS(style), shownPaths, b.config.Verify != nil, maxOnPage}) //nolint:gosec // our own
}
