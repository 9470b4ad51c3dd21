package consolehttp

import (
	"bytes"
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	accountquery "github.com/leadmill/leadmill/application/account/query"
	marketquery "github.com/leadmill/leadmill/application/market/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// Visit is one request of somebody who is signed in. What is shown embeds it, so that templates reach its methods by $: $.Money, $.Time.
type Visit struct {
	application.Person

	// Nonce names the scripts of this answer.
	Nonce string
	// Form is what was posted, or what a form is filled with.
	Form *Form
	// Notice is what the person is told first, of what was done just now.
	Notice string

	// MadeAt is the position of the log's last event when the page began: what happened later, it is told of.
	MadeAt int64

	console  Console
	call     *httpport.Call
	page     Page
	settings *accountquery.Settings
	buyer    *marketquery.Buyer
	zone     *time.Location
}

// Ask sends a query.
func Ask[R any, Q application.Message](v *Visit, q Q) (R, error) {
	return application.Send[R](v.call.Context(), v.console.Operations, q)
}

// Do sends a command, unless something is wrong with the form that was posted: then it returns that.
func Do[R any, C application.Message](v *Visit, c C) (R, error) {
	if err := v.Form.Err(); err != nil {
		var none R
		return none, err
	}
	return application.Send[R](v.call.Context(), v.console.Operations, c)
}

// Once makes a command happen once for a form, however often the form is sent: pressed twice, or loaded again.
func Once[R any](v *Visit) application.Once[R] {
	key := v.Form.Value(onceField)
	if len(key) != base64.RawStdEncoding.EncodedLen(nonceBytes) {
		return application.Once[R]{}
	}
	values := maps.Clone(v.Form.values)
	values.Del(tokenField)
	return application.Once[R]{Key: "console:" + key, Fingerprint: v.call.Fingerprint([]byte(values.Encode()))}
}

// Once is what a form says that it is sent by, once.
func (*Visit) Once() string { return newNonce() }

// Context is that of the request.
func (v *Visit) Context() context.Context { return v.call.Context() }

// Who is as whom commands and queries are sent.
func (v *Visit) Who() application.Actor { return v.Person.Actor }

// Call is the request, for what Visit has no word for.
func (v *Visit) Call() *httpport.Call { return v.call }

// Param is a part of the path.
func (v *Visit) Param(name string) string { return v.call.Param(name) }

// Now is the time on the server's clock.
func (v *Visit) Now() time.Time { return v.call.Now() }

// May reports whether the person has a role, for buttons that are only shown to those who may press them.
func (v *Visit) May(role string) bool {
	for _, r := range []application.Role{application.Owner, application.Operator, application.Viewer} {
		if string(r) == role {
			return v.Person.Actor.Role.Includes(r)
		}
	}
	return false
}

// Settings are those of the seller.
func (v *Visit) Settings() (accountquery.Settings, error) {
	if v.settings == nil {
		s, err := Ask[accountquery.Settings](v, accountquery.SettingsOfSeller{Actor: v.Who()})
		if err != nil {
			return accountquery.Settings{}, err
		}
		v.settings = &s
	}
	return *v.settings, nil
}

// Zone is the seller's time zone; for people of a buyer that of the buyer, where it has one.
func (v *Visit) Zone() *time.Location {
	if v.zone == nil {
		v.zone = time.UTC
		if zone, err := calendar.ParseZone(v.zoneName()); err == nil {
			v.zone = zone
		}
	}
	return v.zone
}

func (v *Visit) zoneName() string {
	if v.OfBuyer() {
		if b, err := v.ownBuyer(); err == nil && b.TimeZone != "" {
			return b.TimeZone
		}
		return v.Person.Zone
	}
	s, err := v.Settings()
	if err != nil {
		return ""
	}
	return s.TimeZone
}

// OfBuyer reports whether the person is one of a buyer's people.
func (v *Visit) OfBuyer() bool { return v.Person.Actor.Role == application.Buyer }

// ownBuyer is the buyer of which the person is.
func (v *Visit) ownBuyer() (marketquery.Buyer, error) {
	if v.buyer == nil {
		b, err := Ask[marketquery.Buyer](v, marketquery.BuyerByID{Actor: v.Who(), ID: v.Who().BuyerID})
		if err != nil {
			return marketquery.Buyer{}, err
		}
		v.buyer = &b
	}
	return *v.buyer, nil
}

// Show answers a page: the template of that name, with content, a struct that embeds the *Visit.
func (v *Visit) Show(name string, content any) { v.show(http.StatusOK, name, content) }

// ShowAgain answers the page of a form with what is wrong with it beside the fields, and all that was typed. What is no fault of the
// form's is answered as Fail does.
func (v *Visit) ShowAgain(name string, content any, err error) {
	e := fault.As(err)
	if e == nil || !slices.Contains([]fault.Kind{fault.Invalid, fault.Conflict, fault.RuleViolated}, e.Kind) {
		v.Fail(err)
		return
	}
	v.Form.err = e
	status := http.StatusUnprocessableEntity
	switch {
	case isAgain(err):
		status = http.StatusOK
	case e.Kind == fault.Conflict:
		status = http.StatusConflict
	}
	v.show(status, name, content)
}

func (v *Visit) show(status int, name string, content any) {
	v.takeNotice()
	var b bytes.Buffer
	if err := render(&b, name, content); err != nil {
		v.call.Fail(err)
		return
	}
	v.call.Send(status, typeHTML, b.Bytes())
}

// Fail answers an error with a page. A button that was pressed by a session that is over has no form to show again: its page leads back to where
// the button is.
func (v *Visit) Fail(err error) {
	if isAgain(err) && isBelow(v.call.Request().URL.Path, consolePath) { // those of buyers and partners show their page again
		v.showPressAgain()
		return
	}
	v.call.Fail(err)
}

// noticeCookie keeps what is told on the next page.
const (
	noticeCookie  = "leadmill_notice"
	noticeSeconds = 60
)

// Done goes on to a page, which says what was done: a text without personal data.
func (v *Visit) Done(path, notice string) {
	if notice == "" {
		v.call.SeeOther(path)
		return
	}
	v.setCookie(noticeCookie, base64.RawURLEncoding.EncodeToString([]byte(notice)), noticeSeconds)
	v.call.SeeOther(path)
}

// takeNotice reads what the page before left, once.
func (v *Visit) takeNotice() {
	c, err := v.call.Request().Cookie(noticeCookie)
	if err != nil {
		return
	}
	v.setCookie(noticeCookie, "", -1)
	if text, err := base64.RawURLEncoding.DecodeString(c.Value); err == nil && len(text) < 500 && v.Notice == "" {
		v.Notice = strings.ToValidUTF8(string(text), "")
	}
}

// After ends the answer to a button: the error, or the next page with what was done.
func (v *Visit) After(err error, path, notice string) {
	if err != nil {
		v.Fail(err)
		return
	}
	v.Done(path, notice)
}

// Query is a parameter of the address; empty when there is none.
func (v *Visit) Query(name string) string {
	return strings.TrimSpace(v.call.Request().URL.Query().Get(name))
}

// Asked is what a list is asked for by: by the form, if one was posted, or else by the address. What may name a person is asked for by forms
// alone, so that it stands in no address.
func (v *Visit) Asked(name string) string {
	if v.Form.posted {
		return v.Form.Text(name)
	}
	return v.Query(name)
}

// Posted reports whether a form asked for the page: then its address is not all that was asked for.
func (v *Visit) Posted() bool { return v.Form.posted }

// Asking is a button that sends a form again, for what else there is of what it asked for.
type Asking struct {
	*Visit

	Action, Button string
	File           bool // what is answered is saved, and the page stays
	Fields         []KeptField
}

// AskAgain is the button that asks for what is behind a place of a list that a form asked for; or, without a place, for all of it as a file.
func (v *Visit) AskAgain(action, button, after string) Asking {
	a := Asking{Visit: v, Action: action, Button: button, File: after == ""}
	for _, name := range slices.Sorted(maps.Keys(v.Form.values)) {
		if !strings.HasPrefix(name, "_") && name != "after" {
			a.Fields = append(a.Fields, KeptField{name, v.Form.Text(name)})
		}
	}
	if after != "" {
		a.Fields = append(a.Fields, KeptField{"after", application.EncodeCursor(after)})
	}
	return a
}

// Here is the page's address.
func (v *Visit) Here() string { return v.With() }

// With returns the page's address with some parameters changed: names and values in turn, an empty value removes one.
func (v *Visit) With(pairs ...string) string {
	values := maps.Clone(v.call.Request().URL.Query())
	if values == nil {
		values = url.Values{}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			values.Del(pairs[i])
			continue
		}
		values.Set(pairs[i], pairs[i+1])
	}
	path := v.call.Request().URL.EscapedPath()
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// defaultRows is how many rows a list shows.
const defaultRows = 50

// Paged is the page of a list that the address asks for. Errors: a cursor that is none of this list's.
func (v *Visit) Paged() (application.Page, error) {
	p := application.Page{Limit: defaultRows, Number: 1}
	if cursor := v.Asked("after"); cursor != "" {
		key, err := application.DecodeCursor(cursor)
		if err != nil {
			return p, err
		}
		p.After = key
	}
	return p, nil
}

// More returns the address of the next page of a list; empty on the last.
func (v *Visit) More(next string) string {
	if next == "" {
		return ""
	}
	return v.With("after", application.EncodeCursor(next))
}

// Newest is the address of the first page of a list; empty when it is open.
func (v *Visit) Newest() string {
	if v.Query("after") == "" {
		return ""
	}
	return v.With("after", "")
}

// shortID is how much of the end of an id is shown where many are.
const shortID = 10

// Short is what tells an id from others of a page.
func (*Visit) Short(id string) string {
	if len(id) <= shortID {
		return id
	}
	return "…" + id[len(id)-shortID:]
}

// Currency is the seller's.
func (v *Visit) Currency() money.Currency { return v.Person.Actor.Currency }

// SellerName is the name of the seller whose pages are open.
func (v *Visit) SellerName() string {
	for _, s := range v.Person.Sellers {
		if s.Code == v.Person.Actor.SellerCode && s.Name != "" {
			return s.Name
		}
	}
	return v.Person.Actor.SellerCode
}

// RoleName is what the person is called, such as Owner.
func (v *Visit) RoleName() string { return newStatus(string(v.Person.Actor.Role)).Word }

// NavItem is a page that the navigation leads to.
type NavItem struct {
	Name, Path string
	Current    bool
}

// Nav are the pages that the navigation leads to, for this person.
func (v *Visit) Nav() []NavItem {
	if v.OfBuyer() {
		return []NavItem{{Name: "Back to the leads", Path: buyerPath}}
	}
	var items []NavItem
	for _, p := range navPages() {
		if v.Person.Actor.Role.Includes(p.Needs) {
			items = append(items, NavItem{Name: p.Nav, Path: p.Path, Current: p.Nav == v.NavName()})
		}
	}
	return items
}

// NavName is what the navigation calls the page that is open, or the one that it is below.
func (v *Visit) NavName() string {
	best := Page{}
	for _, p := range navPages() {
		if (v.page.Path == p.Path || strings.HasPrefix(v.page.Path, p.Path+"/")) && len(p.Path) > len(best.Path) {
			best = p
		}
	}
	return best.Nav
}

// navPages are the pages in the navigation. The list is made once: a page's handler asks for it.
var navPages = sync.OnceValue(func() []Page {
	return slices.DeleteFunc(Pages(), func(p Page) bool { return p.Nav == "" })
})
