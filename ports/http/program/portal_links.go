package programhttp

import (
	"net/http"
	"time"

	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

func (h Handlers) invitePartner(k *httpport.Call) {
	c := programcommand.InvitePartner{Actor: k.Actor()}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		c.Email, c.Name, c.Surname = b.Text("email"), b.Text("name"), b.Text("surname")
		b.AlsoCheck(c.Check)
	})
	if ok {
		c.Once = httpport.OnceOK[programquery.Partner](b)
		httpport.Do(b, h.InvitePartner, c)
	}
}

func (h Handlers) createSignInURL(k *httpport.Call) {
	c := programcommand.CreateSignInURL{Actor: k.Actor(), Lasts: programcommand.DefaultSignIn}
	b, ok := k.Bind(httpport.Lenient, func(b *httpport.Body) {
		c.Partner = partnerBy(b.Take(partnerNames...))
		var seconds *int64
		if httpport.FillInteger(b.Object, "expires_in", &seconds); seconds != nil {
			// What is out of bounds stays so and cannot overflow.
			c.Lasts = time.Duration(max(-1, min(*seconds, 1_000_000))) * time.Second
		}
	})
	if ok {
		c.Once = httpport.Once(b, http.StatusOK, func(s programcommand.SignIn) SignInURL {
			return SignInURL{Url: k.Base() + "/portal/sign-in/" + s.Token, ExpiresAt: Timestamp(s.ExpiresAt)}
		})
		httpport.Do(b, h.CreateSignInURL, c)
	}
}
