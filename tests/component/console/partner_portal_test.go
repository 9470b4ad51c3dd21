package console_test

import (
	"bytes"
	"image"
	"image/png"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	consolehttp "github.com/leadmill/leadmill/ports/http/console"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// adaOf is the id of the partner that every seller of these tests has.
func adaOf(t *testing.T, d *apptest.ConsoleData) string {
	t.Helper()
	return strings.TrimPrefix(d.AddressOf(t, "/console/partners/:id"), "/console/partners/")
}

// Every page of partners, by who asks: a partner sees itself alone, and nobody else sees anything.
func TestWhoMayOpenAPartnersPage(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		ada := d.BrowseAsPartner(t, adaOf(t, d))
		d.Partner(t, "other_one", apptest.Object{"name": "Otto"})
		other := d.BrowseAsPartner(t, "other_one")
		strangers := map[string]*apptest.Browser{
			"nobody": d.Browse(t, ""), "an operator": d.Browse(t, "owner"), "a session that is none": d.Browse(t, "").With(apptest.PartnerCookie, "none"),
		}
		for _, p := range consolehttp.PartnerPages() {
			for who, b := range strangers {
				out := b.Get(t, p.Path)
				if p.Method == http.MethodPost {
					out = b.Post(t, p.Path, url.Values{"name": {"x"}})
				}
				assert.Equal(t, http.StatusUnauthorized, out.Status, "%s %s %s", who, p.Method, p.Path)
				assert.NotContains(t, out.Body, "Lovelace")
			}
			if p.Method == http.MethodGet {
				out := ada.Get(t, p.Path)
				assert.Equal(t, http.StatusOK, out.Status, p.Path)
				assert.Contains(t, out.Body, "Ada Lovelace")
				assert.NotContains(t, other.Get(t, p.Path).Body, "Lovelace")
				assert.Contains(t, ada.In("es-MX").Get(t, p.Path).Body, `<html lang="es">`)
			}
		}
		// A partner's session opens nothing of the operators'.
		assert.Equal(t, http.StatusSeeOther, ada.Get(t, "/console").Status)
		assert.Contains(t, ada.Get(t, "/portal/leads").Body, "Philippa")
		assert.NotContains(t, other.Get(t, "/portal/leads").Body, "Philippa", "leads of another partner")
	})
}

func TestAPartnerSeesWhatCameByItsLinks(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		id := adaOf(t, d)
		d.Program.Must(t, "PUT", "/v1/settings", apptest.Object{"website": "https://shop.example/?a=1"})
		d.Program.Must(t, "POST", "/v1/partner_referral_links", apptest.Object{"key": "spring-" + id, "partner": apptest.Object{"id": id}})
		for range 3 {
			require.Equal(t, http.StatusFound, d.Browse(t, "").Get(t, "/r/"+d.Code+"/spring-"+id).Status)
		}
		d.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": "by-spring", "partner": apptest.Object{"key": "spring-" + id}})
		d.App.Settle(t)
		page := d.BrowseAsPartner(t, id).Get(t, "/portal").Body
		assert.Contains(t, page, `value="https://shop.example/?a=1&amp;aff=spring-`+id+`"`)
		assert.Contains(t, page, `<td class="number" data-value="3">3</td>`)
		assert.Contains(t, page, `data-label="Clicks">3</td><td class="number" data-label="Sign-ups">1</td><td class="number" data-label="Clicks that became customers">33.3 %</td>`)
		operators := d.Browse(t, "viewer").Get(t, "/console/partners/"+id).Body
		assert.Contains(t, operators, `<td data-label="Clicks" class="number">3</td><td data-label="Customers" class="number">1</td><td data-label="Conversion" class="number">33.3 %</td>`)
	})
}

const hostileName = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`

func TestAPartnerSubmitsALeadOnce(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		owner := d.Browse(t, "owner")
		const question = "leads_custom_form_fields.0."
		require.Equal(t, http.StatusSeeOther, owner.Send(t, "/console/settings/form", url.Values{
			"leads_enabled": {"1"}, question + "type": {"input"}, question + "title": {hostileName}, question + "required": {"1"}, question + "place": {"1"},
		}).Status)
		ada := d.BrowseAsPartner(t, adaOf(t, d))
		form := ada.Get(t, "/portal/leads/new").Body
		assert.NotContains(t, form, "<script>alert")
		_, id, has := strings.Cut(form, `name="cfields.`)
		require.True(t, has, form)
		id, _, _ = strings.Cut(id, `"`)
		name := "cfields." + id
		lead := url.Values{"name": {hostileName}, "email": {"not an email"}, "_once": {strings.Repeat("z", 22)}}
		out := ada.Send(t, "/portal/leads/new", lead)
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, `id="w-`+name+`">This is needed.`)
		assert.Contains(t, out.Body, `id="w-email">This is no email address.`)
		lead.Set("email", "lea@leads.example")
		lead.Set(name, "Acme")
		for range 2 {
			out = ada.Send(t, "/portal/leads/new", lead)
			require.Equal(t, http.StatusSeeOther, out.Status, out.Body)
		}
		page := ada.Get(t, "/portal/leads").Body
		assert.Equal(t, 1, strings.Count(page, "lea@leads.example"), "it was sent twice")
		assert.NotContains(t, page, "<script>alert")
		assert.Contains(t, ada.In("es").Get(t, "/portal/leads").Body, ">Enviado<")
		assert.Contains(t, d.Browse(t, "viewer").Get(t, "/console/form-leads").Body, `<a href="/console/form-leads/3">`)

		out = ada.Send(t, "/portal/profile", url.Values{"name": {hostileName}, "surname": {"B"}})
		require.Equal(t, http.StatusSeeOther, out.Status)
		for _, path := range []string{"/portal", "/portal/profile"} {
			body := ada.Get(t, path).Body
			assert.Contains(t, body, "&lt;script&gt;alert(1)")
			assert.NotContains(t, body, "<script>alert")
		}
		out = ada.Send(t, "/portal/profile", url.Values{"name": {""}})
		assert.Equal(t, http.StatusUnprocessableEntity, out.Status)
	})
}

// openSignUp lets partners sign up, as an owner does on the pages.
func openSignUp(t *testing.T, d *apptest.ConsoleData, more apptest.Object) {
	t.Helper()
	settings := apptest.Object{"partner_sign_up": true}
	maps.Copy(settings, more)
	d.Program.Must(t, "PUT", "/v1/settings", settings)
}

func linkIn(t *testing.T, d *apptest.ConsoleData, m leadmilltest.Mail) string {
	t.Helper()
	require.Len(t, m.Links(), 1, m.Text)
	return strings.TrimPrefix(m.Links()[0], d.App.URL)
}

// joins follows a link in a mail and sends its form; it returns the browser with the session.
func joins(t *testing.T, d *apptest.ConsoleData, link string) *apptest.Browser {
	t.Helper()
	b := d.Browse(t, "")
	require.Equal(t, http.StatusOK, b.Get(t, link).Status)
	out := b.Post(t, link, url.Values{"password": {"Passw0rd-of-hers"}})
	require.Equal(t, http.StatusFound, out.Status, out.Body)
	for _, c := range (&http.Response{Header: out.Header}).Cookies() {
		if c.Name == apptest.PartnerCookie {
			return b.With(c.Name, c.Value)
		}
	}
	t.Fatalf("no session: %v", out.Header)
	return nil
}

func TestPartnersSignUp(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		b, page := d.Browse(t, ""), "/p/"+d.Code
		form := func(email string) url.Values {
			return url.Values{"name": {"Zoë " + hostileName}, "email": {email}, "company": {"Acme <b>"}, "terms": {"1"}}
		}
		for _, closed := range []string{page, "/p/NOBODY11", "/p/" + strings.ToLower(d.Code) + "x"} {
			assert.Equal(t, http.StatusNotFound, b.Get(t, closed).Status, closed)
			assert.Equal(t, http.StatusNotFound, b.Post(t, closed, form("zoe@new.example")).Status, closed)
		}
		openSignUp(t, d, apptest.Object{"terms": "Be fair.\n<script>alert(1)</script>", "terms_url": "https://shop.example/terms?a=1&b=2"})
		shown := b.Get(t, page).Body
		assert.Contains(t, shown, "Be fair.\n&lt;script&gt;")
		assert.Contains(t, shown, `href="https://shop.example/terms?a=1&amp;b=2"`)
		assert.Contains(t, b.In("es").Get(t, page).Body, "Hágase socio")

		wrong := form("no email")
		wrong.Del("terms")
		out := b.Post(t, page, wrong)
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, "This is no email address.")
		assert.Contains(t, out.Body, "Please accept the terms.")
		assert.NotContains(t, out.Body, "<script>alert")

		first := b.Post(t, page, form("zoe@new.example"))
		require.Equal(t, http.StatusOK, first.Status)
		assert.Contains(t, first.Body, "Look at your mail")
		mail := d.App.Mails.WaitFor(t, 1, "zoe@new.example")[0]
		assert.Contains(t, mail.Text, "you signed up for the partner program")
		assert.NotContains(t, mail.HTML, "<script>")
		assert.NotContains(t, b.Get(t, linkIn(t, d, mail)).Body, `name="tos"`, "the terms were accepted before")
		zoe := joins(t, d, linkIn(t, d, mail))
		assert.Contains(t, zoe.Get(t, "/portal").Body, ">Active<")
		assert.NotContains(t, zoe.Get(t, "/portal").Body, "<script>alert")
		found := d.Browse(t, "viewer").Get(t, "/console/partners?search=zoe%40new.example").Body
		assert.Contains(t, found, "Zoë &lt;script&gt;")

		// Who takes part already is told the same, and gets another mail.
		again := b.Post(t, page, form("ZOE@new.example"))
		assert.Equal(t, first.Status, again.Status)
		_, told, has := strings.Cut(first.Body, "<main")
		require.True(t, has)
		assert.Contains(t, again.Body, told)
		second := d.App.Mails.WaitFor(t, 2, "zoe@new.example")[1]
		assert.Contains(t, second.Text, "sign in to the partner program")
		assert.Contains(t, linkIn(t, d, second), "/portal/sign-in/")
		assert.Equal(t, http.StatusFound, b.Post(t, linkIn(t, d, second), nil).Status)
	})
}

func TestWhoSignsUpWaitsForApprovalWhereTheProgramSaysSo(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		openSignUp(t, d, apptest.Object{"approval": "manual"})
		b := d.Browse(t, "")
		require.Equal(t, http.StatusOK, b.Post(t, "/p/"+d.Code, url.Values{"name": {"Uma"}, "email": {"uma@new.example"}}).Status)
		uma := joins(t, d, linkIn(t, d, d.App.Mails.WaitFor(t, 1, "uma@new.example")[0]))
		assert.Contains(t, uma.Get(t, "/portal").Body, "has not approved you yet")
		// Asking for a link tells nothing, and mails nothing to somebody who waits, or who is nobody.
		for _, email := range []string{"uma@new.example", "nobody@new.example"} {
			assert.Contains(t, b.Post(t, "/p/"+d.Code+"/sign-in", url.Values{"email": {email}}).Body, "is on its way")
		}
		operator := d.Browse(t, "operator")
		list := operator.Get(t, "/console/partners?search=uma%40new.example").Body
		_, id, has := strings.Cut(list, `href="/console/partners/partner_`)
		require.True(t, has, list)
		id, _, _ = strings.Cut(id, `"`)
		require.Equal(t, http.StatusSeeOther, operator.Post(t, "/console/partners/partner_"+id+"/approve", nil).Status)
		mail := d.App.Mails.WaitFor(t, 2, "uma@new.example")[1]
		assert.Contains(t, linkIn(t, d, mail), "/portal/sign-in/")
		assert.NotContains(t, uma.Get(t, "/portal").Body, "has not approved you yet")
		assert.Empty(t, d.App.Mails.To(t, "nobody@new.example"))
	})
}

// Of many forms with one email one partner comes, and an address sends no more than some.
func TestSigningUpHasLimits(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		openSignUp(t, d, nil)
		b := d.Browse(t, "")
		var mu sync.Mutex
		statuses := map[int]int{}
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				out := b.Post(t, "/p/"+d.Code, url.Values{"name": {"Kim"}, "email": {"kim@new.example"}})
				mu.Lock()
				defer mu.Unlock()
				statuses[out.Status]++
			})
		}
		all.Wait()
		assert.Equal(t, map[int]int{http.StatusOK: 10, http.StatusTooManyRequests: 6}, statuses)
		assert.Equal(t, 1, strings.Count(string(d.Program.Must(t, "GET", "/v1/partners", nil).Body), "kim@new.example"))
		assert.Equal(t, http.StatusTooManyRequests, b.Post(t, "/p/"+d.Code+"/sign-in", url.Values{"email": {"kim@new.example"}}).Status)
	})
}

func TestASellersBrandIsOnThePagesOfItsPartners(t *testing.T) {
	t.Parallel()
	onConsole(t, func(t *testing.T, d *apptest.ConsoleData) {
		var picture bytes.Buffer
		require.NoError(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 40, 10))))
		owner, ada := d.Browse(t, "owner"), d.BrowseAsPartner(t, adaOf(t, d))
		assert.NotContains(t, ada.Get(t, "/portal").Body, "/brand/")
		for _, r := range []string{"operator", "viewer"} {
			assert.Equal(t, http.StatusForbidden, d.Browse(t, r).SendFile(t, "/console/settings/brand", "logo", picture.Bytes(), url.Values{}).Status)
		}
		out := owner.SendFile(t, "/console/settings/brand", "logo", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), url.Values{"brand_color": {"#ffee00"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		assert.Contains(t, out.Body, "must be a PNG, a JPEG or a WebP picture")
		out = owner.SendFile(t, "/console/settings/brand", "logo", picture.Bytes(), url.Values{"brand_color": {"yellow"}})
		require.Equal(t, http.StatusUnprocessableEntity, out.Status)
		out = owner.SendFile(t, "/console/settings/brand", "logo", picture.Bytes(), url.Values{"brand_color": {"#FFEE00"}})
		require.Equal(t, http.StatusSeeOther, out.Status, out.Body)
		assert.Contains(t, owner.Get(t, "/console/settings/brand").Body, "yours could not be read")

		page := ada.Get(t, "/portal").Body
		address := func(before string) string {
			_, rest, has := strings.Cut(page, before)
			require.True(t, has, page)
			path, _, _ := strings.Cut(rest, `"`)
			return path
		}
		logo := ada.Get(t, address(`<img src="`))
		assert.Equal(t, []any{http.StatusOK, "image/png", "nosniff", "default-src 'none'; sandbox", picture.String()},
			[]any{logo.Status, logo.Header.Get("Content-Type"), logo.Header.Get("X-Content-Type-Options"), logo.Header.Get("Content-Security-Policy"), logo.Body})
		style := ada.Get(t, "/brand/"+address(`href="/brand/`))
		assert.Equal(t, []any{http.StatusOK, "text/css; charset=utf-8"}, []any{style.Status, style.Header.Get("Content-Type")})
		assert.Contains(t, style.Body, "--accent: #")
		for _, none := range []string{"/brand/colors/red", "/brand/colors/ffee0", "/brand/logos/" + d.Code + "/0", "/brand/logos/NOBODY11/0", "/brand/logos/" + d.Code + "/x%22"} {
			assert.Equal(t, http.StatusNotFound, ada.Get(t, none).Status, none)
		}

		require.Equal(t, http.StatusSeeOther, owner.Send(t, "/console/settings/brand", url.Values{"brand_color": {""}, "remove_logo": {"1"}}).Status)
		assert.NotContains(t, ada.Get(t, "/portal").Body, "/brand/")
		assert.Empty(t, d.Program.Must(t, "GET", "/v1/settings", nil).Data(t)["brand_color"])
	})
}
