package docshttp_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/application/contract/eventsv1"
	httpport "github.com/leadmill/leadmill/ports/http"
	docshttp "github.com/leadmill/leadmill/ports/http/docs"
	"github.com/leadmill/leadmill/tests/porttest"
)

// documents are the files of the repository.
var documents = docshttp.Documents{Files: os.DirFS("../../../docs"), Catalogue: catalogue}

// catalogue has a type of a team.
var catalogue = func() *eventsv1.Catalogue {
	c, err := eventsv1.NewCatalogue(eventsv1.Definition{
		Type: "x.acme.lead_scored.v1", Description: "A lead was scored <b>by</b> us.",
		Schema:  []byte(`{"type":"object","required":["score"],"properties":{"score":{"type":["integer","null"],"description":"The score."},"model":{"$ref":"#/x"}}}`),
		Example: []byte(`{"score":7}`),
	})
	if err != nil {
		panic(err)
	}
	return c
}()

func newApp(t testing.TB) *porttest.App {
	return porttest.New(t, func(*porttest.App) ([]httpport.Route, error) { return documents.Routes() })
}

// ask asks for a page without a key, and expects the headers that every page has.
func ask(t *testing.T, path string, header http.Header) (body string, answered http.Header) {
	t.Helper()
	w := newApp(t).Do(porttest.Request{Method: http.MethodGet, Path: path, Header: header})
	require.Equal(t, http.StatusOK, w.Code, path)
	return w.Body.String(), w.Header()
}

func TestRoom(t *testing.T) {
	t.Parallel()
	routes, err := documents.Routes()
	require.NoError(t, err)
	porttest.Room{New: newApp, Routes: routes, Fragments: "openapi.yaml"}.Check(t)
}

// What the pages load is theirs: no other server is named but in links and examples, and the policy lets none be asked.
func TestTheReferenceAsksThisServerOnly(t *testing.T) {
	t.Parallel()
	page, header := ask(t, "/docs", nil)
	assert.Equal(t, []string{"/docs/scalar.js", "/docs/reference.js"}, sources(page))
	policy := header.Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'; script-src 'self'; ")
	assert.Contains(t, policy, "connect-src 'self'; ")
	assert.NotContains(t, policy, "http")
	assert.NotContains(t, policy, "unsafe-eval")
	assert.NotRegexp(t, `(?i)<style|\son[a-z]+\s*=|style\s*=`, page)
	script, _ := ask(t, "/docs/reference.js", nil)
	assert.NotContains(t, script, "//cdn")
	assert.NotContains(t, script, "http")
	for _, url := range []string{"'/openapi.yaml'", "'/asyncapi.yaml'"} {
		assert.Contains(t, script, url)
	}
}

func sources(page string) (found []string) {
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(strings.Split(page, "<noscript>")[0]+strings.Split(page, "</noscript>")[1], -1) {
		found = append(found, m[1])
	}
	return found
}

func TestScalarIsKeptCompressed(t *testing.T) {
	t.Parallel()
	plain, header := ask(t, "/docs/scalar.js", nil)
	assert.Empty(t, header.Get("Content-Encoding"))
	version, err := os.ReadFile("scalar/VERSION")
	require.NoError(t, err)
	licence, err := os.ReadFile("scalar/LICENSE")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(plain, "/*! @scalar/api-reference "+string(version)+string(licence)+"*/\n"), "version and licence come first")
	for accepted, packed := range map[string]bool{
		"gzip": true, "br, GZIP;q=0.5": true, "deflate , gzip": true, "gzip; q=1": true,
		"gzip;q=0": false, "gzip; q=0.000": false, "br": false, "*": false, "x-gzip": false,
	} {
		body, header := ask(t, "/docs/scalar.js", http.Header{"Accept-Encoding": {accepted}})
		assert.Equal(t, "Accept-Encoding", header.Get("Vary"), accepted)
		assert.Equal(t, packed, header.Get("Content-Encoding") == "gzip", accepted)
		if packed {
			assert.Less(t, len(body), 1_400_000)
			r, err := gzip.NewReader(bytes.NewReader([]byte(body)))
			require.NoError(t, err)
			unpacked, err := io.ReadAll(r)
			require.NoError(t, err)
			body = string(unpacked)
		}
		assert.Equal(t, sha256.Sum256([]byte(plain)), sha256.Sum256([]byte(body)), accepted)
	}
}

func TestTheGuideForSuppliersIsAPage(t *testing.T) {
	t.Parallel()
	page, header := ask(t, "/docs/suppliers", nil)
	guide, err := os.ReadFile("../../../docs/suppliers.md")
	require.NoError(t, err)
	title, _, _ := strings.Cut(strings.TrimPrefix(string(guide), "# "), "\n")
	assert.Contains(t, page, "<title>"+title+"</title>")
	assert.Contains(t, page, `<a href="/docs/supplier-api">`)
	assert.Contains(t, page, "<td>yes</td>", "tables are tables")
	assert.Contains(t, page, "&lt;form method=&quot;post&quot;", "examples are shown, not run")
	assert.NotRegexp(t, `(?i)<(script|form|input|iframe|img|link)\b`, page)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	sum := sha256.Sum256([]byte(style[1]))
	assert.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	for _, m := range regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") && !strings.Contains(m[1], "://") {
			path, _, _ := strings.Cut(m[1], "#") // no browser sends what follows
			ask(t, path, nil)
		}
	}
}

// Every type is there, with when it happens, each of its members, its schema and an example: the golden file, or that of its module.
func TestAllEventsAreAPage(t *testing.T) {
	t.Parallel()
	page, header := ask(t, "/docs/events", nil)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	sum := sha256.Sum256([]byte(style[1]))
	assert.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	assert.NotRegexp(t, `(?i)<(script|form|input|iframe|img|link|b)\b`, page)
	sections := map[string]string{}
	for section := range strings.SplitSeq(page, `<h2 id="`) {
		name, text, _ := strings.Cut(section, `"`)
		sections[name] = html.UnescapeString(text)
	}
	assert.Len(t, sections, len(catalogue.Types())+1)
	for _, typ := range catalogue.Types() {
		definition, ok := catalogue.Definition(typ)
		require.True(t, ok, typ)
		section := sections[typ]
		assert.Contains(t, section, "<p>"+definition.Description+"</p>", typ)
		assert.Contains(t, section, `href="/schemas/`+typ+`.json"`, typ)
		blocks := regexp.MustCompile(`(?s)<pre><code>(.*?)</code></pre>`).FindAllStringSubmatch(section, -1)
		require.Len(t, blocks, 2, typ)
		example, ok := catalogue.Golden(typ)
		if !ok {
			example = definition.Example
		}
		assert.JSONEq(t, string(example), blocks[0][1], typ)
		assert.JSONEq(t, string(definition.Schema), blocks[1][1], typ)
		var schema struct{ Properties map[string]any }
		require.NoError(t, json.Unmarshal(definition.Schema, &schema))
		for member := range schema.Properties {
			assert.Contains(t, section, "<td><code>"+member+"</code></td>", typ)
		}
	}
	assert.Contains(t, sections["lead.sold.v1"], "<td><code>sales[].price</code></td><td>number</td><td></td><td>What the buyer pays, in currency.</td>")
	assert.Contains(t, sections["lead.sold.v1"], "<td><code>dimensions</code></td><td>object</td><td>may be absent</td>")
	assert.Contains(t, sections["x.acme.lead_scored.v1"], "<td><code>score</code></td><td>integer or null</td><td></td><td>The score.</td>")
}

func TestLinksBetweenPages(t *testing.T) {
	t.Parallel()
	routes, err := docshttp.Documents{Catalogue: catalogue, Files: fstest.MapFS{
		"suppliers.md": {Data: []byte("# A *guide* & more\n\n[one](errors.md#codes), [*two* `x`](marketplace.md#y), [three](https://example.com/a.md), [four](#here), [five](../README.md)\n\n" +
			"<b onclick=\"x\">raw</b>\n\n<script>alert(1)</script>\n\n[six](javascript:alert(1))\n\n## Here\n")},
		"supplier-api.md": {Data: []byte("no heading")}, "errors.md": {},
	}}.Routes()
	require.NoError(t, err)
	a := porttest.New(t, func(*porttest.App) ([]httpport.Route, error) { return routes, nil })
	page := a.Do(porttest.Request{Method: http.MethodGet, Path: "/docs/suppliers"}).Body.String()
	assert.Contains(t, page, `<a href="/docs/errors#codes">one</a>, <em>two</em> <code>x</code>, <a href="https://example.com/a.md">three</a>, <a href="#here">four</a>, five</p>`)
	assert.Contains(t, page, `<h2 id="here">`)
	assert.NotRegexp(t, `<script|<b |javascript:`, page)
	assert.Contains(t, a.Do(porttest.Request{Method: http.MethodGet, Path: "/docs/supplier-api"}).Body.String(), "<title>supplier-api</title>")

	_, err = docshttp.Documents{Catalogue: catalogue, Files: fstest.MapFS{"suppliers.md": {}}}.Routes()
	require.ErrorContains(t, err, "supplier-api.md")
}
