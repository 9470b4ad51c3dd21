package program_test

import (
	"fmt"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// ask sends a GET whose parameters are a JSON body, as Partnero's PHP library does; an empty list is what it sends without
// parameters.
func (p *partnero) ask(uri, body string) reply {
	p.t.Helper()
	return p.send("GET", uri, body)
}

// What Partnero's PHP library and plugins send that no other client does.
func TestPartnerosLibraryWithAnotherBaseURL(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		db := apptest.Open(t, databaseURL)
		t.Cleanup(db.Audit)
		for name, part := range map[string]func(*testing.T, *partnero){
			"parameters in the body of a GET": parametersOfTheLibrary,
			"sales that come later":           salesThatComeLater,
			"changes of nothing":              changesOfNothing,
			"the program":                     theProgram,
			"a customer's email":              emailsOfCustomers,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				part(t, newProgram(t, app, theirWebsite))
			})
		}
	})
}

func parametersOfTheLibrary(_ *testing.T, p *partnero) {
	p.post("partners", `{"id":"p1","key":"ref_1","email":"one@example.com"}`).did(201)
	p.post("partners", `{"id":"p2","key":"ref_2","email":"two@example.com"}`).did(201)
	// A partner whose id is another's key: the id comes first.
	p.post("partners", `{"id":"ref_2","key":"ref_3","email":"three@example.com"}`).did(201)
	p.post("customers", `{"key":"dep","email":"dep@example.com","partner":{"key":"ref_1"}}`).did(201)
	p.post("customers", `{"key":"dap","email":"dap@example.com","partner":{"key":"ref_3"}}`).did(201)

	p.ask("partners", `{"limit":1}`).holds("id", "ref_2")
	p.ask("partners", `[]`).holds("id", "p1", "p2", "ref_2")
	p.ask("partners/ref_1", `{"key":"ref_1"}`).has("id", "p1")
	p.ask("partners/ref_1", `[]`).has("id", "p1")
	p.ask("partners/ref_2", `[]`).has("email", "three@example.com")
	p.ask("partners/", `{"email":"two@example.com"}`).has("id", "p2")
	p.ask("customers", `{"partner":{"key":"nobody"},"limit":250}`).holds("key")
	p.ask("customers", `{"partner":{"key":"ref_1"}}`).holds("key", "dep")
	p.ask("customers", `{"partner":{"email":"three@example.com"},"limit":250}`).holds("key", "dap")
	p.ask("customers", `{"limit":1,"page":2}`).holds("key", "dep")
	p.ask("customers", `{"partner":[]}`).fails(422, "validation_failed", "partner")
	p.ask("customers", `{"partner":{"key":""}}`).fails(422, "validation_failed", "partner")
	p.ask("customers", `{"refer_status":"referred"}`).fails(501, "not_supported_yet", "refer_status")
	p.ask("customers", `{"partner_id":"p1","colour":"red"}`).fails(422, "unknown_field", "colour")
	p.ask("customer", `{"key":"dep"}`).has("key", "dep")
	p.ask("customers:search", `{"email":"dap@"}`).holds("key", "dap")
	p.ask("customers:search", `{"id":null,"key":"nothing like it"}`).holds("key")
	p.ask("partners/p1/referral_links", `{"limit":5}`).holds("key", "ref_1")
	p.ask("customers?partner_key=ref_1", `{"partner":{"key":"ref_3"}}`).holds("key", "dep")

	// Partnero's own page, its node for n8n, and PHP's http_build_query.
	for _, pair := range [][]string{
		{"partner.key", "ref_1"},
		{"partner.id", "p1"},
		{"partner.email", "one@example.com"},
		{"partner[key]", "ref_1"},
		{"partner[id]", "p1"},
		{"partner[email]", "one@example.com"},
		{"partner_key", "ref_1"},
		{"partner_id", "p1"},
		{"partner_email", "one@example.com"},
	} {
		p.get("customers", pair...).holds("key", "dep")
	}
	p.get("customers", "partner_key", "").fails(422, "validation_failed", "partner.key")
	p.get("customers", "partner", "ref_1").fails(422, "unknown_field", "partner")

	// customers()->update() of a refer-a-friend program puts what the program's other classes call the key into "id".
	p.put("customers", `{"id":"dep","update":{"name":"Dep"}}`).has("key", "dep", "name", "Dep")
	p.put("customers", `{"id":"nobody","update":{"name":"Dep"}}`).fails(404, "customer_not_found")
}

// changesOfNothing sends PUTs without a body, or with PHP's empty object: they succeed and change nothing.
func changesOfNothing(t *testing.T, p *partnero) {
	p.post("partners", `{"id":"p1","key":"ref_1","email":"one@example.com"}`).did(201)
	p.post("partners", `{"id":"p2","key":"ref_2","email":"two@example.com"}`).did(201) // whose counts of customers come a moment later
	p.post("customers", `{"key":"c1","email":"c1@example.com","partner":{"key":"ref_2"}}`).did(201)
	p.put("leads/details", `{"leads_custom_form_fields":[{"type":"input","title":"Company"}]}`).did(200)
	for path, read := range map[string]string{
		"partners/p1": "", "partners?key=ref_1": "partners/p1", "partner?id=p1": "partners/p1", "customers/c1": "", "customer?key=c1": "customers/c1",
		"settings": "", "leads/details": "", "partner_referral_links/ref_1": "",
	} {
		if read == "" {
			read = path
		}
		before := p.get(read).did(200).text
		for _, body := range []string{"", "[]", "{}", `{"update":[]}`} {
			p.put(path, body).did(200)
		}
		if after := p.get(read).text; after != before {
			t.Errorf("PUT %s of nothing made\n%s of\n%s", path, after, before)
		}
	}
	p.put("customers", "").fails(422, "validation_failed", "key")
	p.put("partners", "").fails(422, "validation_failed", "key")
	p.put("customers/nobody", "").fails(404, "customer_not_found")
}

func emailsOfCustomers(t *testing.T, p *partnero) {
	p.post("partners", `{"id":"p1","key":"ref_1","email":"one@example.com"}`).did(201)
	customer := func(key, email string) reply {
		return p.post("customers", `{"key":"`+key+`","email":"`+email+`","partner":{"key":"ref_1"}}`)
	}
	// Two that share an email, as there are from before it was one customer's.
	p.put("settings", `{"settings":{"unique_customer_email":false}}`).has("unique_customer_email", false)
	customer("old_1", "shared@example.com").did(201)
	customer("old_2", "shared@example.com").did(201)
	p.put("settings", `{"settings":{"unique_customer_email":true}}`).has("unique_customer_email", true)

	customer("c1", "alice@example.com").did(201)
	customer("c2", "Alice@Example.com").fails(422, "validation_failed", "email")
	customer("c1", "alice@example.com").fails(422, "validation_failed", "key", "email")
	customer("c1", "other@example.com").fails(422, "validation_failed", "key")
	customer("c2", "shared@example.com").fails(422, "validation_failed", "email")
	p.post("customers", `{"key":"none_1","partner":{"key":"ref_1"}}`).did(201) // without an email
	p.post("customers", `{"key":"none_2","partner":{"key":"ref_1"}}`).did(201)
	customer("c2", "bob@example.com").did(201)
	p.put("customers", `{"key":"c2","update":{"email":"alice@example.com","name":"Bob"}}`).fails(422, "validation_failed", "email")
	p.get("customers/c2").has("email", "bob@example.com", "name", "")
	p.put("customers/c2", `{"email":"BOB@example.com"}`).has("email", "BOB@example.com") // its own
	p.put("customers/c2", `{"email":"shared@example.com"}`).fails(422, "validation_failed", "email")

	// Those who share one keep it, whatever else of them changes.
	p.put("customers/old_1", `{"name":"Old","email":"shared@example.com"}`).has("name", "Old", "email", "shared@example.com")
	p.put("customers/old_2", `{"email":"alice@example.com"}`).fails(422, "validation_failed", "email")
	p.put("customers/old_2", `{"email":"alone@example.com"}`).did(200)
	customer("c3", "alone@example.com").fails(422, "validation_failed", "email")

	// An email is free again when its customer has another one or is deleted.
	p.put("customers/c2", `{"email":"robert@example.com"}`).did(200)
	customer("c4", "bob@example.com").did(201)
	p.delete("customers/c1").done()
	customer("c5", "alice@example.com").did(201)
	p.post("customers/c5/archive", nil).done()
	customer("c6", "alice@example.com").fails(422, "validation_failed", "email")

	// A lead whose email a customer has.
	lead := fmt.Sprint(p.post("leads", `{"name":"Alice Brown","email":"ALICE@example.com","partner":{"key":"ref_1"}}`).data()["id"])
	before := p.get("leads/" + lead).text
	p.post("leads/convert", `{"id":`+lead+`}`).fails(400, "customer_email_taken", "email")
	p.get("leads/convert", "id", lead).fails(400, "customer_email_taken", "email")
	if after := p.get("leads/" + lead).text; after != before {
		t.Errorf("a conversion that is refused made %s of %s", after, before)
	}
	p.get("customers:search", "email", "alice@").holds("key", "c5")
	p.put("settings", `{"unique_customer_email":false}`).did(200)
	p.post("leads/convert", `{"id":`+lead+`}`).has("status", "converted")
	customer("c7", "alice@example.com").did(201)
	p.put("settings", `{"unique_customer_email":true}`).did(200)
	p.put("customers/c7", `{"name":"Seven"}`).did(200)
	customer("c8", "alice@example.com").fails(422, "validation_failed", "email")
}

func theProgram(t *testing.T, p *partnero) {
	overview := p.get("program/overview").did(200).text
	if told := p.get("program").did(200).text; told != overview {
		t.Errorf("GET /program answers %s, the overview %s", told, overview)
	}
	settings, _ := p.get("program").data()["overview_program_current_settings"].(map[string]any)
	if name, _ := settings["program_name"].(string); settings["program_initials"] != "P"+name[len("Program "):len("Program ")+1] {
		t.Errorf("the initials of %v are %v", settings["program_name"], settings["program_initials"])
	}
}

func salesThatComeLater(_ *testing.T, p *partnero) {
	p.post("partners", `{"id":"p1","key":"ref_1","email":"one@example.com"}`).did(201)
	// customers()->create($customer, $partner, $transaction)
	sale := `{"key":"order_1","amount":99.99,"action":"sale"}`
	p.post("customers", `{"key":"c1","email":"c1@example.com","partner":{"key":"ref_1"},"transaction":`+sale+`}`).fails(422, "not_supported_yet", "transaction")
	p.post("customer", `{"customer":{"key":"c1"},"partner":{"key":"ref_1"},"transaction":`+sale+`}`).fails(422, "not_supported_yet", "transaction")
	p.get("customers/c1").fails(404, "customer_not_found")

	// The WordPress plugin's order: is there a transaction, is there a customer, make one, send the sale.
	p.get("transactions/PROG_order_1").fails(501, "not_supported_yet")
	p.get("customers/c1").fails(404, "customer_not_found")
	p.post("customers", `{"partner":{"key":"ref_1"},"customer":{"key":"c1","name":"C","surname":"","email":"c1@example.com"}}`).has("key", "c1")
	p.post("transactions", `{"customer":{"key":"c1"},"key":"PROG_order_1","amount":99.99,"amount_units":"USD","action":"sale","product_id":17,"product_type":[3,4]}`).fails(501, "not_supported_yet")
	p.send("DELETE", "transactions", `{"key":"PROG_order_1"}`).fails(501, "not_supported_yet")
	p.with("nobody").get("transactions").fails(401, "invalid_api_key")
	p.get("transaction").fails(404, "not_found")
}
