package consolehttp

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// signInPages are the pages for who is not signed in.
func signInPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: signInPath, Handle: signInPage},
	}
}

type signInContent struct {
	*Visit

	Next string
	Kept string
}

func signInPage(v *Visit) {
	v.Show("sign_in", signInContent{Visit: v, Next: ownPath(v.Query("next"))})
}

// keptForm is a form that was sent when nobody was signed in any more.
type keptForm struct {
	Path   string     `json:"path"`
	Values url.Values `json:"values"`
}

// signInAgain asks whoever sent a form to sign in, with the form kept in the page: the server has it nowhere.
func (v *Visit) signInAgain() {
	v.show(http.StatusUnauthorized, "sign_in", signInContent{Visit: v, Next: consolePath, Kept: v.keep()})
}

// keep writes a form that was posted as a text, without what nobody shall read.
func (v *Visit) keep() string { return v.keepAt(v.call.Request().URL.RequestURI()) }

func (v *Visit) keepAt(path string) string {
	values := url.Values{}
	for name, given := range v.Form.values {
		if !strings.HasPrefix(name, "_") && !strings.Contains(strings.ToLower(name), "password") {
			values[name] = given
		}
	}
	b, err := json.Marshal(keptForm{Path: path, Values: values})
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// keptFormOf reads what keep wrote. What is no form of the console's is none.
func keptFormOf(text string) (keptForm, bool) {
	var f keptForm
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 || json.Unmarshal(b, &f) != nil || ownPath(f.Path) != f.Path || f.Path == consolePath {
		return keptForm{}, false
	}
	return f, true
}

// KeptField is a field of a form that goes on.
type KeptField struct{ Name, Value string }

type keptContent struct {
	*Visit

	Action string
	Fields []KeptField
}

// goOn leads to the page that somebody wanted before signing in, or back to the form that they were filling in.
func (v *Visit) goOn(next, kept string) {
	f, is := keptFormOf(kept)
	if !is {
		v.call.SeeOther(ownPath(next))
		return
	}
	content := keptContent{Visit: v, Action: f.Path}
	var names []string
	for name := range f.Values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range f.Values[name] {
			content.Fields = append(content.Fields, KeptField{name, value})
		}
	}
	v.Show("sign_in_kept", content)
}
