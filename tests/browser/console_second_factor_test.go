package browser_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// examineAll looks at the open page in every look without loading it again, as what a form answers must be.
func (b *tab) examineAll(name, axe string) {
	b.t.Helper()
	for _, l := range looks {
		b.as(l.width, l.height, l.scheme)
		b.examine(name+" "+l.scheme, axe)
		b.keep(name + "-" + map[bool]string{true: "phone", false: "desk"}[l.width < 600] + "-" + l.scheme)
	}
}

// send fills fields of the open page and presses a button.
func (b *tab) send(fields map[string]string, button string) {
	b.t.Helper()
	for name, value := range fields {
		b.do("document.querySelector('main [name=\"" + name + "\"]').value = " + quoted(value))
	}
	b.do("[...document.querySelectorAll('main button')].find(e => e.textContent === " + quoted(button) + ").click()")
}

// quoted is a text as scripts write it.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// An operator sets up an app, signs in with its code, and switches it off with a recovery code.
func TestTheSecondFactorIsSetUpAndAskedFor(t *testing.T) {
	t.Parallel()
	data := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}).NewData(t)
	data.SignIn(t, "operator")
	b, source := newTab(t), axe(t)
	b.mayComplain("422", "401")
	signIn := func() {
		t.Helper()
		b.open(data.App.URL + "/sign-in?next=/console/profile")
		b.send(map[string]string{"email": "operator-2@" + data.Slug + ".example", "password": apptest.Password}, "Sign in")
	}
	signIn()
	b.wait(heading, "Your account")
	b.do("document.querySelector('main a[href$=\"/second-factor\"]').click()")
	b.wait(heading, "Second factor")
	b.send(map[string]string{"current": apptest.Password}, "Set it up")
	b.wait("document.querySelector('img.scan')?.complete && document.querySelector('img.scan').naturalWidth > 200", true)
	b.examineAll("second-factor-begun", source)
	secret, _ := b.read("document.querySelector('code.secret').textContent").(string)
	code := func(at time.Time) string {
		t.Helper()
		text, err := totp.GenerateCode(secret, at)
		require.NoError(t, err)
		return text
	}
	b.send(map[string]string{"code": "000"}, "Switch it on")
	b.wait("document.querySelector('#problems p')?.textContent ?? ''", "The code is wrong or was used already.")
	b.want("document.querySelector('code.secret').textContent", secret)
	now := time.Now()
	b.send(map[string]string{"code": code(now)}, "Switch it on")
	b.wait("document.querySelectorAll('.secrets code').length", float64(10))
	b.examineAll("second-factor-codes", source)
	recovery, _ := b.read("document.querySelector('.secrets code').textContent").(string)
	b.open(data.App.URL + "/console/profile/second-factor")
	b.examineAll("second-factor-on", source)

	b.do("document.querySelector('form[action=\"/sign-out\"] button').click()")
	b.wait("location.pathname", "/sign-in")
	signIn()
	b.wait(heading, "Your code")
	b.examineAll("sign-in-code", source)
	b.send(map[string]string{"code": code(now.Add(30 * time.Second))}, "Sign in") // the next one, which is taken as clocks differ
	b.wait(heading, "Your account")
	b.want("location.pathname", "/console/profile")
	b.open(data.App.URL + "/console/profile/second-factor")
	b.send(map[string]string{"code": recovery}, "Switch it off")
	b.wait("document.querySelector('.notice')?.textContent ?? ''", "The second factor is switched off.")
}

// The way to the identity provider is open from a page whose forms may be sent nowhere else.
func TestTheWayToTheProvider(t *testing.T) {
	t.Parallel()
	provider := apptest.StartProvider(t, leadmilltest.NewClock(time.Now()))
	console := apptest.StartConsoleConfig(t, migrated.URL(t, dbtest.SQLite), provider.Settings, leadmill.StartOptions{})
	b := newTab(t)
	b.mayComplain("404")
	b.look(console.URL+"/sign-in", "sign-in-provider")
	b.do("document.querySelector('form[action=\"/sign-in/oidc\"] button').click()")
	b.wait("location.origin + location.pathname", provider.URL+"/authorize")
}
