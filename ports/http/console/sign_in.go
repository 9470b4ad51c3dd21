package consolehttp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"

	"github.com/leadmill/leadmill/domain/fault"
)

// The paths of the links that are sent to people.
const (
	joinPath   = "/join"
	resetPath  = "/reset"
	forgotPath = "/forgot"
)

// codePath is where the second factor is asked for.
const codePath = signInPath + "/code"

// signInPages are the pages for who is not signed in.
func signInPages() []Page {
	return []Page{
		{Method: http.MethodGet, Path: signInPath, Handle: signInPage},
		{Method: http.MethodPost, Path: signInPath, Handle: signIn},
		{Method: http.MethodPost, Path: providerPath, Handle: goToProvider},
		{Method: http.MethodGet, Path: providerPath + "/callback", Handle: backFromProvider},
		{Method: http.MethodGet, Path: codePath, Handle: codePage},
		{Method: http.MethodPost, Path: codePath, Handle: confirmCode},
		{Method: http.MethodGet, Path: signInPath + "/:token", Handle: linkPage(accountquery.SignInLink, "sign_in_link")},
		{Method: http.MethodPost, Path: signInPath + "/:token", Handle: signInByLink},
		{Method: http.MethodPost, Path: "/sign-out", Handle: signOut},
		{Method: http.MethodGet, Path: joinPath + "/:token", Handle: joinPage},
		{Method: http.MethodPost, Path: joinPath + "/:token", Handle: join},
		{Method: http.MethodGet, Path: forgotPath, Handle: forgotPage},
		{Method: http.MethodPost, Path: forgotPath, Handle: forgot},
		{Method: http.MethodGet, Path: resetPath + "/:token", Handle: linkPage(accountquery.ResetLink, "reset")},
		{Method: http.MethodPost, Path: resetPath + "/:token", Handle: reset},
	}
}

type signInContent struct {
	*Visit

	Next string
	Kept string
	Sent bool // a mail is on its way, if there is anybody to send it to
	Link accountquery.PersonLinkView
	As   string // the email of who is signed in while an invitation of somebody else is open
}

// browser is what is kept of where somebody signs in.
func (v *Visit) browser() accountcommand.Browser {
	return accountcommand.Browser{Address: v.call.Address(), Agent: v.call.Request().UserAgent()}
}

func signInPage(v *Visit) {
	v.Show("sign_in", signInContent{Visit: v, Next: nextPath(v.Query("next"))})
}

func signIn(v *Visit) {
	content := signInContent{Visit: v, Next: nextPath(v.Form.Text("next")), Kept: v.Form.Value(keptField)}
	s, err := Do[accountcommand.SignedIn](v, accountcommand.SignIn{Email: v.Form.Text("email"), Password: v.Form.Value("password"), Former: v.cookie(), Browser: v.browser()})
	if v.tryAgain("sign_in", content, err) {
		return
	}
	v.signedIn(s, err, content.Next, content.Kept)
}

// statusOfTry are the statuses of tries to sign in that failed, after which there may be another.
var statusOfTry = map[fault.Kind]int{
	fault.Unauthenticated: http.StatusUnauthorized, fault.TooMany: http.StatusTooManyRequests,
	fault.Invalid: http.StatusUnprocessableEntity, fault.RuleViolated: http.StatusUnprocessableEntity,
}

// tryAgain shows a form again with why it signed nobody in, unless another try is of no use.
func (v *Visit) tryAgain(template string, content signInContent, err error) bool {
	e := fault.As(err)
	if e == nil || statusOfTry[e.Kind] == 0 {
		return false
	}
	v.Form.err = e
	v.show(statusOfTry[e.Kind], template, content)
	return true
}

// signedIn keeps a session in the browser and goes on, to the second factor first where there is one.
func (v *Visit) signedIn(s accountcommand.SignedIn, err error, next, kept string) {
	if err == nil {
		v.keepSession(s)
		if s.SecondFactor {
			v.Form = &Form{values: url.Values{}}
			v.Show("sign_in_code", signInContent{Visit: v, Next: nextPath(next), Kept: kept})
			return
		}
		v.Person, err = v.console.Sessions.PersonOf(v.Context(), s.Cookie)
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.goOn(next, kept)
}

func codePage(v *Visit) {
	v.Show("sign_in_code", signInContent{Visit: v, Next: nextPath(v.Query("next"))})
}

// confirmCode takes the second factor, and goes on to where the person wanted to.
func confirmCode(v *Visit) {
	content := signInContent{Visit: v, Next: nextPath(v.Form.Text("next")), Kept: v.Form.Value(keptField)}
	s, err := Do[accountcommand.SignedIn](v, accountcommand.ConfirmSignIn{Cookie: v.cookie(), Code: v.Form.Text("code"), Browser: v.browser()})
	template := "sign_in_code"
	if fault.KindOf(err) == fault.Unauthenticated {
		template = "sign_in" // it took too long
	}
	if v.tryAgain(template, content, err) {
		return
	}
	v.signedIn(s, err, content.Next, content.Kept)
}

// keepSession keeps a session in the browser, for as long as it may last.
func (v *Visit) keepSession(s accountcommand.SignedIn) {
	v.setCookie(v.cookieName(), s.Cookie, int(s.ExpiresAt.Sub(v.Now())/time.Second))
}

// linkPage shows whom a link is for, with a form. It does not use the link up: browsers fetch links ahead, and programs that look into mails
// and messages open them too.
func linkPage(kind, template string) func(*Visit) {
	return func(v *Visit) {
		link, err := Ask[accountquery.PersonLinkView](v, accountquery.PersonLink{Token: v.Param("token"), Kind: kind})
		if err != nil {
			v.Fail(err)
			return
		}
		v.Form.Fill("name", link.Name)
		v.Show(template, signInContent{Visit: v, Link: link})
	}
}

func signInByLink(v *Visit) {
	s, err := Do[accountcommand.SignedIn](v, accountcommand.SignInByToken{Token: v.Param("token"), Former: v.cookie(), Browser: v.browser()})
	v.signedIn(s, err, consolePath, "")
}

func signOut(v *Visit) {
	_, err := Do[struct{}](v, accountcommand.SignOut{Cookie: v.cookie()})
	if err != nil {
		v.Fail(err)
		return
	}
	v.setCookie(v.cookieName(), "", -1)
	v.call.SeeOther(signInPath)
}

// joinPage shows an invitation. Whoever signs in already accepts it signed in, and signs in first.
func joinPage(v *Visit) {
	link, err := Ask[accountquery.PersonLinkView](v, accountquery.PersonLink{Token: v.Param("token"), Kind: accountquery.InvitationLink})
	if err != nil {
		v.Fail(err)
		return
	}
	if !link.NeedsSession {
		v.Form.Fill("name", link.Name)
		v.Show("join", signInContent{Visit: v, Link: link})
		return
	}
	switch person, err := v.console.Sessions.PersonOf(v.Context(), v.cookie()); {
	case err != nil && fault.KindOf(err) != fault.Unauthenticated:
		v.Fail(err)
	case err == nil && person.ID == link.PersonID:
		v.Show("join", signInContent{Visit: v, Link: link})
	default:
		v.signInToJoin(http.StatusOK, link, person.Email)
	}
}

// signInToJoin asks who was invited to sign in, and to come back to the invitation. as is the email of somebody else who is signed in here.
func (v *Visit) signInToJoin(status int, link accountquery.PersonLinkView, as string) {
	v.Form = &Form{values: url.Values{"email": {link.Email}}}
	v.show(status, "sign_in", signInContent{Visit: v, Next: joinPath + "/" + v.Param("token"), Link: link, As: as})
}

// join makes who was invited one of the seller's people.
func join(v *Visit) {
	link, err := Ask[accountquery.PersonLinkView](v, accountquery.PersonLink{Token: v.Param("token"), Kind: accountquery.InvitationLink})
	if err != nil {
		v.Fail(err)
		return
	}
	s, err := Do[accountcommand.SignedIn](v, accountcommand.AcceptPersonInvitation{
		Token: v.Param("token"), Name: v.Form.Text("name"), Password: v.Form.Value("password"), Former: v.cookie(), Browser: v.browser(),
	})
	switch {
	case errors.Is(err, accountcommand.ErrSignInFirst):
		v.signInToJoin(http.StatusUnauthorized, link, "")
	case err != nil:
		v.ShowAgain("join", signInContent{Visit: v, Link: link}, err)
	case s.Cookie == "": // the session stays
		v.Done(consolePath, "You accepted the invitation.")
	default:
		v.signedIn(s, nil, consolePath, "")
	}
}

func forgotPage(v *Visit) { v.Show("forgot", signInContent{Visit: v}) }

// forgot answers everybody the same.
func forgot(v *Visit) {
	_, err := Do[struct{}](v, accountcommand.AskForReset{Email: v.Form.Text("email"), Browser: v.browser()})
	if err != nil {
		v.ShowAgain("forgot", signInContent{Visit: v}, err)
		return
	}
	v.Show("forgot", signInContent{Visit: v, Sent: true})
}

func reset(v *Visit) {
	link, err := Ask[accountquery.PersonLinkView](v, accountquery.PersonLink{Token: v.Param("token"), Kind: accountquery.ResetLink})
	if err != nil {
		v.Fail(err)
		return
	}
	if _, err := Do[struct{}](v, accountcommand.ResetPassword{Token: v.Param("token"), Password: v.Form.Value("password"), Browser: v.browser()}); err != nil {
		v.ShowAgain("reset", signInContent{Visit: v, Link: link}, err)
		return
	}
	v.call.SeeOther(signInPath)
}

// keptForm is a form that was sent when nobody was signed in any more.
type keptForm struct {
	Path   string     `json:"path"`
	Seller string     `json:"seller,omitempty"` // for whom it was made, by the code
	Values url.Values `json:"values"`
}

// signInAgain asks whoever sent a form to sign in, with the form kept in the page: the server has it nowhere.
func (v *Visit) signInAgain() {
	v.show(http.StatusUnauthorized, "sign_in", signInContent{Visit: v, Next: consolePath, Kept: v.keep()})
}

// secret is how fields are named of which nothing is kept.
var secret = regexp.MustCompile(`(?i)password|secret|^current$|^code$`)

// keep writes a form that was posted as a text, without what nobody shall read.
func (v *Visit) keep() string { return v.keepAt(v.call.Request().URL.RequestURI()) }

func (v *Visit) keepAt(path string) string {
	values := url.Values{}
	for name, given := range v.Form.values {
		if (name == seenField || !strings.HasPrefix(name, "_")) && !secret.MatchString(name) {
			values[name] = given
		}
	}
	b, err := json.Marshal(keptForm{Path: path, Seller: v.Form.Value(sellerField), Values: values})
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
	Back   bool // the person went back to the seller for whom the form was made
}

// goOn leads to the page that somebody wanted before signing in, or back to the form that they were filling in.
func (v *Visit) goOn(next, kept string) {
	f, is := keptFormOf(kept)
	if !is {
		v.call.SeeOther(nextPath(next))
		return
	}
	if f.Seller != "" && f.Seller != v.Who().SellerCode {
		v.showSwitched(f.Seller, f.Path, kept)
		return
	}
	content := keptContent{Visit: v, Action: f.Path, Back: v.page.Path == switchPath}
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
