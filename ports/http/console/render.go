package consolehttp

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"path"
	"reflect"
	"strings"
	"sync"
)

//go:embed *.html design/*.html
var templateFiles embed.FS

// functions are what templates can do beside the methods of what is shown.
var functions = template.FuncMap{
	"asset":  assetURL,
	"status": newStatus,
	"share":  share,
	"list":   func(items ...any) []any { return items },
	"dict":   dict,

	"options": options,
}

// dict makes a map of names and values in turn, for templates that take more than one value.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict has a name without a value: %v", pairs[len(pairs)-1])
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// shared parses what all pages share.
func shared() *template.Template {
	return template.Must(template.New("console").Funcs(functions).ParseFS(templateFiles, "design/*.html"))
}

// errorTemplate shows errors.
var errorTemplate = sync.OnceValue(shared)

// pageTemplates are the templates of the pages, by the name of their file.
var pageTemplates = sync.OnceValue(func() map[string]*template.Template {
	names, err := templateFiles.ReadDir(".")
	if err != nil {
		panic(err)
	}
	common := shared()
	pages := map[string]*template.Template{}
	for _, entry := range names {
		if name, is := strings.CutSuffix(path.Base(entry.Name()), ".html"); is {
			pages[name] = template.Must(template.Must(common.Clone()).ParseFS(templateFiles, entry.Name()))
		}
	}
	return pages
})

// render writes a page: what its template says, inside the layout that it names, which is that of the console unless it defines another.
func render(w io.Writer, name string, content any) error {
	t := pageTemplates()[name]
	if t == nil {
		return fmt.Errorf("there is no template %s.html", name)
	}
	if reflect.Indirect(reflect.ValueOf(content)).FieldByName("Visit").Kind() != reflect.Pointer {
		return fmt.Errorf("what %s.html shows does not embed the *Visit", name)
	}
	if err := t.ExecuteTemplate(w, "page", content); err != nil {
		return fmt.Errorf("show %s.html: %w", name, err)
	}
	return nil
}

// options makes the values that a field can have of values and labels in turn.
func options(pairs ...string) []Option {
	var all []Option
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, Option{Value: pairs[i], Label: pairs[i+1]})
	}
	return all
}
