package program_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// duet is a shop with two instances on one database.
type duet struct {
	*apptest.Shop

	apps []*apptest.App
	db   *apptest.Database
}

func newDuet(t *testing.T, databaseURL string, o leadmill.StartOptions) *duet {
	t.Helper()
	apps := []*apptest.App{apptest.Start(t, databaseURL, o), apptest.Start(t, databaseURL, o)}
	return &duet{apptest.NewShop(t, apps[0], nil, apptest.Rich), apps, apptest.Open(t, databaseURL)}
}

// atOnce asks n times at once, every second time at the other instance.
func (d *duet) atOnce(n int, ask func(c *apptest.Client, i int) apptest.Answer) []apptest.Answer {
	answers := make([]apptest.Answer, n)
	apptest.Parallel(n, func(i int) { answers[i] = ask(d.Program.At(d.apps[i%2]), i) })
	return answers
}

// partners makes n partners and returns their ids, which are their keys too.
func (d *duet) partners(t *testing.T, name string, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%d", name, i)
		d.Program.Must(t, "POST", "/v1/partners", apptest.Object{"id": ids[i], "key": ids[i], "email": ids[i] + "@race.example"})
	}
	return ids
}

var persons atomic.Int64

// lead submits a lead of the form for a partner and returns its number as it is written in a path.
func (d *duet) lead(t *testing.T, partner string) string {
	t.Helper()
	id := d.Program.Must(t, "POST", "/v1/leads", apptest.Object{
		"name": "Alice Brown", "email": fmt.Sprintf("alice-%d@lead.example", persons.Add(1)), // whose customers share no email
		"partner": apptest.Object{"id": partner},
	}).Data(t)["id"]
	return fmt.Sprint(id)
}

// outcomes counts answers by status and code.
func outcomes(answers []apptest.Answer) map[string]int {
	count := map[string]int{}
	for _, a := range answers {
		count[strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, a.Refusal().Code))]++
	}
	return count
}

// oneOf expects that one of the answers is won and that all others are 422 and name the member at fault.
func oneOf(t *testing.T, what string, answers []apptest.Answer, won int, members ...string) {
	t.Helper()
	first := 0
	for _, a := range answers {
		r := a.Refusal()
		switch {
		case a.Status == won:
			first++
		case a.Status != 422, !slices.ContainsFunc(members, func(m string) bool { return len(r.Errors[m]) > 0 }), len(r.Errors) > len(members):
			t.Errorf("%s: answered %v, want %d or 422 with errors of %v", what, a, won, members)
		}
	}
	if first != 1 {
		t.Errorf("%s: %d of %d were answered %d, want 1: %v", what, first, len(answers), won, outcomes(answers))
	}
}

func TestAHandleTakenAtOnceIsTakenOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := newDuet(t, databaseURL, leadmill.StartOptions{})
		const most = 20
		partners, customers := d.partners(t, "rival", most), make([]string, most)
		links := slices.Clone(partners) // each partner's first key is its id
		for i := range customers {
			customers[i] = fmt.Sprintf("customer-%d", i)
			d.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": customers[i], "partner": apptest.Object{"id": partners[i]}})
		}
		for _, c := range []struct {
			name    string
			won     int
			members []string
			ask     func(c *apptest.Client, handle string, i int) apptest.Answer
		}{
			{"a partner's email", 201, []string{"email"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				email := handle + "@race.example"
				if i%3 == 1 { // the same mailbox
					email = strings.ToUpper(email)
				}
				return c.Do("POST", "/v1/partners", apptest.Object{"email": email})
			}},
			{"a partner's id", 201, []string{"id"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				return c.Do("POST", "/v1/partner", apptest.Object{"id": handle, "email": fmt.Sprintf("%s-%d@race.example", handle, i)})
			}},
			{"a partner's key", 201, []string{"key"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				return c.Do("POST", "/v1/partners", apptest.Object{"key": handle, "email": fmt.Sprintf("%s-%d@race.example", handle, i)})
			}},
			{"all of a partner", 201, []string{"id", "key", "email"}, func(c *apptest.Client, handle string, _ int) apptest.Answer {
				return c.Do("POST", "/v1/partners", apptest.Object{"id": handle, "key": handle, "email": handle + "@race.example"})
			}},
			{"a customer's key", 201, []string{"key"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				return c.Do("POST", "/v1/customers", apptest.Object{"key": handle + " ü/", "partner": apptest.Object{"id": partners[i]}})
			}},
			{"a customer's email", 201, []string{"email"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				email := handle + "@race.example"
				if i%3 == 1 { // the same mailbox
					email = strings.ToUpper(email)
				}
				return c.Do("POST", "/v1/customers", apptest.Object{"key": fmt.Sprintf("%s-%d", handle, i), "email": email, "partner": apptest.Object{"id": partners[i]}})
			}},
			{"all of a customer", 201, []string{"key", "email"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				return c.Do("POST", "/v1/customer", apptest.Object{"key": handle, "email": handle + "@race.example", "partner": apptest.Object{"id": partners[i]}})
			}},
			{"a further link's key", 201, []string{"key"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				return c.Do("POST", "/v1/partner_referral_links", apptest.Object{"key": handle, "partner": apptest.Object{"id": partners[i]}})
			}},
			{"a key by new partners and links", 201, []string{"key"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				if i%2 == 0 {
					return c.Do("POST", "/v1/partners", apptest.Object{"key": handle, "email": fmt.Sprintf("%s-%d@race.example", handle, i)})
				}
				return c.Do("POST", "/v1/partner_referral_links", apptest.Object{"key": handle, "partner": apptest.Object{"id": partners[i]}})
			}},
			{"one link of one partner", 201, []string{"key"}, func(c *apptest.Client, handle string, _ int) apptest.Answer {
				return c.Do("POST", "/v1/partner_referral_links", apptest.Object{"key": handle, "partner": apptest.Object{"id": partners[0]}})
			}},
			{"partners' default keys", 200, []string{"key"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				return c.Do("PUT", "/v1/partners/"+partners[i], apptest.Object{"key": handle})
			}},
			{"partners' emails", 200, []string{"email"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				return c.Do("PUT", "/v1/partners/"+partners[i], apptest.Object{"update": apptest.Object{"email": handle + "@race.example"}})
			}},
			{"renamed links", 200, []string{"key"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				a := c.Do("PUT", "/v1/partner_referral_links/"+links[i], apptest.Object{"key": handle})
				if a.Status == 200 {
					links[i] = handle
				}
				return a
			}},
			{"renamed customers", 200, []string{"key"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				a := c.Do("PUT", "/v1/customers/"+customers[i], apptest.Object{"key": handle})
				if a.Status == 200 {
					customers[i] = handle
				}
				return a
			}},
			{"customers' emails", 200, []string{"email"}, func(c *apptest.Client, handle string, i int) apptest.Answer {
				return c.Do("PUT", "/v1/customers/"+url.PathEscape(customers[i]), apptest.Object{"email": handle + "@race.example"})
			}},
		} {
			for _, n := range []int{2, most} {
				handle := fmt.Sprintf("taken-%s-%d", strings.NewReplacer(" ", "-", "'", "").Replace(c.name), n)
				oneOf(t, fmt.Sprintf("%d at once: %s", n, c.name), d.atOnce(n, func(client *apptest.Client, i int) apptest.Answer {
					return c.ask(client, handle, i)
				}), c.won, c.members...)
			}
		}
		d.db.Audit()
	})
}

// A lead is converted while a customer with its email is made: one of the two wins, and a conversion that lost changed nothing.
func TestAnEmailOfALeadAndOfACustomerAtOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := newDuet(t, databaseURL, leadmill.StartOptions{})
		d.partners(t, "submitter", 1)
		by := apptest.Object{"id": "submitter-0"}
		for round := range 6 {
			email := fmt.Sprintf("both-%d@race.example", round)
			lead := fmt.Sprint(d.Program.Must(t, "POST", "/v1/leads", apptest.Object{"name": "Both Ways", "email": email, "partner": by}).Data(t)["id"])
			answers := d.atOnce(6, func(c *apptest.Client, i int) apptest.Answer {
				if i%2 == 0 {
					return c.Do("POST", "/v1/leads/convert", apptest.Object{"id": lead})
				}
				return c.Do("POST", "/v1/customers", apptest.Object{"key": fmt.Sprintf("both-%d-%d", round, i), "email": email, "partner": by})
			})
			made, converted := 0, false
			for i, a := range answers {
				switch r := a.Refusal(); {
				case a.Status == 200 && i%2 == 0:
					made, converted = made+1, true
				case a.Status == 201 && i%2 == 1:
					made++
				case a.Status == 422 && i%2 == 1 && len(r.Errors["email"]) > 0:
				case a.Status == 400 && i%2 == 0 && (r.Code == "lead_already_converted" || r.Code == "customer_email_taken" && len(r.Errors["email"]) > 0):
				default:
					t.Errorf("answered %v", a)
				}
			}
			want := map[bool]string{true: "converted", false: "submitted"}[converted]
			if status := d.Program.Must(t, "GET", "/v1/leads/"+lead, nil).Data(t)["status"]; made != 1 || status != want {
				t.Errorf("%d were made, and the lead is %v, want 1 and %s: %v", made, status, want, outcomes(answers))
			}
		}
		if n := d.db.Number("SELECT COUNT(*) FROM customers WHERE email_key LIKE 'both-%'"); n != 6 {
			t.Errorf("%d customers of 6 emails", n)
		}
		d.db.Audit()
	})
}

func TestInvitingAtOnceMakesOnePartner(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := newDuet(t, databaseURL, leadmill.StartOptions{})
		answers := d.atOnce(20, func(c *apptest.Client, i int) apptest.Answer {
			if i%4 == 3 {
				return c.Do("POST", "/v1/partners", apptest.Object{"email": "guest@race.example"})
			}
			return c.Do("POST", "/v1/partners:invite", apptest.Object{"email": "guest@race.example", "name": "Guest"})
		})
		won := 0
		for _, a := range answers {
			switch {
			case a.Status == 200, a.Status == 201:
				won++
			case a.Status != 422 || len(a.Refusal().Errors["email"]) == 0:
				t.Errorf("answered %v", a)
			}
		}
		if won == 0 {
			t.Errorf("nobody got in: %v", outcomes(answers))
		}
		if n := d.db.Number("SELECT COUNT(*) FROM partners WHERE email_key = 'guest@race.example'"); n != 1 {
			t.Errorf("%d partners of one email", n)
		}
		d.db.Audit()
	})
}

// Whoever loses the race for a new email invites the partner that won it.
func TestInvitingAtOnceSendsEveryMail(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := newDuet(t, databaseURL, leadmill.StartOptions{})
		const rounds, n = 6, 10
		for round := range rounds {
			guest := apptest.Object{"email": fmt.Sprintf("guest-%d@race.example", round), "name": "Guest"}
			for _, a := range d.atOnce(n, func(c *apptest.Client, _ int) apptest.Answer { return c.Do("POST", "/v1/partners:invite", guest) }) {
				if a.Status != 200 {
					t.Errorf("answered %v", a)
				}
			}
		}
		if n := d.db.Number("SELECT COUNT(*) FROM partners WHERE email_key LIKE 'guest-%'"); n != rounds {
			t.Errorf("%d partners of %d emails", n, rounds)
		}
		if told := len(d.db.Events("partner.invited.v1")); told != rounds*n {
			t.Errorf("%d invitations, want %d", told, rounds*n)
		}
		d.db.Audit()
	})
}

func TestALeadIsDecidedOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := newDuet(t, databaseURL, leadmill.StartOptions{})
		d.partners(t, "submitter", 1)
		convert := func(c *apptest.Client, id string) apptest.Answer {
			return c.Do("POST", "/v1/leads/convert", apptest.Object{"id": id, "commission_transaction_amount": 99.99})
		}
		decided := func(what string, answers []apptest.Answer) (converted bool) {
			t.Helper()
			won := 0
			for _, a := range answers {
				switch {
				case a.Status == 200:
					won++
					converted = a.Data(t)["status"] == "converted"
				case a.Status != 400:
					t.Errorf("%s: answered %v", what, a)
				}
			}
			if won != 1 {
				t.Errorf("%s: %d of %d won, want 1: %v", what, won, len(answers), outcomes(answers))
			}
			code := "lead_already_rejected"
			if converted {
				code = "lead_already_converted"
			}
			if n := outcomes(answers)["400 "+code]; n != len(answers)-won {
				t.Errorf("%s: %v, want all others %s", what, outcomes(answers), code)
			}
			return converted
		}
		converted := int64(0)
		lead := d.lead(t, "submitter-0")
		if !decided("converted by twenty", d.atOnce(20, func(c *apptest.Client, i int) apptest.Answer {
			if i%4 == 3 { // the other verb
				return c.Do("GET", "/v1/leads/convert?commission_transaction_amount=99.99&id="+lead, nil)
			}
			return convert(c, lead)
		})) {
			t.Error("the lead was not converted")
		}
		converted++
		for range 6 {
			lead := d.lead(t, "submitter-0")
			was := decided("converted and rejected", d.atOnce(8, func(c *apptest.Client, i int) apptest.Answer {
				if i < 4 {
					return convert(c, lead)
				}
				return c.Do("POST", "/v1/leads/reject", apptest.Object{"id": lead})
			}))
			status := d.Program.Must(t, "GET", "/v1/leads/"+lead, nil).Data(t)["status"]
			if want := map[bool]string{true: "converted", false: "rejected"}[was]; status != want {
				t.Errorf("the lead is %v, want %s", status, want)
			}
			if was {
				converted++
			}
		}
		for what, query := range map[string]string{
			"customers":                "SELECT COUNT(*) FROM customers",
			"leads that are converted": "SELECT COUNT(*) FROM lead_reviews WHERE status = 'converted' AND customer_id IN (SELECT id FROM customers)",
		} {
			if n := d.db.Number(query); n != converted {
				t.Errorf("%d %s, want %d", n, what, converted)
			}
		}
		for _, typ := range []string{"lead.converted.v1", "customer.attributed.v1"} {
			if n := len(d.db.Events(typ)); int64(n) != converted {
				t.Errorf("%d events %s, want %d", n, typ, converted)
			}
		}
		d.db.Audit()
	})
}

func TestReferringPartnersNeverFormACircle(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := newDuet(t, databaseURL, leadmill.StartOptions{})
		refer := func(c *apptest.Client, partner, by string) apptest.Answer {
			return c.Do("PUT", "/v1/partners/"+partner, apptest.Object{"referring_partner": apptest.Object{"id": by}})
		}
		for round := range 5 {
			for _, size := range []int{2, 5} {
				ring := d.partners(t, fmt.Sprintf("ring-%d-%d", size, round), size)
				answers := d.atOnce(size, func(c *apptest.Client, i int) apptest.Answer { return refer(c, ring[i], ring[(i+1)%size]) })
				closed := 0
				for _, a := range answers {
					switch {
					case a.Status == 422 && len(a.Refusal().Errors["referring_partner"]) > 0:
						closed++
					case a.Status != 200:
						t.Errorf("a ring of %d: answered %v", size, a)
					}
				}
				if closed != 1 {
					t.Errorf("a ring of %d: %d of its members were refused, want the last one: %v", size, closed, outcomes(answers))
				}
			}
		}
		// Everybody points at somebody else, again and again.
		crowd := d.partners(t, "crowd", 6)
		for _, a := range d.atOnce(60, func(c *apptest.Client, i int) apptest.Answer {
			return refer(c, crowd[i%6], crowd[(i*i+i/6+1)%6])
		}) {
			if a.Status != 200 && (a.Status != 422 || len(a.Refusal().Errors["referring_partner"]) == 0) {
				t.Errorf("in a crowd: answered %v", a)
			}
		}
		if n := d.db.Number("SELECT COUNT(*) FROM partners WHERE referring_partner_id <> ''"); n < 5*5+3 {
			t.Errorf("only %d partners have a referring one", n)
		}
		d.db.Audit()
	})
}

func TestADeletionBesideEverythingElse(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := newDuet(t, databaseURL, leadmill.StartOptions{})
		expect := func(what string, a apptest.Answer, allowed ...int) {
			t.Helper()
			if !slices.Contains(allowed, a.Status) {
				t.Errorf("%s is answered %v, want one of %v", what, a, allowed)
			}
		}
		type step struct {
			what         string
			method, path string
			body         any
			allowed      []int
		}
		// run sends all steps at once; of the deletions one may win.
		run := func(steps []step) {
			t.Helper()
			answers := d.atOnce(len(steps), func(c *apptest.Client, i int) apptest.Answer {
				return c.Do(steps[i].method, steps[i].path, steps[i].body)
			})
			deleted := 0
			for i, a := range answers {
				expect(steps[i].what, a, steps[i].allowed...)
				if steps[i].method == "DELETE" && a.Status == 200 {
					deleted++
				}
			}
			if deleted != 1 {
				t.Errorf("%d deletions won, want 1", deleted)
			}
		}
		for round := range 6 {
			id := d.partners(t, fmt.Sprintf("doomed-%d", round), 1)[0]
			by, path := apptest.Object{"id": id}, "/v1/partners/"+id
			customer, lead := "customer of "+id, d.lead(t, id)
			run([]step{
				{"a name", "PUT", path, apptest.Object{"name": "Gone", "tags": []string{"gone"}}, []int{200, 404}},
				{"a deletion", "DELETE", path, nil, []int{200, 404}},
				{"an email", "PUT", path, apptest.Object{"email": "gone-" + id + "@race.example"}, []int{200, 404}},
				{"a deletion", "DELETE", "/v1/partner?key=" + id, nil, []int{200, 404}},
				{"a step", "POST", path + "/archive", nil, []int{200, 400, 404}},
				{"a link", "POST", "/v1/partner_referral_links", apptest.Object{"key": id + "-more", "partner": by}, []int{201, 400}},
				{"a supplier key", "POST", "/v1/api-keys", apptest.Object{"scope": "supplier", "name": "x", "partner": by}, []int{201, 400}},
				{"a customer", "POST", "/v1/customers", apptest.Object{"key": customer, "partner": by}, []int{201, 400}},
				{"a sign-in link", "POST", "/v1/partners:sign-in-url", apptest.Object{"id": id}, []int{200, 400}},
				{"a lead", "POST", "/v1/leads", apptest.Object{"name": "A", "email": "a@lead.example", "partner": by}, []int{201, 400}},
				{"a conversion", "POST", "/v1/leads/convert", apptest.Object{"id": lead}, []int{200}},
			})
			expect("a deleted partner", d.Program.Do("GET", path, nil), 404)
			d.Program.Must(t, "POST", "/v1/partners", apptest.Object{"email": id + "@race.example"})
			oneOf(t, "the id of a deleted partner", []apptest.Answer{
				d.Program.Do("POST", "/v1/partners", apptest.Object{"id": id, "email": "new-" + id + "@race.example"}),
				{Status: 201},
			}, 201, "id")
			oneOf(t, "the key of a deleted partner", []apptest.Answer{
				d.Program.Do("POST", "/v1/partners", apptest.Object{"key": id, "email": "new-" + id + "@race.example"}),
				{Status: 201},
			}, 201, "key")

			d.Program.Do("POST", "/v1/customers", apptest.Object{"key": customer, "partner": apptest.Object{"id": d.PartnerID}})
			at := "/v1/customers/" + strings.ReplaceAll(customer, " ", "%20")
			run([]step{
				{"a name", "PUT", at, apptest.Object{"name": "Gone", "email": "gone@race.example"}, []int{200, 404}},
				{"a deletion", "DELETE", at, nil, []int{200, 404}},
				{"tags", "PUT", "/v1/customers", apptest.Object{"key": customer, "update": apptest.Object{"tags": []string{"gone"}}}, []int{200, 404}},
				{"a deletion", "DELETE", "/v1/customer", apptest.Object{"key": customer}, []int{200, 404}},
				{"a step", "POST", at + "/archive", nil, []int{200, 400, 404}},
				{"another partner", "PUT", at, apptest.Object{"partner": apptest.Object{"id": d.PartnerID}}, []int{200, 404}},
			})
			expect("a deleted customer", d.Program.Do("GET", at, nil), 404)
			d.Program.Must(t, "POST", "/v1/customers", apptest.Object{"key": customer, "partner": apptest.Object{"id": d.PartnerID}})

			lead = d.lead(t, d.PartnerID)
			run([]step{
				{"a conversion", "POST", "/v1/leads/convert", apptest.Object{"id": lead}, []int{200, 400, 404}},
				{"a deletion", "DELETE", "/v1/leads/" + lead, nil, []int{200, 404}},
				{"a rejection", "POST", "/v1/leads/reject", apptest.Object{"id": lead}, []int{200, 400, 404}},
				{"a deletion", "DELETE", "/v1/leads/" + lead, nil, []int{200, 404}},
			})
			expect("a deleted lead", d.Program.Do("GET", "/v1/leads/"+lead, nil), 404)
		}
		for what, query := range map[string]string{
			"deleted partners with something personal":  "SELECT COUNT(*) FROM partners WHERE status = 'deleted' AND (email <> '' OR name <> '' OR surname <> '' OR password_hash <> '' OR tags <> '[]')",
			"deleted customers with something personal": "SELECT COUNT(*) FROM customers WHERE status = 'deleted' AND (customer_key <> '' OR key_hash IS NOT NULL OR email <> '' OR name <> '' OR tags <> '[]')",
			"deleted leads with something personal":     "SELECT COUNT(*) FROM lead_reviews WHERE status = 'deleted' AND (name <> '' OR email <> '' OR answers <> '[]')",
			"live keys of deleted partners":             "SELECT COUNT(*) FROM api_keys k JOIN partners p ON p.seller_id = k.seller_id AND p.id = k.partner_id WHERE p.status = 'deleted' AND k.revoked_at = 0",
			"tokens of deleted partners":                "SELECT COUNT(*) FROM partner_tokens k JOIN partners p ON p.seller_id = k.seller_id AND p.id = k.partner_id WHERE p.status = 'deleted'",
		} {
			if n := d.db.Number(query); n != 0 {
				t.Errorf("%d %s", n, what)
			}
		}
		d.db.Audit()
	})
}

// visit asks for a page once: redirects are not followed.
func visit(t *testing.T, url string, cookies ...*http.Cookie) (status int, header http.Header) {
	t.Helper()
	return send(t, http.MethodGet, url, cookies...)
}

// press sends the form of a page, which has a button and nothing else.
func press(t *testing.T, url string) (status int, header http.Header) {
	t.Helper()
	return send(t, http.MethodPost, url)
}

func send(t *testing.T, method, url string, cookies ...*http.Cookie) (status int, header http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	_ = response.Body.Close()
	return response.StatusCode, response.Header
}

func TestASignInLinkOpensOneSession(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := newDuet(t, databaseURL, leadmill.StartOptions{})
		partner := d.partners(t, "portal", 1)[0]
		for range 3 {
			made, _ := d.Program.Must(t, "POST", "/v1/partners:sign-in-url", apptest.Object{"key": partner, "expires_in": 120}).Data(t)["url"].(string)
			page, ok := strings.CutPrefix(made, d.apps[0].URL)
			if !ok {
				t.Fatalf("the sign-in link is %q", made)
			}
			var opened atomic.Int64
			var session atomic.Pointer[http.Cookie]
			apptest.Parallel(10, func(i int) {
				status, header := press(t, d.apps[i%2].URL+page)
				cookies := (&http.Response{Header: header}).Cookies()
				switch {
				case (status == http.StatusFound || status == http.StatusSeeOther) && len(cookies) == 1:
					opened.Add(1)
					session.Store(cookies[0])
				case status != http.StatusNotFound || len(cookies) > 0:
					t.Errorf("the link is answered %d with %v", status, cookies)
				}
			})
			if opened.Load() != 1 {
				t.Fatalf("the link opened %d sessions, want 1", opened.Load())
			}
			for _, a := range d.apps {
				if status, _ := visit(t, a.URL+"/portal", session.Load()); status != http.StatusOK {
					t.Errorf("the session is answered %d", status)
				}
			}
		}
		if n := d.db.Number("SELECT COUNT(*) FROM partner_tokens WHERE kind = 'session'"); n != 3 {
			t.Errorf("%d sessions, want 3", n)
		}
		if n := d.db.Number("SELECT COUNT(*) FROM partner_tokens WHERE kind = 'sign_in'"); n != 0 {
			t.Errorf("%d used links are left", n)
		}
		d.db.Audit()
	})
}

// stores reports whether a transaction wrote into a table.
func stores(statements []string, table string) bool {
	return slices.ContainsFunc(statements, func(q string) bool { return strings.HasPrefix(q, "INSERT INTO "+table+" ") })
}

var errRefused = errors.New("the test refuses this commit")

func TestFormLeadsAreNumberedWithoutGaps(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		faults := &sqlstoretest.Faults{}
		d := newDuet(t, databaseURL, leadmill.StartOptions{Driver: faults.Wrap})
		var commits atomic.Int64
		faults.Commit(func(statements []string, commit, rollback func() error) error {
			if !stores(statements, "lead_reviews") {
				return commit()
			}
			switch commits.Add(1) % 9 {
			case 2:
				return apptest.OrLost(commit())
			case 5:
				return apptest.OrLost(rollback())
			case 7:
				return errors.Join(rollback(), errRefused)
			}
			return commit()
		})
		const writers, each = 20, 6
		var good atomic.Int64
		names := make([][each]string, writers)
		apptest.Parallel(writers, func(w int) {
			for i := range each {
				name, partner := fmt.Sprintf("Lead %d of %d", i, w), d.PartnerID
				unknown := (w+i)%4 == 0
				if unknown {
					partner = "nobody"
				}
				a := d.Program.At(d.apps[w%2]).Do("POST", "/v1/leads", apptest.Object{
					"name": name, "email": "lead@race.example",
					"partner": apptest.Object{"id": partner},
				})
				switch {
				case unknown && a.Status == 400 && a.Refusal().Code == "unknown_partner":
				case !unknown && a.Status == 201:
					good.Add(1)
					names[w][i] = fmt.Sprint(a.Data(t)["id"])
				case !unknown && a.Status >= 500 && a.Status < 504: // the test refused or lost the commit
				default:
					t.Errorf("answered %v", a)
				}
			}
		})
		faults.Commit(nil)
		if good.Load() < writers*each/3 || commits.Load() <= good.Load() {
			t.Fatalf("%d leads were taken with %d commits: nothing was tested", good.Load(), commits.Load())
		}
		last := d.lead(t, d.PartnerID)
		stored := d.db.Number("SELECT COUNT(*) FROM lead_reviews")
		if fmt.Sprint(stored) != last || d.db.Number("SELECT MAX(number) FROM lead_reviews") != stored || d.db.Number("SELECT MIN(number) FROM lead_reviews") != 1 ||
			d.db.Number("SELECT COUNT(DISTINCT number) FROM lead_reviews") != stored {
			t.Errorf("%d leads are stored and the last one is number %s", stored, last)
		}
		for w := range names {
			for i, id := range names[w] {
				if id == "" {
					continue
				}
				info, _ := d.Program.Must(t, "GET", "/v1/leads/"+id, nil).Data(t)["lead_info"].(map[string]any)
				if want := fmt.Sprintf("Lead %d of %d", i, w); info["name"] != want {
					t.Errorf("lead %s is %v, want %s", id, info["name"], want)
				}
			}
		}
		d.db.Audit()
	})
}

func TestTwoProcessesTakeAHandleOnce(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		if strings.HasPrefix(databaseURL, "sqlite:") {
			t.Skip("SQLite has one process")
		}
		one, two := apptest.Run(t, databaseURL, []string{"serve"}), apptest.Run(t, databaseURL, []string{"serve"})
		d := &duet{apptest.NewShop(t, &one.App, nil), []*apptest.App{&one.App, &two.App}, apptest.Open(t, databaseURL)}
		for _, n := range []int{2, 20} {
			handle := fmt.Sprintf("taken-%d", n)
			oneOf(t, "a partner's email", d.atOnce(n, func(c *apptest.Client, _ int) apptest.Answer {
				return c.Do("POST", "/v1/partners", apptest.Object{"email": handle + "@race.example"})
			}), 201, "email")
			oneOf(t, "a customer's key", d.atOnce(n, func(c *apptest.Client, _ int) apptest.Answer {
				return c.Do("POST", "/v1/customers", apptest.Object{"key": handle, "partner": apptest.Object{"id": d.PartnerID}})
			}), 201, "key")
			lead := d.lead(t, d.PartnerID)
			if count := outcomes(d.atOnce(n, func(c *apptest.Client, _ int) apptest.Answer {
				return c.Do("POST", "/v1/leads/convert", apptest.Object{"id": lead})
			})); count["200"] != 1 || count["400 lead_already_converted"] != n-1 {
				t.Errorf("a lead converted by two processes: %v", count)
			}
		}
		d.db.Audit()
		one.Stop(t)
		two.Stop(t)
	})
}

func TestFormLeadsAreNumberedWithoutGapsThroughAKill(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		process := apptest.Run(t, databaseURL, []string{"serve"})
		s := apptest.NewShop(t, &process.App, nil)
		body := apptest.Object{"name": "Alice Brown", "email": "alice@race.example", "partner": apptest.Object{"id": s.PartnerID}}
		var taken atomic.Int64
		const writers, enough = 10, 40
		client := s.Program.Unchecked()
		apptest.Parallel(writers, func(int) {
			for {
				a := client.Do("POST", "/v1/leads", body)
				if a.Err != nil {
					return // it was killed
				}
				if a.Status != 201 {
					t.Errorf("answered %v", a)
					return
				}
				if taken.Add(1) == enough {
					process.Kill()
				}
			}
		})
		again := apptest.Run(t, databaseURL, []string{"serve"})
		last := s.Program.At(&again.App).Must(t, "POST", "/v1/leads", body).Data(t)["id"]
		db := apptest.Open(t, databaseURL)
		stored := db.Number("SELECT COUNT(*) FROM lead_reviews")
		if last != float64(stored) || stored <= taken.Load() || db.Number("SELECT MAX(number) FROM lead_reviews") != stored {
			t.Errorf("%d were taken, %d leads are stored, and the last one is number %v", taken.Load(), stored, last)
		}
		db.Audit()
		again.Stop(t)
	})
}

func TestAnIdempotencyKeyAtOnceHasOneEffectInTheProgram(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d := newDuet(t, databaseURL, leadmill.StartOptions{})
		lead := d.lead(t, d.PartnerID)
		by := apptest.Object{"id": d.PartnerID}
		rows := func(query string) func() int64 { return func() int64 { return d.db.Number(query) } }
		for _, c := range []struct {
			path        string
			count       func() int64
			status      int
			body, other apptest.Object
		}{
			{"/v1/partners", rows("SELECT COUNT(*) FROM partners"), 201, apptest.Object{"email": "once@race.example", "name": "Once"}, apptest.Object{"email": "twice@race.example"}},
			{
				"/v1/partners:invite", func() int64 { return int64(len(d.db.Events("partner.invited.v1"))) }, 200,
				apptest.Object{"email": "guest@race.example", "name": "Guest"},
				apptest.Object{"email": "other@race.example", "name": "Other"},
			},
			{"/v1/partner_referral_links", rows("SELECT COUNT(*) FROM partner_keys WHERE ordinal >= 0"), 201, apptest.Object{"key": "once", "partner": by}, apptest.Object{"key": "twice", "partner": by}},
			{"/v1/customers", rows("SELECT COUNT(*) FROM customers"), 201, apptest.Object{"key": "once", "partner": by}, apptest.Object{"key": "twice", "partner": by}},
			{
				"/v1/leads", rows("SELECT COUNT(*) FROM lead_reviews"), 201,
				apptest.Object{"name": "Once", "email": "once@race.example", "partner": by},
				apptest.Object{"name": "Twice", "email": "once@race.example", "partner": by},
			},
			{"/v1/leads/convert", rows("SELECT COUNT(*) FROM customers"), 200, apptest.Object{"id": lead, "commission_transaction_amount": "12.50"}, apptest.Object{"id": lead}},
			{"/v1/partners:sign-in-url", rows("SELECT COUNT(*) FROM partner_tokens WHERE kind = 'sign_in'"), 200, by, apptest.Object{"id": d.PartnerID, "expires_in": 60}},
		} {
			before := c.count()
			key := "once" + c.path
			var body []byte
			firsts := 0
			for _, a := range d.atOnce(20, func(client *apptest.Client, _ int) apptest.Answer {
				return client.Do("POST", c.path, c.body, "Idempotency-Key", key)
			}) {
				switch {
				case a.Status == 409 && a.Refusal().Code == "idempotency_in_progress" && a.Header.Get("Retry-After") == "1":
					continue // it waited for 5 seconds on a slow machine
				case a.Status != c.status:
					t.Errorf("%s is answered %v", c.path, a)
					continue
				case !a.Replayed():
					firsts++
				}
				if body == nil {
					body = a.Body
				}
				if !bytes.Equal(a.Body, body) && c.path != "/v1/partners:sign-in-url" {
					t.Errorf("%s is answered %s and %s", c.path, body, a.Body)
				}
			}
			if after := c.count(); firsts != 1 || after != before+1 {
				t.Errorf("%s: %d requests had an effect, and %d became %d", c.path, firsts, before, after)
			}
			if a := d.Program.Do("POST", c.path, c.other, "Idempotency-Key", key); a.Status != 422 || a.Refusal().Code != "idempotency_key_reused" {
				t.Errorf("%s: another body under the key is answered %v", c.path, a)
			}
		}
		d.db.Audit()
	})
}

func TestALostCommitInTheProgram(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(commit, rollback func() error) error{
		"after it was done":  func(commit, _ func() error) error { return apptest.OrLost(commit()) },
		"before it was sent": func(_, rollback func() error) error { return apptest.OrLost(rollback()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				faults := &sqlstoretest.Faults{}
				app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: faults.Wrap})
				s := apptest.NewShop(t, app, nil)
				db := apptest.Open(t, databaseURL)
				by := apptest.Object{"id": s.PartnerID}
				for _, c := range []struct {
					table, path string
					body        apptest.Object
				}{
					{"partners", "/v1/partners", apptest.Object{"id": "lost", "key": "lost", "email": "lost@race.example"}},
					{"customers", "/v1/customers", apptest.Object{"key": "lost", "partner": by}},
					{"lead_reviews", "/v1/leads", apptest.Object{"name": "Lost", "email": "lost@race.example", "partner": by}},
				} {
					count := func() int64 { return db.Number("SELECT COUNT(*) FROM " + c.table) }
					before := count()
					var lost atomic.Int64
					faults.Commit(func(statements []string, commit, rollback func() error) error {
						if stores(statements, c.table) && lost.Add(1) == 1 {
							return lose(commit, rollback)
						}
						return commit()
					})
					first := s.Program.Do("POST", c.path, c.body, "Idempotency-Key", "lost"+c.table)
					if first.Status != 201 && (first.Status != 503 || first.Header.Get("Retry-After") == "") {
						t.Errorf("%s: a lost commit is answered %v", c.path, first)
					}
					again := s.Program.Must(t, "POST", c.path, c.body, "Idempotency-Key", "lost"+c.table)
					if name == "after it was done" && !again.Replayed() {
						t.Errorf("%s: what was stored is made again: %v", c.path, again)
					}
					if first.Status == 201 && !bytes.Equal(first.Body, again.Body) {
						t.Errorf("%s: answered %v, then %v", c.path, first, again)
					}
					if n := count(); n != before+1 {
						t.Errorf("%s: %d rows became %d", c.path, before, n)
					}
					if c.table != "lead_reviews" { // without a key the handle tells that it is there
						a := s.Program.Do("POST", c.path, c.body)
						if a.Status != 422 || len(a.Refusal().Errors) == 0 {
							t.Errorf("%s: without a key it is answered %v", c.path, a)
						}
					}
				}
				faults.Commit(nil)
				db.Audit()
			})
		})
	}
}
