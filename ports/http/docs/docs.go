// Package docshttp shows the documentation in the browser: the reference of the API and of the events, and pages for suppliers.
// Everything comes from this server, so that it works where there is no other network.
//
// Stability: unsupported; it may change at any time.
package docshttp

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	httpport "github.com/leadmill/leadmill/ports/http"
)

//go:embed pages
var files embed.FS

// scalar is the Scalar API reference with its licence, compressed by gzip; see scalar/VERSION and scripts/scalar.sh.
//
//go:embed scalar/scalar.js.gz
var scalar []byte

// Documents are the pages of the documentation that are shown, written in Markdown: each is at /docs/<name>.
type Documents struct {
	// Files has <name>.md of each page.
	Files fs.FS
	// Catalogue has the types of events, which are shown at /docs/events.
	Catalogue *eventsv1.Catalogue
}

// names are the pages that are for those who use an installation, not for those who run one.
var names = []string{"suppliers", "supplier-api", "errors"}

const (
	html       = "text/html; charset=utf-8"
	javascript = "text/javascript; charset=utf-8"
)

// Routes returns the routes of the documentation. The error names a page that cannot be shown.
func (d Documents) Routes() ([]httpport.Route, error) {
	routes := []httpport.Route{
		get("/docs", withPolicy(referencePolicy, "pages/reference.html", html)),
		get("/docs/reference.js", withPolicy("default-src 'none'", "pages/reference.js", javascript)),
		get("/docs/scalar.js", sendScalar),
	}
	style, err := files.ReadFile("pages/page.css")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		body, err := d.page(name, string(style))
		if err != nil {
			return nil, fmt.Errorf("docshttp: %s.md: %w", name, err)
		}
		policy := pagePolicy(style)
		routes = append(routes, get("/docs/"+name, func(k *httpport.Call) { send(k, policy, html, body) }))
	}
	body, err := d.events(string(style))
	if err != nil {
		return nil, fmt.Errorf("docshttp: %w", err)
	}
	return append(routes, get("/docs/events", func(k *httpport.Call) { send(k, pagePolicy(style), html, body) })), nil
}

func get(path string, handle func(*httpport.Call)) httpport.Route {
	return httpport.Route{Method: http.MethodGet, Path: path, Needs: application.Visitor, Handle: handle}
}

// referencePolicy lets the reference talk to this server only. It writes its own style elements.
const referencePolicy = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; " +
	"font-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

// pagePolicy lets a page load nothing and run nothing; its own style is named by its hash.
func pagePolicy(style []byte) string {
	sum := sha256.Sum256(style)
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
}

func withPolicy(policy, file, contentType string) func(*httpport.Call) {
	return func(k *httpport.Call) {
		body, err := files.ReadFile(file)
		if err != nil {
			k.Fail(err)
			return
		}
		send(k, policy, contentType, body)
	}
}

func send(k *httpport.Call, policy, contentType string, body []byte) {
	header := k.Writer().Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "same-origin")
	k.Send(http.StatusOK, contentType, body)
}

// sendScalar answers the script compressed, as it is kept, and as text to the few who cannot read that.
func sendScalar(k *httpport.Call) {
	header := k.Writer().Header()
	header.Set("Cache-Control", "public, max-age=3600")
	header.Set("Vary", "Accept-Encoding")
	if readsGzip(k.Request().Header.Values("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
		k.Send(http.StatusOK, javascript, scalar)
		return
	}
	script, err := scalarText()
	if err != nil {
		k.Fail(err)
		return
	}
	k.Send(http.StatusOK, javascript, script)
}

// readsGzip reports whether a client names gzip among the encodings it takes, and not with the quality 0.
func readsGzip(accepted []string) bool {
	for encoding := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		name, parameters, _ := strings.Cut(encoding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			_, quality, given := strings.Cut(parameters, "=")
			return !given || strings.Trim(quality, " 0.") != ""
		}
	}
	return false
}

// scalarText unpacks the script, once.
var scalarText = sync.OnceValues(func() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(scalar))
	if err != nil {
		return nil, fmt.Errorf("docshttp: %w", err)
	}
	return io.ReadAll(r)
})

// pageHTML is the frame of a page.
var pageHTML = template.Must(template.ParseFS(files, "pages/page.html"))

// page returns a page of the documentation. HTML in its text is left out.
func (d Documents) page(name, style string) ([]byte, error) {
	source, err := fs.ReadFile(d.Files, name+".md")
	if err != nil {
		return nil, err
	}
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	document := markdown.Parser().Parse(text.NewReader(source))
	title := name
	if first, ok := document.FirstChild().(*ast.Heading); ok {
		title = string(first.Lines().Value(source))
	}
	if err := relink(document); err != nil {
		return nil, err
	}
	var content, whole bytes.Buffer
	if err := markdown.Renderer().Render(&content, source, document); err != nil {
		return nil, err
	}
	err = frame(&whole, title, style, content.String())
	return whole.Bytes(), err
}

// frame writes a page around its content, which is HTML.
func frame(whole io.Writer, title, style, content string) error {
	return pageHTML.Execute(whole, struct {
		Title   string
		Style   template.CSS
		Content template.HTML
	}{title, template.CSS(style), template.HTML(content)}) //nolint:gosec // ours
}

// relink lets links between files of the documentation lead to the pages that are shown. What a link to another file says stays,
// as text.
func relink(document ast.Node) error {
	var elsewhere []*ast.Link
	err := ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		link, ok := n.(*ast.Link)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		file, fragment, _ := strings.Cut(string(link.Destination), "#")
		switch page, isFile := strings.CutSuffix(file, ".md"); {
		case file == "" || strings.Contains(file, "://"):
		case isFile && slices.Contains(names, page):
			link.Destination = []byte("/docs/" + page)
			if fragment != "" {
				link.Destination = append(link.Destination, "#"+fragment...)
			}
		default:
			elsewhere = append(elsewhere, link)
		}
		return ast.WalkContinue, nil
	})
	for _, link := range elsewhere {
		parent := link.Parent()
		for inner := link.FirstChild(); inner != nil; inner = link.FirstChild() {
			parent.InsertBefore(parent, link, inner)
		}
		parent.RemoveChild(parent, link)
	}
	return err
}
