package apptest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// Console is a Leadmill whose pages a test opens.
type Console struct {
	*App

	operations *application.Operations
	sessions   application.Sessions
}

// StartConsole starts a Leadmill whose pages a test opens.
func StartConsole(t testing.TB, databaseURL string, options leadmill.StartOptions) *Console {
	t.Helper()
	return StartConsoleConfig(t, databaseURL, func(*leadmill.Config) {}, options)
}

// StartConsoleConfig is StartConsole with settings.
func StartConsoleConfig(t testing.TB, databaseURL string, settings func(*leadmill.Config), options leadmill.StartOptions) *Console {
	t.Helper()
	c := &Console{}
	keyed := func(config *leadmill.Config) {
		config.SecretKey = strings.Repeat("k", 32) // secrets of webhooks and second factors are sealed
		config.OutboundAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		settings(config)
	}
	c.App = StartConfig(t, databaseURL, keyed, options, leadmill.NewModule("console_of_the_test",
		leadmill.ReplacePasswordHasher(func() application.PasswordHasher { return quickHasher{} }),
		leadmill.AsJob("console-of-the-test", application.Every(24*time.Hour), func(o *application.Operations, s application.Sessions) func(context.Context) error {
			c.operations, c.sessions = o, s
			return func(context.Context) error { return nil }
		})))
	return c
}

// quickHasher is for passwords of nobody: real ones take long on purpose, and many times as long under the race detector.
type quickHasher struct{}

// Hash implements application.PasswordHasher.
func (quickHasher) Hash(password string) (string, error) {
	sum := sha256.Sum256([]byte(password))
	return "quick$" + hex.EncodeToString(sum[:]), nil
}

// Verify implements application.PasswordVerifier.
func (h quickHasher) Verify(password, hash string) (bool, error) {
	want, err := h.Hash(password)
	return want == hash, err
}

// ConsoleData is a seller with something on every page of the console.
type ConsoleData struct {
	*Shop

	// Examples are addresses of pages that are about one thing: by the pattern of the page, one that the seller has.
	Examples map[string]string

	console  *Console
	sellerID string
	owner    string // the cookie of the first owner
	email    string // of whom SignIn made last
	browsers int
}

// bare counts the sellers with nothing.
var bare atomic.Int64

// NewEmpty makes a seller with nothing at all.
func (c *Console) NewEmpty(t testing.TB) *ConsoleData {
	t.Helper()
	code := fmt.Sprintf("BARE%04d", bare.Add(1))
	c.Client(t, c.AdminKey).Must(t, "POST", "/v1/sellers", Object{"name": "Bare", "code": code, "slug": strings.ToLower(code), "currency": "USD", "time_zone": "UTC"})
	s := &Shop{App: c.App, Code: code, Slug: strings.ToLower(code)}
	return &ConsoleData{Shop: s, console: c, sellerID: c.idOf(t, code), Examples: map[string]string{}}
}

func (c *Console) idOf(t testing.TB, code string) string {
	t.Helper()
	found, err := application.Send[accountquery.Seller](t.Context(), c.operations, accountquery.SellerByCode{Actor: application.Actor{Scope: "admin"}, Code: code})
	if err != nil {
		t.Fatal(err)
	}
	return found.ID
}

// NewData makes a seller with something on every page of the console: leads that were sold and that wait, for want of money and
// because a cap is full.
func (c *Console) NewData(t testing.TB) *ConsoleData {
	t.Helper()
	s := c.SellerWith(t, leadmilltest.SellerOptions{Buyers: []Buyer{
		{Deposit: 90, Contract: Object{"price": 45.00, "priority": 1}},
		{Deposit: 200, Contract: Object{"price": 20.00, "priority": 2, "caps": []Object{{"window": "day", "leads": 1}}}},
	}})
	d := &ConsoleData{Shop: s, console: c, sellerID: c.idOf(t, s.Code)}
	var leads []Lead
	for range 5 {
		leads = append(leads, s.Sell(t, s.Form()))
	}
	d.Examples = map[string]string{
		"/console/leads/:id":                         "/console/leads/" + leads[0].ID,
		"/console/buyers/:id":                        "/console/buyers/" + s.BuyerIDs[0],
		"/console/campaigns/:id":                     "/console/campaigns/" + s.CampaignID,
		"/console/campaigns/:id/contracts/:contract": "/console/campaigns/" + s.CampaignID + "/contracts/" + s.ContractIDs[1],
	}
	d.addReturn(t, leads[1].ID)
	d.addProgram(t)
	d.addAccount(t)
	d.addBuyers(t)
	return d
}

// AddressOf returns an address of a page, by its pattern, that the seller has: that of Examples, or one below it.
func (d *ConsoleData) AddressOf(t testing.TB, pattern string) string {
	t.Helper()
	for example, address := range d.Examples {
		rest, below := strings.CutPrefix(pattern, example)
		if below && (rest == "" || rest[0] == '/') && !strings.Contains(rest, ":") {
			return address + rest
		}
	}
	if strings.Contains(pattern, ":") {
		t.Errorf("apptest.ConsoleData has no example of %s", pattern)
	}
	return pattern
}

// SignInLink returns the address of a link that signs an owner of the seller in, once.
func (d *ConsoleData) SignInLink(t testing.TB) string {
	t.Helper()
	d.browsers++
	return d.SignInLinkOf(t, fmt.Sprintf("owner-%d@%s.example", d.browsers, d.Slug))
}

// SignInLinkOf returns the address of a link that signs somebody in, once, who is an owner of the seller from then on.
func (d *ConsoleData) SignInLinkOf(t testing.TB, email string) string {
	t.Helper()
	link, err := application.Send[accountcommand.PersonInvited](t.Context(), d.console.operations, accountcommand.CreateOwnerSignIn{
		Actor: application.Actor{Scope: "admin", KeyID: "cli"}, Seller: d.sellerID, Email: email, Name: "Olivia Owner",
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.App.URL + "/sign-in/" + link.Token
}

// Password is that of people whom SignIn makes.
const Password = "correct horse battery"

// SignIn returns the cookie of somebody who has a role: its name and its value.
func (d *ConsoleData) SignIn(t testing.TB, role string) (name, value string) {
	t.Helper()
	post := func(b *Browser, path string, form url.Values) string {
		t.Helper()
		p := b.do(t, http.MethodPost, path, form)
		for _, c := range (&http.Response{Header: p.Header}).Cookies() {
			if c.Name == "leadmill_session" && p.Status == http.StatusSeeOther {
				return c.Value
			}
		}
		t.Fatalf("%s signs nobody in: %d %s", path, p.Status, p.Body)
		return ""
	}
	nobody := d.Browse(t, "")
	if d.owner == "" {
		d.owner = post(nobody, strings.TrimPrefix(d.SignInLink(t), d.App.URL), nil)
	}
	if role == "owner" {
		return "leadmill_session", d.owner
	}
	d.browsers++
	email := fmt.Sprintf("%s-%d@%s.example", strings.ReplaceAll(role, " ", "-"), d.browsers, d.Slug)
	d.email = email
	return "leadmill_session", post(nobody, "/join/"+d.invite(t, role, email).Token, url.Values{"name": {"Pat " + role}, "password": {Password}})
}

// Account makes somebody who has a role, other than owner, and returns the email with which they sign in, by Password.
func (d *ConsoleData) Account(t testing.TB, role string) string {
	t.Helper()
	d.SignIn(t, role)
	return d.email
}

// InvitationLink returns the address of a link by which somebody gets a role.
func (d *ConsoleData) InvitationLink(t testing.TB, role, email string) string {
	t.Helper()
	return d.App.URL + "/join/" + d.invite(t, role, email).Token
}

// OtherBuyer is the role of a person of the seller's second buyer; "buyer" is one of the first.
const OtherBuyer = "buyer other"

// invite makes a link by which somebody gets a role.
func (d *ConsoleData) invite(t testing.TB, role, email string) accountcommand.PersonInvited {
	t.Helper()
	by, err := d.console.sessions.PersonOf(t.Context(), d.owner)
	if err != nil {
		t.Fatal(err)
	}
	var invited accountcommand.PersonInvited
	if role == "buyer" || role == OtherBuyer {
		of := d.BuyerIDs[0]
		if role == OtherBuyer {
			of = d.BuyerIDs[1]
		}
		invited, err = application.Send[accountcommand.PersonInvited](t.Context(), d.console.operations, accountcommand.InvitePersonOfBuyer{Actor: by.Actor, Buyer: of, Email: email, Link: true})
	} else {
		invited, err = application.Send[accountcommand.PersonInvited](t.Context(), d.console.operations, accountcommand.InvitePerson{Actor: by.Actor, Email: email, Role: role, Link: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	return invited
}

// Browse returns how somebody who has a role reaches pages: as a browser does, but following no redirect. An empty role is nobody.
func (d *ConsoleData) Browse(t testing.TB, role string) *Browser {
	t.Helper()
	b := &Browser{url: d.App.URL, client: &http.Client{
		Transport: &http.Transport{}, Timeout: Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(b.client.CloseIdleConnections)
	if role != "" {
		name, value := d.SignIn(t, role)
		b.cookie = name + "=" + value
	}
	return b
}

// As returns how pages are reached with the cookie of a session.
func (d *ConsoleData) As(t testing.TB, cookie string) *Browser {
	t.Helper()
	b := d.Browse(t, "")
	b.cookie = "leadmill_session=" + cookie
	return b
}

// With returns how pages are reached with one more cookie.
func (b *Browser) With(name, value string) *Browser {
	c := *b
	c.cookie = strings.TrimPrefix(c.cookie+"; "+name+"="+value, "; ")
	return &c
}

// Asking returns how pages are reached by requests with headers: names and values in turn.
func (b *Browser) Asking(headers ...string) *Browser {
	c := *b
	c.headers = append(slices.Clip(c.headers), headers...)
	return &c
}

// Speaking returns how pages are reached by a browser that asks for a language.
func (b *Browser) Speaking(language string) *Browser {
	c := *b
	c.language = language
	return &c
}

// Browser asks for pages with the cookie of a session.
type Browser struct {
	url      string
	client   *http.Client
	cookie   string
	language string
	headers  []string
}

// Page is what was answered.
type Page struct {
	Status   int
	Body     string
	Location string
	Header   http.Header
}

// Get asks for a page.
func (b *Browser) Get(t testing.TB, path string) Page { return b.do(t, http.MethodGet, path, nil) }

var formToken = regexp.MustCompile(`name="_token" value="([^"]*)"`)

// Post sends a form, with the token that forms of the session carry unless the form has one.
func (b *Browser) Post(t testing.TB, path string, form url.Values) Page {
	t.Helper()
	if form == nil {
		form = url.Values{}
	}
	home := b.Get(t, "/console")
	if strings.HasPrefix(home.Location, "/buyer") {
		home = b.Get(t, home.Location)
	}
	if token := formToken.FindStringSubmatch(home.Body); token != nil && !form.Has("_token") {
		form.Set("_token", token[1])
	}
	return b.do(t, http.MethodPost, path, form)
}

func (b *Browser) do(t testing.TB, method, path string, form url.Values) Page {
	t.Helper()
	kind := ""
	if method == http.MethodPost {
		kind = "application/x-www-form-urlencoded"
	}
	return b.send(t, method, path, kind, strings.NewReader(form.Encode()))
}

// post sends a form of several parts, one of which is a file.
func (b *Browser) post(t testing.TB, path, field string, file []byte, form url.Values) Page {
	t.Helper()
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	part, err := parts.CreateFormFile(field, "file")
	if err == nil {
		_, err = part.Write(file)
	}
	for name, values := range form {
		for _, value := range values {
			err = errors.Join(err, parts.WriteField(name, value))
		}
	}
	if err := errors.Join(err, parts.Close()); err != nil {
		t.Fatal(err)
	}
	return b.send(t, http.MethodPost, path, parts.FormDataContentType(), &body)
}

func (b *Browser) send(t testing.TB, method, path, kind string, body io.Reader) Page {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Origin", b.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if b.language != "" {
		r.Header.Set("Accept-Language", b.language)
	}
	for i := 0; i+1 < len(b.headers); i += 2 {
		r.Header.Set(b.headers[i], b.headers[i+1])
	}
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	if b.language != "" {
		r.Header.Set("Accept-Language", b.language)
	}
	answer, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Page{Status: answer.StatusCode, Body: string(text), Location: answer.Header.Get("Location"), Header: answer.Header}
}
