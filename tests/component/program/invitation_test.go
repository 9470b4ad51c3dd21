package program_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// relay is a mail server in the test.
type relay struct {
	url string

	answers map[string]int // the SMTP codes of recipients that are not taken

	mu      sync.Mutex
	asked   map[string]int // how often, by recipient
	busy    int            // connections that are still refused
	refused int
	mails   []letter
}

// letter is a mail as a mail program shows it.
type letter struct {
	from, to, subject string
	text, html        string
	link              string
}

// startRelay runs a mail server that refuses its first connections.
func startRelay(t *testing.T, busy int) *relay {
	t.Helper()
	r := &relay{busy: busy}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &mailSession{relay: r}, nil
	}))
	server.Domain, server.ErrorLog = "relay.example", log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "smtp://" + l.Addr().String() + "?tls=none"
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(busyListener{l, r}) // ends with the listener
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = l.Close() // a server that had no time to begin does not know it
		<-served
	})
	return r
}

// busyListener closes the first connections.
type busyListener struct {
	net.Listener

	relay *relay
}

func (l busyListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || !l.relay.refuses() {
			return c, err
		}
		_ = c.Close()
	}
}

func (r *relay) refuses() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy == 0 {
		return false
	}
	r.busy--
	r.refused++
	return true
}

type mailSession struct {
	relay *relay
	to    string
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	if s.relay.asked == nil {
		s.relay.asked = map[string]int{}
	}
	s.relay.asked[to]++
	if code := s.relay.answers[to]; code != 0 {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 2, 2}, Message: "not you, " + to}
	}
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l, err := readMail(data)
	if err != nil || l.to != s.to {
		return fmt.Errorf("a mail to %s: %w", s.to, err)
	}
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.mails = append(s.relay.mails, l)
	return nil
}

func (*mailSession) Reset() {}

func (*mailSession) Logout() error { return nil }

// wait returns the mails as soon as there are n.
func (r *relay) wait(t *testing.T, n int) []letter {
	t.Helper()
	var mails []letter
	apptest.Eventually(t, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if mails = slices.Clone(r.mails); len(mails) != n {
			return fmt.Errorf("%d mails came and %d connections were refused, want %d mails", len(mails), r.refused, n)
		}
		return nil
	})
	return mails
}

var invitationLink = regexp.MustCompile(`http://[^\s"<>]+/portal/invitations/[A-Za-z0-9_-]{20,}`)

// readMail reads a mail of two parts that hold the same link.
func readMail(data []byte) (letter, error) {
	m, err := leadmilltest.ParseMail(data)
	if err != nil {
		return letter{}, err
	}
	l := letter{from: m.From, to: m.To, subject: m.Subject, text: m.Text, html: m.HTML, link: invitationLink.FindString(m.Text)}
	if l.link == "" || l.link != invitationLink.FindString(l.html) {
		return letter{}, fmt.Errorf("the parts do not hold one link")
	}
	return l, nil
}

// browser is somebody with a browser who follows no redirect by itself.
type browser struct {
	t    testing.TB
	http *http.Client
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 300}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: t, http: &http.Client{
		Jar: jar, Timeout: time.Minute,
		Transport:     apptest.Spec(t).Transport(transport, func(err error) { t.Errorf("not as openapi.yaml says: %v", err) }),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// shown is a page as it was answered.
type shown struct {
	apptest.Answer

	cookies []*http.Cookie
}

func (b *browser) ask(method, address string, form url.Values, headers ...string) shown {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := b.http.Do(r)
	if err != nil {
		return shown{Answer: apptest.Answer{Err: err}}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return shown{Answer: apptest.Answer{Status: response.StatusCode, Header: response.Header, Body: text, Err: err}, cookies: response.Cookies()}
}

func (b *browser) get(address string) shown {
	b.t.Helper()
	return b.ask(http.MethodGet, address, nil)
}

// accept sends the form of an invitation's page.
func (b *browser) accept(link string) shown {
	b.t.Helper()
	return b.ask(http.MethodPost, link, url.Values{"password": {"Jane's-Passw0rd"}, "tos": {"1"}})
}

// press opens a sign-in link and presses the button of its page.
func (b *browser) press(link string) shown {
	b.t.Helper()
	return b.ask(http.MethodPost, link, url.Values{})
}

// shows checks the status of a page and texts in it.
func (s shown) shows(t testing.TB, what string, status int, texts ...string) {
	t.Helper()
	if s.Status != status || s.Err != nil || s.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%s is answered %v, want a page with %d", what, s.Answer, status)
	}
	for _, text := range texts {
		if !strings.Contains(string(s.Body), text) {
			t.Errorf("%s does not show %q: %s", what, text, s.Body)
		}
	}
}

// signsIn checks that an answer opens a session and leads to the partner's page.
func (s shown) signsIn(t testing.TB, what string) {
	t.Helper()
	s.shows(t, what, http.StatusFound)
	if s.Header.Get("Location") != "/portal" || len(s.cookies) != 1 {
		t.Fatalf("%s leads to %q with the cookies %v", what, s.Header.Get("Location"), s.cookies)
	}
	if c := s.cookies[0]; c.Name != "leadmill_portal" || len(c.Value) < 20 || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || c.MaxAge > 12*60*60 || c.MaxAge < 12*60*60-60 {
		t.Errorf("%s sets the cookie %v", what, c)
	}
}

// invite invites Jane.
func (p *partnero) invite() {
	p.t.Helper()
	p.post("partners:invite", `{"email":"jane@people.example","name":"Jane","surname":"Smith"}`).done()
}

// jane is Jane as the program sees her.
func (p *partnero) jane() map[string]any {
	p.t.Helper()
	return p.get("partners/", "email", "jane@people.example").data()
}

// eventsTold returns the types of a subject's events as the feed tells them, in order.
func eventsTold(t *testing.T, db *apptest.Database, p *partnero, subject any) (types []string) {
	t.Helper()
	db.Settle()
	for _, e := range p.get("events", "limit", "1000").did(200).body["data"].([]any) {
		if e, _ := e.(map[string]any); e["subject"] == subject {
			types = append(types, fmt.Sprint(e["type"]))
		}
	}
	return types
}

// withMail starts an app that sends mails through a relay.
func withMail(t *testing.T, databaseURL string, r *relay, o leadmill.StartOptions) (*apptest.App, *partnero, *apptest.Database) {
	t.Helper()
	app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.SMTPURL = r.url }, o)
	return app, newProgram(t, app, theirWebsite), apptest.Open(t, databaseURL)
}

func TestAnInvitationByMail(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		r := startRelay(t, 0)
		app, p, db := withMail(t, databaseURL, r, leadmill.StartOptions{})
		p.invite()
		mail := r.wait(t, 1)[0]
		if mail.from != "leadmill@example.com" || mail.to != "jane@people.example" || !strings.Contains(mail.subject, p.name()) ||
			!strings.Contains(mail.text, "Hello Jane,") || !strings.Contains(mail.html, "Hello Jane,") || !strings.HasPrefix(mail.link, app.URL+"/portal/invitations/") {
			t.Errorf("the mail is %+v", mail)
		}

		// Programs that look into mails open links too: that uses nothing up.
		jane := newBrowser(t)
		for range 3 {
			page := jane.get(mail.link)
			page.shows(t, "the link", 200, p.name(), "Jane", `type="password"`)
			if len(page.cookies) > 0 || page.Header.Get("Referrer-Policy") != "no-referrer" || page.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("the link is answered with %v", page.Header)
			}
		}
		if a := jane.ask(http.MethodHead, mail.link, nil); a.Status == 200 && len(a.cookies) > 0 {
			t.Errorf("a HEAD of the link is answered %v", a.Answer)
		}
		jane.ask(http.MethodPost, mail.link, url.Values{"password": {"weak"}}).shows(t, "a weak password", 422, "The password must have")
		jane.ask(http.MethodPost, mail.link, url.Values{"password": {"Passw0rd"}}, "Sec-Fetch-Site", "cross-site").shows(t, "a form of another site", 403)
		if who := p.jane(); who["status"] != "pending" || who["approved"] != false || who["tos"] != false {
			t.Errorf("before she accepted, Jane is %v", who)
		}
		jane.get(app.URL+"/portal").shows(t, "the partner page of a stranger", 401)

		jane.accept(mail.link).signsIn(t, "accepting")
		who := p.jane()
		if who["status"] != "active" || who["approved"] != true || who["tos"] != true {
			t.Errorf("when she has accepted, Jane is %v", who)
		}
		jane.get(mail.link).shows(t, "the link again", 404)
		newBrowser(t).accept(mail.link).shows(t, "accepting again", 404)
		if types := eventsTold(t, db, p, who["id"]); !slices.Equal(types, []string{"partner.invited.v1", "partner.created.v1"}) {
			t.Errorf("the events are %v", types)
		}

		// What the partner page shows.
		key := strings.TrimPrefix(fmt.Sprint(who["referral_link"]), theirWebsite+"?aff=")
		p.post("partner_referral_links", fmt.Sprintf(`{"key":"jane-2","partner":{"id":%q}}`, who["id"])).did(201)
		p.post("customers", `{"key":"c1","partner":{"key":"jane-2"}}`).did(201)
		p.post("customers", `{"key":"c2","partner":{"key":"jane-2"}}`).did(201)
		p.post("leads", `{"name":"A","email":"a@example.com","partner":{"key":"jane-2"}}`).did(201)
		for range 3 {
			if a := jane.get(app.URL + "/r/" + p.code + "/" + key); a.Status != http.StatusFound {
				t.Errorf("the link leads to %v", a.Answer)
			}
		}
		db.Settle()
		page := jane.get(app.URL + "/portal")
		page.shows(t, "the partner page", 200, "Jane Smith", p.name(), theirWebsite+"?aff="+key, theirWebsite+"?aff=jane-2")
		counts := regexp.MustCompile(`<dt>(\w+)</dt><dd>(\d+)</dd>`).FindAllStringSubmatch(string(page.Body), -1)
		if len(counts) != 3 || counts[0][1]+counts[0][2] != "Clicks3" || counts[1][1]+counts[1][2] != "Customers2" || counts[2][1]+counts[2][2] != "Leads1" {
			t.Errorf("the partner page counts %v", counts)
		}
		session := jane.http.Jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(app.URL, "http://"), Path: "/portal"})[0]
		signedOut := jane.ask(http.MethodPost, app.URL+"/portal/sign-out", url.Values{})
		signedOut.shows(t, "signing out", http.StatusFound)
		jane.get(app.URL+"/portal").shows(t, "the partner page when signed out", 401)
		newBrowser(t).ask(http.MethodGet, app.URL+"/portal", nil, "Cookie", session.Name+"="+session.Value).shows(t, "the session after signing out", 401)

		token := mail.link[strings.LastIndex(mail.link, "/")+1:]
		for _, secret := range []string{token, session.Value, "jane@people.example", "Smith", "Passw0rd"} {
			if strings.Contains(app.Logs.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
		if n := db.Number("SELECT COUNT(*) FROM partner_tokens"); n != 0 {
			t.Errorf("%d tokens are left", n)
		}
		db.Audit()
	})
}

func TestTwoWhoAcceptOneInvitation(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		r := startRelay(t, 0)
		_, p, db := withMail(t, databaseURL, r, leadmill.StartOptions{})
		p.invite()
		link := r.wait(t, 1)[0].link
		answers := make([]shown, 4)
		people := []*browser{newBrowser(t), newBrowser(t), newBrowser(t), newBrowser(t)}
		apptest.Parallel(len(people), func(i int) { answers[i] = people[i].accept(link) })
		won := 0
		for _, a := range answers {
			switch a.Status {
			case http.StatusFound:
				a.signsIn(t, "the first to accept")
				won++
			case http.StatusNotFound, http.StatusBadRequest:
				if len(a.cookies) > 0 {
					t.Errorf("a late one is signed in: %v", a.Answer)
				}
			default:
				t.Errorf("one of many is answered %v", a.Answer)
			}
		}
		if n := db.Number("SELECT COUNT(*) FROM partner_tokens"); won != 1 || n != 1 {
			t.Errorf("%d accepted and there are %d tokens, want one session", won, n)
		}
		if types := eventsTold(t, db, p, p.jane()["id"]); !slices.Equal(types, []string{"partner.invited.v1", "partner.created.v1"}) {
			t.Errorf("the events are %v", types)
		}
		db.Audit()
	})
}

// A mail server that is down for longer than a few attempts loses no invitation.
// TestAnInvitationWaitsForTheMailServer: nothing is lost while the server is down, and it is not asked without a pause.
func TestAnInvitationWaitsForTheMailServer(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		const down = 4
		hands := clock.NewManual(time.Now())
		r := startRelay(t, down)
		app, p, db := withMail(t, databaseURL, r, leadmill.StartOptions{Clock: hands})
		p.invite()
		for i, pause := range []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute} {
			apptest.Eventually(t, func() error {
				if n := strings.Count(app.Logs.String(), "mail not sent; it is tried again"); n != i+1 {
					return fmt.Errorf("%d failures are logged, want %d", n, i+1)
				}
				return nil
			})
			hands.Advance(pause)
		}
		mail := r.wait(t, 1)[0]
		if r.refuses() {
			t.Errorf("the mail came before %d connections were refused", down)
		}
		newBrowser(t).accept(mail.link).signsIn(t, "accepting what came late")
		if strings.Contains(app.Logs.String(), "jane@people.example") {
			t.Error("the log holds the address")
		}
		db.Audit()
	})
}

// TestOneMailHoldsUpNoOther: a mailbox that takes nothing is asked less and less often and then given up; one that does not
// exist is given up at once. Others get their mails meanwhile, whatever else the log of events holds.
func TestOneMailHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		r := startRelay(t, 0)
		r.answers = map[string]int{"full@people.example": 451, "nobody@people.example": 550}
		app, p, db := withMail(t, databaseURL, r, leadmill.StartOptions{Clock: hands})
		invite := func(name string) {
			p.post("partners:invite", `{"email":"`+name+`@people.example","name":"`+name+`"}`).done()
		}
		invite("full")
		invite("nobody")
		for i := range 12 {
			invite(fmt.Sprint("jane", i))
		}
		r.wait(t, 12)
		logged := func(text string, want int) {
			t.Helper()
			apptest.Eventually(t, func() error {
				if n := strings.Count(app.Logs.String(), text); n != want {
					return fmt.Errorf("%q is logged %d times, want %d", text, n, want)
				}
				return nil
			})
		}
		logged("mail not sent and given up", 1) // nobody's
		logged("the mail server answered 550", 1)
		const attempts = 12
		for i := 1; i < attempts; i++ {
			logged("mail not sent; it is tried again", i)
			hands.Advance(24 * time.Hour)
		}
		logged("mail not sent and given up", 2)
		logged("mail not sent; it is tried again", attempts-1)
		r.mu.Lock()
		asked := map[string]int{"full": r.asked["full@people.example"], "nobody": r.asked["nobody@people.example"]}
		r.mu.Unlock()
		if asked["full"] != attempts || asked["nobody"] != 1 {
			t.Errorf("the server was asked %v", asked)
		}
		if strings.Contains(app.Logs.String(), "people.example") {
			t.Error("the log holds an address")
		}
		// The operator's word starts anew.
		r.mu.Lock()
		r.answers = nil
		r.mu.Unlock()
		invite("full")
		r.wait(t, 13)
		db.Audit()
	})
}

func TestInvitedTwice(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		r := startRelay(t, 0)
		hands := clock.NewManual(time.Now())
		_, p, db := withMail(t, databaseURL, r, leadmill.StartOptions{Clock: hands})
		p.invite()
		r.wait(t, 1)
		hands.Advance(time.Hour)
		p.invite()
		mails := r.wait(t, 2)
		if mails[0].link == mails[1].link {
			t.Fatal("two mails hold one link")
		}
		jane := newBrowser(t)
		for _, mail := range mails {
			jane.get(mail.link).shows(t, "a link", 200, "Jane")
		}
		jane.accept(mails[0].link).signsIn(t, "accepting by the older mail")
		for _, mail := range mails {
			jane.get(mail.link).shows(t, "a link when one was used", 404)
			jane.accept(mail.link).shows(t, "accepting when one was used", 404)
		}
		p.post("partners:invite", `{"email":"Jane@People.example","name":"Jane"}`).fails(422, "validation_failed", "email")
		if types := eventsTold(t, db, p, p.jane()["id"]); !slices.Equal(types, []string{"partner.invited.v1", "partner.invited.v1", "partner.created.v1"}) {
			t.Errorf("the events are %v", types)
		}

		// Who was turned down or deleted meanwhile does not get in by an old mail.
		for n, end := range []func(id string){
			func(id string) { p.post("partners/"+id+"/reject", nil).done() },
			func(id string) { p.post("partners/"+id+"/archive", nil).done() },
			func(id string) { p.delete("partners/" + id).done() },
		} {
			email := fmt.Sprintf("other-%d@people.example", n)
			p.post("partners:invite", fmt.Sprintf(`{"email":%q,"name":"Other"}`, email)).done()
			mail := r.wait(t, 3+n)[2+n]
			id := fmt.Sprint(p.get("partner", "email", email).data()["id"])
			end(id)
			if a := jane.accept(mail.link); a.Status != 400 && a.Status != 404 || len(a.cookies) > 0 {
				t.Errorf("who was turned down (%d) and accepts is answered %v", n, a.Answer)
			}
		}
		db.Audit()
	})
}

// TestFortyInvitationsToOneAddressAreOneMailAnHour, however they are asked for: again, or to a new partner with the address of one that
// was deleted.
func TestFortyInvitationsToOneAddressAreOneMailAnHour(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		r := startRelay(t, 0)
		_, p, db := withMail(t, databaseURL, r, leadmill.StartOptions{Clock: hands})
		waiting := func(what string, want int64) {
			t.Helper()
			apptest.Eventually(t, func() error {
				if n := db.Number("SELECT COUNT(*) FROM outgoing_mails"); n != want {
					return fmt.Errorf("%s %d mails wait, want %d", what, n, want)
				}
				return nil
			})
		}
		p.invite()
		old := r.wait(t, 1)[0].link
		for i := range 39 {
			email := []string{"jane@people.example", "JANE@People.example"}[i%2]
			if i >= 20 {
				p.delete("partner", "email", email).done()
			}
			p.post("partners:invite", fmt.Sprintf(`{"email":%q,"name":"Jane","surname":"Smith"}`, email)).done()
		}
		db.Settle()
		waiting("after 40 invitations", 1)
		r.wait(t, 1)
		p.post("partners:invite", `{"email":"joe@people.example","name":"Joe"}`).done()
		r.wait(t, 2) // another address is not held up
		newBrowser(t).get(old).shows(t, "the link of a partner that was deleted", 404)
		hands.Advance(time.Hour)
		waiting("an hour later", 0)
		link := r.wait(t, 3)[2].link
		p.invite()
		db.Settle()
		waiting("after one more", 0)
		r.wait(t, 3)
		newBrowser(t).accept(link).signsIn(t, "accepting by the second mail")
		db.Audit()
	})
}

func TestWhenPartnersLinksEnd(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands := clock.NewManual(time.Now())
		r := startRelay(t, 0)
		app, p, db := withMail(t, databaseURL, r, leadmill.StartOptions{Clock: hands})
		p.invite()
		link := r.wait(t, 1)[0].link
		jane := newBrowser(t)
		hands.Advance(7*24*time.Hour - time.Second)
		jane.get(link).shows(t, "the link after almost 7 days", 200, "Jane")
		hands.Advance(time.Second)
		jane.get(link).shows(t, "the link after 7 days", 404)
		jane.accept(link).shows(t, "accepting after 7 days", 404)
		if who := p.jane(); who["status"] != "pending" {
			t.Errorf("Jane is %v", who)
		}
		p.invite()
		jane.accept(r.wait(t, 2)[1].link).signsIn(t, "accepting by a new mail")

		// The session lasts 12 hours.
		hands.Advance(12*time.Hour - time.Second)
		jane.get(app.URL+"/portal").shows(t, "the partner page after almost 12 hours", 200, "Jane Smith")
		hands.Advance(time.Second)
		jane.get(app.URL+"/portal").shows(t, "the partner page after 12 hours", 401)

		signIn := func(more string) string {
			t.Helper()
			address, _ := p.post("partners:sign-in-url", `{"email":"jane@people.example"`+more+`}`).data()["url"].(string)
			return address
		}
		once := signIn("")
		// Browsers fetch links ahead, and programs that look into mails open them: that uses nothing up.
		for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodGet} {
			if a := jane.ask(method, once, nil, "Sec-Purpose", "prefetch"); len(a.cookies) > 0 {
				t.Errorf("a %s of a sign-in link signs in: %v", method, a.Answer)
			}
		}
		page := jane.get(once)
		page.shows(t, "a sign-in link", 200, "Jane", p.name(), `<form method="post">`, "<button")
		jane.ask(http.MethodPost, once, url.Values{}, "Sec-Fetch-Site", "cross-site").shows(t, "a button of another site", 403)
		hands.Advance(119 * time.Second)
		jane.press(once).signsIn(t, "a sign-in link")
		jane.get(app.URL+"/portal").shows(t, "the partner page", 200, "Jane Smith")
		newBrowser(t).get(once).shows(t, "a sign-in link again", 404)
		late, short, long := signIn(""), signIn(`,"expires_in":30`), signIn(`,"expires_in":900`)
		hands.Advance(30 * time.Second)
		newBrowser(t).get(short).shows(t, "a sign-in link after its 30 seconds", 404)
		hands.Advance(90 * time.Second)
		newBrowser(t).get(late).shows(t, "a sign-in link after 2 minutes", 404)
		hands.Advance(13 * time.Minute)
		newBrowser(t).get(long).shows(t, "a sign-in link after its 15 minutes", 404)

		// Two at once: one is signed in.
		both, people := signIn(""), []*browser{newBrowser(t), newBrowser(t)}
		statuses := make([]int, 2)
		apptest.Parallel(2, func(i int) { statuses[i] = people[i].press(both).Status })
		if slices.Sort(statuses); !slices.Equal(statuses, []int{302, 404}) {
			t.Errorf("two who use one sign-in link at once are answered %v", statuses)
		}

		// An archived partner is not let in, and a deleted one is put out.
		id := fmt.Sprint(p.jane()["id"])
		archived := signIn("")
		p.post("partners/"+id+"/archive", nil).done()
		newBrowser(t).get(archived).shows(t, "a sign-in link of an archived partner", 404)
		p.post("partners/"+id+"/revoke-archive", nil).done()
		jane.press(signIn("")).signsIn(t, "a sign-in link of a partner that is back")
		p.delete("partners/" + id).done()
		jane.get(app.URL+"/portal").shows(t, "the partner page of a deleted partner", 401)
		db.Audit()
	})
}

// Who has an old address, an old password or an old link must not come in by it.
func TestWhatEndsAPartnersLinks(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		r := startRelay(t, 0)
		hands := clock.NewManual(time.Now())
		app, p, db := withMail(t, databaseURL, r, leadmill.StartOptions{Clock: hands})
		p.invite()
		old := r.wait(t, 1)[0]
		partner := "partners/" + fmt.Sprint(p.jane()["id"])
		p.put(partner, `{"email":"JANE@people.example","name":"Janet"}`).did(200)
		jane := newBrowser(t)
		jane.get(old.link).shows(t, "the link after the email was written in other letters", 200, "Janet")
		p.put(partner, `{"email":"janet@new.example"}`).did(200)
		jane.get(old.link).shows(t, "the link that went to another address", 404)
		jane.accept(old.link).shows(t, "accepting by the link that went to another address", 404)
		p.post("partners:invite", `{"email":"janet@new.example","name":"Janet"}`).done()
		jane.accept(r.wait(t, 2)[1].link).signsIn(t, "accepting at the new address")

		portal := func(what string, status int) {
			t.Helper()
			jane.get(app.URL+"/portal").shows(t, "the partner page "+what, status)
		}
		signIn := func() string {
			t.Helper()
			address, _ := p.post("partners:sign-in-url", `{"email":"janet@new.example"}`).data()["url"].(string)
			return address
		}
		for what, change := range map[string]string{"another name": `{"name":"Jane"}`, "the same email": `{"email":"Janet@New.example"}`, "nothing": `{}`} {
			p.put(partner, change).did(200)
			portal("after "+what, 200)
		}
		link := signIn()
		p.put(partner, `{"password":"N3w-password"}`).did(200)
		portal("after a new password", 401)
		jane.get(link).shows(t, "a sign-in link of before the new password", 404)
		jane.press(signIn()).signsIn(t, "a sign-in link of after it")
		link = signIn()
		p.put(partner, `{"email":"jane@third.example"}`).did(200)
		portal("after a new email", 401)
		jane.get(link).shows(t, "a sign-in link of before the new email", 404)
		p.put(partner, `{"email":"janet@new.example"}`).did(200)
		jane.press(signIn()).signsIn(t, "a sign-in link once more")
		link = signIn()
		p.post(partner+"/archive", nil).done()
		p.post(partner+"/revoke-archive", nil).done()
		portal("of a partner that was archived meanwhile", 401)
		jane.get(link).shows(t, "a sign-in link of a partner that was archived meanwhile", 404)

		// An invitation does not outlive a refusal that is taken back.
		hands.Advance(time.Hour) // an address gets a mail an hour
		p.invite()
		refused := r.wait(t, 3)[2]
		partner = "partners/" + fmt.Sprint(p.jane()["id"])
		p.post(partner+"/reject", nil).done()
		p.post(partner+"/approve", nil).done()
		newBrowser(t).accept(refused.link).shows(t, "accepting after a refusal", 404)
		db.Audit()
	})
}

func TestAnInvitationWithoutAMailServer(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		dir := filepath.Join(t.TempDir(), "data", "mail")
		app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.MailDir = dir }, leadmill.StartOptions{})
		p, db := newProgram(t, app, theirWebsite), apptest.Open(t, databaseURL)
		p.invite()
		var file string
		apptest.Eventually(t, func() error {
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(files) != 1 || !strings.HasSuffix(files[0], ".eml") {
				return fmt.Errorf("the files are %v %w", files, err)
			}
			file = files[0]
			return nil
		})
		for path, mode := range map[string]os.FileMode{file: 0o600, dir: 0o700} {
			if s, err := os.Stat(path); err != nil || s.Mode().Perm() != mode {
				t.Errorf("%s has the mode %v, want %v: %v", path, s.Mode(), mode, err)
			}
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mail, err := readMail(data)
		if err != nil || mail.to != "jane@people.example" {
			t.Fatalf("the mail is %+v: %v", mail, err)
		}
		apptest.Eventually(t, func() error {
			if !strings.Contains(app.Logs.String(), filepath.Base(file)) {
				return fmt.Errorf("the log does not name the file")
			}
			return nil
		})
		for _, secret := range []string{mail.link, mail.link[strings.LastIndex(mail.link, "/")+1:], "/portal/invitations/", "jane@people.example", "Smith"} {
			if strings.Contains(app.Logs.String(), secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
		newBrowser(t).accept(mail.link).signsIn(t, "accepting by the file")
		db.Audit()
	})
}
