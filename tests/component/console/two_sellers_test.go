package console_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// openFirst makes somebody of two sellers, whose pages of the first are open.
func openFirst(t *testing.T, role string) (a, b *apptest.ConsoleData, who *apptest.Browser, email string) {
	t.Helper()
	console := apptest.StartConsole(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{})
	a, b = console.NewData(t), console.NewData(t)
	email = a.Account(t, role)
	in := a.Browse(t, "").Post(t, "/sign-in", url.Values{"email": {email}, "password": {apptest.Password}})
	require.NotNil(t, sessionOf(in), in.Body)
	who = a.As(t, sessionOf(in).Value)
	link := shownLink.FindStringSubmatch(b.Browse(t, "owner").Post(t, "/console/people/invite", url.Values{"email": {email}, "role": {"owner"}, "link": {"1"}}).Body)
	require.Len(t, link, 2)
	require.Equal(t, http.StatusSeeOther, who.Post(t, link[1], nil).Status)
	openSeller(t, who, a)
	return a, b, who, email
}

// openSeller goes to a seller, as the list of sellers on every page does.
func openSeller(t *testing.T, who *apptest.Browser, at *apptest.ConsoleData) {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, who.Post(t, "/console/profile/seller", url.Values{"seller": {at.Code}}).Status)
}

// formOf is the form that a page has, as a browser sends it when somebody types into it.
func formOf(t *testing.T, p apptest.Page, typed url.Values) url.Values {
	t.Helper()
	form := url.Values{}
	for _, name := range []string{"_token", "_once", "_seller", "_seen", "_again", "_kept", "seller", "amount", "note", "name"} {
		if value := hidden(p.Body, name); value != "" {
			form.Set(name, value)
		}
	}
	require.NotEmpty(t, form.Get("_token"), p.Body)
	maps.Copy(form, typed)
	return form
}

// A form of a seller does nothing once the pages of another one are open: it leads back to its seller, with what was typed.
func TestAFormIsOfOneSeller(t *testing.T) {
	t.Parallel()
	a, b, owner, _ := openFirst(t, "operator")
	buyers := func(d *apptest.ConsoleData) int { return len(d.Program.Must(t, "GET", "/v1/buyers", nil).List(t)) }
	atA, atB := buyers(a), buyers(b)
	form := formOf(t, owner.Get(t, "/console/buyers/new"), url.Values{"name": {"Typed at A"}})
	openSeller(t, owner, b)

	refused := owner.Post(t, "/console/buyers/new", form)
	assert.Equal(t, http.StatusConflict, refused.Status)
	assert.Contains(t, refused.Body, "Nothing was done")
	token := maps.Clone(form)
	token.Del("_seller")
	assert.Equal(t, http.StatusOK, owner.Post(t, "/console/buyers/new", token).Status, "a form that does not say for whom it is has another token")
	assert.Equal(t, atA, buyers(a))
	assert.Equal(t, atB, buyers(b))

	back := owner.Post(t, "/console/profile/seller", formOf(t, refused, nil))
	require.Equal(t, http.StatusOK, back.Status, back.Body)
	assert.Contains(t, back.Body, "again</h1>")
	again := owner.Post(t, "/console/buyers/new", formOf(t, back, nil))
	require.Equal(t, http.StatusOK, again.Status)
	assert.Contains(t, again.Body, `value="Typed at A"`)
	assert.Equal(t, atA, buyers(a), "nothing is done before the person sends it")
	sent := formOf(t, again, url.Values{"name": {"Typed at A"}, "credit_limit": {"0"}, "low_balance": {"0"}})
	require.Equal(t, http.StatusSeeOther, owner.Post(t, "/console/buyers/new", sent).Status)
	assert.Equal(t, atA+1, buyers(a))
	assert.Equal(t, atB, buyers(b))
}

// A button of a page about something that the other seller has not, and what is looked for, are refused alike.
func TestButtonsAndSearchesAreOfOneSeller(t *testing.T) {
	t.Parallel()
	a, b, owner, _ := openFirst(t, "operator")
	buyer := a.Examples["/console/buyers/:id"]
	pause := formOf(t, owner.Get(t, buyer), nil)
	pause.Del("amount")
	openSeller(t, owner, b)
	for path, typed := range map[string]url.Values{buyer + "/pause": nil, "/console/search": {"q": {"ann@example.com"}}, "/console/profile/seller": {"seller": {b.Code}}} {
		form := maps.Clone(pause)
		maps.Copy(form, typed)
		refused := owner.Post(t, path, form)
		assert.Equal(t, http.StatusConflict, refused.Status, path)
		assert.NotContains(t, refused.Body, "ann@example.com", path)
	}
	assert.NotEqual(t, "paused", a.Program.Must(t, "GET", "/v1/buyers/"+strings.TrimPrefix(buyer, "/console/buyers/"), nil).Data(t)["status"])
}

// A form that outlived its session goes on at the seller for whom it was made, wherever signing in leads to.
func TestAFormThatOutlivedItsSessionIsOfItsSeller(t *testing.T) {
	t.Parallel()
	a, b, owner, email := openFirst(t, "operator")
	elsewhere := 0
	for _, d := range []*apptest.ConsoleData{a, b} {
		openSeller(t, owner, d)
		form := formOf(t, owner.Get(t, "/console/buyers/new"), url.Values{"name": {"Typed at " + d.Code}})
		nobody := a.Browse(t, "")
		lost := nobody.Post(t, "/console/buyers/new", form)
		require.Equal(t, http.StatusUnauthorized, lost.Status)
		in := nobody.Post(t, "/sign-in", url.Values{"email": {email}, "password": {apptest.Password}, "_kept": {hidden(lost.Body, "_kept")}})
		who := a.As(t, sessionOf(in).Value)
		if in.Status == http.StatusConflict {
			elsewhere++
			in = who.Post(t, "/console/profile/seller", formOf(t, in, nil))
		}
		require.Equal(t, http.StatusOK, in.Status)
		again := who.Post(t, "/console/buyers/new", formOf(t, in, nil))
		assert.Contains(t, again.Body, `value="Typed at `+d.Code+`"`)
		assert.Equal(t, d.Code, hidden(again.Body, "_seller"))
	}
	assert.Equal(t, 1, elsewhere, "signing in opens the pages of one of them")
}

// A page of a seller gets no part of another's: neither by a request of its own nor by what it follows.
func TestAnOpenPageIsOfOneSeller(t *testing.T) {
	t.Parallel()
	a, b, owner, _ := openFirst(t, "operator")
	page := owner.Get(t, "/console/leads")
	require.Contains(t, page.Body, `hx-headers='{"Leadmill-Seller":"`+a.Code+`"}'`)
	part := owner.Asking("HX-Request", "true", "Leadmill-Seller", a.Code)
	assert.Contains(t, part.Get(t, "/console/leads").Body, `id="rows"`)
	openSeller(t, owner, b)
	for _, path := range []string{"/console/leads", "/console/today/now", a.Examples["/console/buyers/:id"]} {
		answer := part.Get(t, path)
		assert.Equal(t, http.StatusOK, answer.Status, path)
		assert.Equal(t, "#switched", answer.Header.Get("HX-Retarget"), path)
		assert.Equal(t, "#switched-note", answer.Header.Get("HX-Reselect"), path)
		assert.Contains(t, answer.Body, `id="switched-note"`, path)
		assert.NotContains(t, answer.Body, `id="rows"`, path)
		assert.NotContains(t, answer.Body, `id="now"`, path)
	}
	assert.Contains(t, owner.Asking("HX-Request", "true", "Leadmill-Seller", b.Code).Get(t, "/console/leads").Body, `id="rows"`)

	live := owner.Get(t, "/console/live?after=1&seller="+a.Code)
	assert.Equal(t, "event: switched\ndata:\n\n", live.Body, "and the stream ends")
}

// The pages of buyers say it in the language of their people.
func TestAFormOfABuyerIsOfOneSeller(t *testing.T) {
	t.Parallel()
	a, b, who, _ := openFirst(t, "buyer")
	who = who.Speaking("es")
	contract := a.Examples["/buyer/contracts/:id"]
	form := formOf(t, who.Get(t, contract+"/caps"), url.Values{"cap_day_leads": {"3"}})
	openSeller(t, who, b)
	refused := who.Post(t, contract+"/caps", form)
	assert.Equal(t, http.StatusConflict, refused.Status)
	assert.Contains(t, refused.Body, "No se hizo nada")
	back := who.Post(t, "/console/profile/seller", formOf(t, refused, nil))
	require.Equal(t, http.StatusOK, back.Status)
	again := who.Post(t, contract+"/caps", formOf(t, back, url.Values{"cap_day_leads": {hidden(back.Body, "cap_day_leads")}}))
	assert.Equal(t, http.StatusOK, again.Status)
	assert.Contains(t, again.Body, `name="cap_day_leads" value="3"`)
}
