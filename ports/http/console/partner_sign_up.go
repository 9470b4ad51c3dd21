package consolehttp

import (
	"net/http"
	"time"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application"
)

// signUpPath begins the addresses at which partners sign up, with the seller's code behind it.
const signUpPath = "/p"

// signUps is how many forms one address may send: each may be a mail.
var signUps = application.RateLimit{Requests: 10, Window: 10 * time.Minute}

type signUpContent struct {
	*Portal

	SignUp programquery.SignUpView
}

// HasTerms reports whether there is something to accept.
func (c signUpContent) HasTerms() bool { return c.SignUp.Terms != "" || c.SignUp.TermsURL != "" }

// programOfPage reads the program of the page's address. It answers itself when ok is false.
func (p *Portal) programOfPage() (content signUpContent, ok bool) {
	view, err := Ask[programquery.SignUpView](p.Visit, programquery.SignUpPage{SellerCode: p.Param("seller")})
	if err != nil {
		p.Fail(err)
		return content, false
	}
	p.Home = signUpPath + "/" + view.SellerCode
	return signUpContent{p, view}, p.setBrand(view.SellerCode)
}

func showSignUp(p *Portal) {
	content, ok := p.programOfPage()
	switch {
	case !ok:
	case !content.SignUp.Open:
		p.Fail(programquery.ErrNoSuchPage)
	default:
		p.Show("sign_up", content)
	}
}

// signUp signs somebody up. The answer is the same for whoever takes part already: the mail tells.
func signUp(p *Portal) {
	content, ok := p.sent()
	if !ok {
		return
	}
	f := p.Visit.Form
	_, err := Do[struct{}](p.Visit, programcommand.SignUpPartner{
		SellerCode: content.SignUp.SellerCode, Name: f.Text("name"), Email: f.Text("email"), Company: f.Text("company"), TermsAccepted: f.Ticked("terms"),
	})
	if err != nil {
		p.ShowAgain("sign_up", content, err)
		return
	}
	p.tell(http.StatusOK, "sign_up.look", p.locale.say("sign_up.look_text"))
}

// sent reads the form of the page, of which one address may send some. It answers itself when ok is false.
func (p *Portal) sent() (content signUpContent, ok bool) {
	if !p.read() {
		return content, false
	}
	if !p.call.WithinLimit("partner-sign-up", signUps) {
		p.Fail(programcommand.ErrTooManySignUps)
		return content, false
	}
	return p.programOfPage()
}

func showSignInMail(p *Portal) {
	if content, ok := p.programOfPage(); ok {
		p.Show("sign_in_mail", content)
	}
}

// mailSignIn mails a sign-in link to a partner. The answer is the same for somebody who is none.
func mailSignIn(p *Portal) {
	content, ok := p.sent()
	if !ok {
		return
	}
	if _, err := Do[struct{}](p.Visit, programcommand.MailSignInLink{SellerCode: content.SignUp.SellerCode, Email: p.Visit.Form.Text("email")}); err != nil {
		p.ShowAgain("sign_in_mail", content, err)
		return
	}
	p.tell(http.StatusOK, "sign_up.look", p.locale.say("sign_up.look_sign_in"))
}
