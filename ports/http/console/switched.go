package consolehttp

import "net/http"

// sellerHeader says for which seller the page was made that asks for a part of itself.
const sellerHeader = "Leadmill-Seller"

// madeFor is the code of the seller for whose pages a request was made, as far as it says so: a form, a part of a page, or what follows an open page.
func (v *Visit) madeFor() string {
	if code := v.call.Request().Header.Get(sellerHeader); code != "" {
		return code
	}
	return v.Form.Value(sellerField)
}

// atAnotherSeller answers what was made for a seller while the pages of another one are open: nothing is done, and nothing of either is shown.
func (v *Visit) atAnotherSeller(code string) {
	if !v.isPart() {
		v.showSwitched(code, v.call.Request().URL.RequestURI(), v.keep())
		return
	}
	header := v.call.Writer().Header() // https://htmx.org/reference/#response_headers
	header.Set("HX-Retarget", "#switched")
	header.Set("HX-Reselect", "#switched-note")
	header.Set("HX-Reswap", "innerHTML")
	v.Show("switched_note", v.switched(code))
}

// isPart reports whether a page asks for a part of itself.
func (v *Visit) isPart() bool { return v.call.Request().Header.Get("HX-Request") != "" }

type switchedContent struct {
	*Visit

	Code, Former string // the seller for whom something was made; Former is empty for one that is none of the person's
	Kept, Home   string
}

func (v *Visit) switched(code string) switchedContent {
	content := switchedContent{Visit: v, Code: code, Home: consolePath}
	for _, s := range v.Person.Sellers {
		if s.Code == code {
			content.Former = s.Name
			if content.Former == "" {
				content.Former = code
			}
		}
	}
	return content
}

type ownSwitchedContent struct {
	*Portal

	Code, Former, Kept, Home string
}

// showSwitched says that a form was made for another seller than the one whose pages are open, and leads back to it with what was typed.
func (v *Visit) showSwitched(code, path, kept string) {
	c := v.switched(code)
	c.Kept = kept
	if isBelow(path, buyerPath) {
		v.show(http.StatusConflict, "own_switched", ownSwitchedContent{newPortal(v), c.Code, c.Former, c.Kept, c.Home})
		return
	}
	v.show(http.StatusConflict, "switched", c)
}
