package programhttp

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"

	"github.com/leadmill/leadmill/application/program"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

//go:embed pages
var pageFiles embed.FS

// pageStyle is the one style of all pages, written into each of them.
var pageStyle = func() string {
	b, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		panic(err)
	}
	return string(b)
}()

var (
	// pagePolicy lets a page load nothing, run nothing and be framed by nobody; its own style is named by its hash.
	pagePolicy = func() string {
		sum := sha256.Sum256([]byte(pageStyle))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	}()

	invitationHTML = parsePage("invitation")
	signInHTML     = parsePage("sign_in")
	portalHTML     = parsePage("portal")
	noticeHTML     = parsePage("notice")
)

func parsePage(name string) *template.Template {
	t := template.New(name).Funcs(template.FuncMap{"style": func() template.CSS { return template.CSS(pageStyle) }}) //nolint:gosec // ours
	return template.Must(t.ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html"))
}

// inPortal sets the headers of the partners' pages and refuses what another site sends in a partner's name.
func inPortal(do func(*httpport.Call)) func(*httpport.Call) {
	return func(k *httpport.Call) {
		header := k.Writer().Header()
		header.Set("Content-Security-Policy", pagePolicy)
		header.Set("Referrer-Policy", "no-referrer") // addresses of pages hold tokens
		if fromElsewhere(k) {
			notice(k, http.StatusForbidden, "This did not come from here", "Another site sent this request. Open the page here and try again.")
			return
		}
		do(k)
	}
}

var crossOriginProtection = http.NewCrossOriginProtection()

// fromElsewhere reports whether a page of another site made the browser send a form.
func fromElsewhere(k *httpport.Call) bool {
	r := k.Request()
	if r.Header.Get("Sec-Fetch-Site") == "" {
		switch origin := r.Header.Get("Origin"); {
		case k.IsOwnOrigin(origin):
			return false
		case origin == "null" && !k.Secure():
			// By plain http browsers do not say where a form comes from when its page, like ours, sends no referrer.
			return false
		}
	}
	return crossOriginProtection.Check(r) != nil
}

// page answers a page.
func page(k *httpport.Call, status int, t *template.Template, content any) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "page", content); err != nil {
		k.Fail(err)
		return
	}
	k.Send(status, "text/html; charset=utf-8", b.Bytes())
}

// notice answers a page that only says something.
func notice(k *httpport.Call, status int, title, text string) {
	page(k, status, noticeHTML, struct{ Title, Text string }{title, text})
}

// failPage answers an error with a page where a partner can do something about it.
func failPage(k *httpport.Call, err error) {
	e := fault.As(err)
	switch {
	case errors.Is(err, program.ErrTokenUnknown):
		notice(k, http.StatusNotFound, "This link is not valid any more",
			"It was used already or its time is over. Ask the program for a new one.")
	case e != nil && e.Kind == fault.RuleViolated:
		notice(k, http.StatusBadRequest, "This is not possible any more", e.Message)
	default:
		k.Fail(err)
	}
}
