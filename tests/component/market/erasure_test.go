package market_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// receipt reads the receipt of an erasure.
func receipt(t *testing.T, s *apptest.Shop, id any) apptest.Object {
	t.Helper()
	return s.Program.Must(t, "GET", fmt.Sprintf("/v1/erasures/%v", id), nil).Data(t)
}

// fileOf reads a file of what is held of somebody.
func fileOf(t *testing.T, a apptest.Answer) (file struct {
	Leads, Customers []apptest.Object
	Claims           int
	Complete         bool
},
) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// erase asks for an erasure and runs the job.
func erase(t *testing.T, app *apptest.App, s *apptest.Shop, subject apptest.Object) apptest.Object {
	t.Helper()
	asked := s.Program.Must(t, "POST", "/v1/erasures", subject)
	if asked.Status != 202 {
		t.Fatalf("answered %s", asked)
	}
	id := asked.Data(t)["id"]
	if got := receipt(t, s, id); got["state"] != "pending" || got["finished_at"] != nil {
		t.Errorf("when it was asked, the receipt is %v", got)
	}
	app.RunJob(t, "run-erasures")
	return receipt(t, s, id)
}

// A lead is erased at once and once; what only a walk finds goes with the job. Another seller's is not there.
func TestEraseALead(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: clock.NewManual(time.Now())})
		capped := apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00, "caps": []apptest.Object{{"window": "total", "leads": 1}}}}
		s, other := apptest.NewShop(t, app, nil, capped), apptest.NewShop(t, app, nil)
		form := s.Form().With("external_id", "someone@x.example")
		sold, tested := s.Sell(t, form, "Idempotency-Key", "once"), s.Form()
		tested["test"] = true
		test, pending, theirs := s.Sell(t, tested), wait(t, s, 1)[0], wait(t, other, 1)[0]
		db := apptest.Open(t, databaseURL)
		claims := func() int64 { return db.Number("SELECT COUNT(*) FROM claims") }
		before := claims()

		path := func(id string) string { return "/v1/marketplace/leads/" + id }
		for range 2 { // with and without a key, again and again
			for _, id := range []string{sold.ID, pending, test.ID} {
				for _, headers := range [][]string{nil, {"Idempotency-Key", "erase-" + id}} {
					if a := s.Program.Do("DELETE", path(id), nil, headers...); a.Status != 204 || len(a.Body) > 0 {
						t.Fatalf("answered %s", a)
					}
				}
			}
		}
		if a := s.Program.Do("DELETE", path(sold.ID), nil, "Idempotency-Key", "erase-"+sold.ID); !a.Replayed() {
			t.Error("a replay does not say so")
		}
		for _, id := range []string{theirs, "lead_none"} {
			if a := s.Program.Do("DELETE", path(id), nil); a.Status != 404 || a.Refusal().Code != "lead_not_found" {
				t.Errorf("answered %s", a)
			}
		}
		for id, want := range map[string]string{sold.ID: "sold", pending: "unsold", test.ID: "unsold"} {
			l := s.Lead(t, id)
			if fields, _ := l["fields"].(map[string]any); l["status"] != want || len(fields) != 0 || l["external_id"] != nil {
				t.Errorf("the lead is %v", l)
			}
		}
		if sales, _ := s.Lead(t, sold.ID)["sales"].([]any); len(sales) != 1 {
			t.Errorf("the sale is gone: %v", sales)
		}
		if claims() != before {
			t.Error("the request walked through the claims")
		}
		if l := s.Sell(t, form.With("external_id", "another")); l.Status != "duplicate" {
			t.Errorf("before the job the same person is %+v", l)
		}

		app.RunJob(t, "run-erasures")
		if n := db.Number("SELECT COUNT(*) FROM claims c WHERE c.lead_id IN (?, ?)", sold.ID, pending); n != 0 || claims() == 0 {
			t.Errorf("%d claims of erased leads are left of %d", n, claims())
		}
		if n := db.Number("SELECT COUNT(*) FROM answers WHERE about LIKE ?", "%"+sold.ID+"%"); n != 0 {
			t.Errorf("%d stored answers are about an erased lead", n)
		}
		// What was erased is known no more.
		if l := s.Sell(t, form, "Idempotency-Key", "once"); l.ID == sold.ID || l.Status != "pending" {
			t.Errorf("after the job the same person is %+v", l)
		}
		erased := app.WaitFor(t, 2, "lead.erased.v1")
		var of []string
		for _, e := range erased {
			of = append(of, e.Subject)
		}
		slices.Sort(of)
		want := []string{sold.ID, pending}
		slices.Sort(want)
		if !slices.Equal(of, want) {
			t.Errorf("erased are %v, want %v", of, want)
		}
		db.Audit()
	})
}

// person is somebody with values that are nowhere else.
type person struct{ email, phone, name, secret string }

// canaries are all forms in which something of a person could be found again.
func (p person) canaries(s *apptest.Shop) map[string][]byte {
	digits := strings.TrimPrefix(p.phone, "+")
	all := map[string][]byte{
		"email": []byte(p.email), "email in lower case": []byte(strings.ToLower(p.email)), "digits": []byte(digits),
		"national digits": []byte(digits[1:]), "national form": []byte(national(p.phone)), "name": []byte(p.name), "secret": []byte(p.secret),
	}
	hashes := map[string]market.ClaimKey{
		"phone": market.NewClaimKey(s.CampaignID, market.ClaimPhone, digits), "email": market.NewClaimKey(s.CampaignID, market.ClaimEmail, strings.ToLower(p.email)),
		"external id": market.NewClaimKey(s.SupplierKeyID, market.ClaimExternalID, p.email),
	}
	sum := sha256.Sum256([]byte("key-" + p.secret))
	hashes["idempotency key"] = market.NewClaimKey(s.SupplierKeyID, market.ClaimIdempotency, string(sum[:]))
	for name, key := range hashes {
		all["claim by "+name] = key[:]
		all["claim by "+name+" in hex"] = []byte(hex.EncodeToString(key[:]))
		all["claim by "+name+" in base64"] = []byte(base64.StdEncoding.EncodeToString(key[:]))
	}
	return all
}

func national(phone string) string {
	return fmt.Sprintf("(%s) %s-%s", phone[2:5], phone[5:8], phone[8:])
}

// dump returns everything that is in a database, by table, and what the log's segments hold.
func dump(t *testing.T, db *apptest.Database) map[string][]byte {
	t.Helper()
	query := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if db.Name() != "sqlite" {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
	}
	var tables []string
	if err := db.Reader.SelectContext(context.Background(), &tables, query); err != nil {
		t.Fatal(err)
	}
	if len(tables) < 20 {
		t.Fatalf("only the tables %v", tables)
	}
	out := map[string][]byte{}
	for _, table := range tables {
		rows, err := db.Reader.QueryxContext(context.Background(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		for rows.Next() {
			row, err := rows.SliceScan()
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range row {
				if text, ok := v.([]byte); ok {
					b.Write(text)
				} else {
					fmt.Fprint(&b, v)
				}
				b.WriteByte('\n')
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		out["table "+table] = b.Bytes()
	}
	var log bytes.Buffer
	for _, e := range db.Events() {
		fmt.Fprintf(&log, "%+v %s\n", e, e.Payload)
	}
	out["the event log"] = log.Bytes()
	return out
}

// files returns what is in the files of a folder, also of those that are compressed.
func files(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	root := os.DirFS(folder)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has another name by now
		}
		if err != nil {
			return err
		}
		out["file "+path] = b
		if strings.HasSuffix(path, ".zst") {
			r, err := zstd.NewReader(nil)
			if err != nil {
				return err
			}
			defer r.Close()
			if out["what is in file "+path], err = r.DecodeAll(b, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// found tells where canaries are.
func found(canaries, places map[string][]byte) (where []string) {
	for place, content := range places {
		for name, value := range canaries {
			if bytes.Contains(content, value) {
				where = append(where, name+" in "+place)
			}
		}
	}
	slices.Sort(where)
	return where
}

// Nothing is left of a person, wherever it was, in whatever form, and everything else is as it was.
func TestNothingIsLeftOfAPerson(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands, archive := clock.NewManual(time.Now()), t.TempDir()
		settings := func(c *leadmill.Config) {
			c.EventsRetention, c.ArchiveDir, c.LogLevel = 1, archive, slog.LevelDebug
		}
		app := apptest.StartConfig(t, databaseURL, settings, leadmill.StartOptions{Clock: hands})
		s := apptest.NewShop(t, app, apptest.Object{"dedupe": apptest.Object{"fields": []string{"phone", "email"}, "match": "any", "window_days": 30}}, apptest.Rich)
		other := apptest.NewShop(t, app, nil, apptest.Rich)
		jane := person{"Jane.Canary@Secret.example", apptest.Phone(), "Canarina", "birdseed"}
		db := apptest.Open(t, databaseURL)

		// As a lead that is sold, as a duplicate, as a test, as one that is known only by a field without a rule, and as one known by neither.
		about := s.Form().With("phone", national(jane.phone), "email", jane.email, "firstName", jane.name, "note", jane.secret)
		sold := s.Sell(t, about.With("external_id", jane.email), "Idempotency-Key", "key-"+jane.secret)
		duplicate := s.Sell(t, about.With("note", "second "+jane.secret))
		if sold.Status != "sold" || duplicate.Status != "duplicate" {
			t.Fatalf("%+v %+v", sold, duplicate)
		}
		tested := about.With("test", true)
		test := s.Sell(t, tested)
		inside := s.Sell(t, s.Form().With("firstName", jane.name, "household", []any{apptest.Object{"mobile": jane.phone}}))
		kept := s.Sell(t, s.Form().With("firstName", "Another"))
		// As a form lead, which is offered and converted, and by an answer to a question.
		s.Program.Must(t, "PUT", "/v1/leads/details", apptest.Object{"leads_enabled": true, "leads_custom_form_fields": []apptest.Object{{"type": "input", "title": "Phone"}, {"type": "input", "title": "State"}}})
		s.Program.Must(t, "PUT", "/v1/settings", apptest.Object{"unique_customer_email": false, "lead_campaign": apptest.Object{"campaign_id": s.CampaignID, "fields": apptest.Object{
			"firstName": "first_name", "lastName": "last_name", "email": "email", "phone": "1", "state": "2",
		}}})
		partner := apptest.Object{"id": s.PartnerID}
		submit := func(email, phone string) any {
			return s.Program.Must(t, "POST", "/v1/leads", apptest.Object{
				"name": jane.name + " Roe", "email": email, "partner": partner,
				"cfields": apptest.Object{"1": phone, "2": "TX"},
			}, "Idempotency-Key", "form-"+email).Data(t)["id"]
		}
		number := submit(jane.email, "5551239999")
		submit("unknown@people.example", jane.phone)
		s.Program.Must(t, "POST", "/v1/leads/convert", apptest.Object{"id": number}, "Idempotency-Key", "convert")
		// As customers, one known by its key alone.
		s.Customer(t, "c-1", s.PartnerID, apptest.Object{"email": jane.email, "name": jane.name})
		s.Customer(t, strings.ToUpper(jane.email), s.PartnerID, apptest.Object{"name": jane.name, "tags": []string{jane.secret}})
		s.Customer(t, "c-2", s.PartnerID, apptest.Object{"email": "somebody@else.example"})
		theirs := other.Sell(t, other.Form().With("phone", jane.phone))
		app.Settle(t)
		canaries := jane.canaries(s)
		if n := len(found(canaries, dump(t, db))); n < 10 {
			t.Fatalf("only %d canaries are in the database, so that little is tested", n)
		}

		told := s.Program.Must(t, "GET", "/v1/subject-access?email="+url.QueryEscape(jane.email), nil)
		if file := fileOf(t, told); len(file.Leads) != 4 || len(file.Customers) != 3 || file.Claims != 4 || !file.Complete {
			t.Errorf("the file is %s", told)
		}
		for _, part := range []string{jane.email, jane.secret, jane.phone, `"buyer_name":"Buyer 0"`, `"question":"Phone","answer":"5551239999"`, sold.ID, test.ID} {
			if !strings.Contains(string(told.Body), part) {
				t.Errorf("the file lacks %q", part)
			}
		}
		if strings.Contains(string(told.Body), kept.ID) || !strings.HasPrefix(told.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("the file is %s", told)
		}
		if file := fileOf(t, other.Program.Must(t, "GET", "/v1/subject-access?phone="+url.QueryEscape(jane.phone), nil)); len(file.Leads) != 1 || len(file.Customers) != 0 {
			t.Errorf("another seller's file is %v", file)
		}

		mask := func(o apptest.Object) string {
			delete(o, "id")
			delete(o, "requested_at")
			delete(o, "finished_at")
			return fmt.Sprint(o)
		}
		first := erase(t, app, s, apptest.Object{"email": strings.ToUpper(jane.email)})
		second := erase(t, app, s, apptest.Object{"phone": jane.phone})
		for _, o := range []apptest.Object{first, second} {
			if o["state"] != "done" || o["finished_at"] == nil {
				t.Errorf("the receipt is %v", o)
			}
		}
		count := func(o apptest.Object, name string) any { return o["erased"].(map[string]any)[name] }
		ids := fmt.Sprint(first["leads"], second["leads"])
		for name, id := range map[string]string{"sold": sold.ID, "duplicate": duplicate.ID, "test": test.ID, "inside": inside.ID} {
			if !strings.Contains(ids, id) {
				t.Errorf("the receipts do not name the %s lead: %s", name, ids)
			}
		}
		if strings.Contains(ids, kept.ID) || strings.Contains(ids, theirs.ID) {
			t.Errorf("the receipts name somebody else's lead: %s", ids)
		}
		for name, want := range map[string]any{"leads": 4.0, "customers": 3.0, "form_answers": 2.0, "answers": 2.0} {
			if count(first, name) != want {
				t.Errorf("%v %s are erased by the email, want %v: %v", count(first, name), name, want, first)
			}
		}
		for name, want := range map[string]any{"leads": 2.0, "customers": 0.0, "form_answers": 2.0, "answers": 1.0} {
			if count(second, name) != want {
				t.Errorf("%v %s are erased by the phone, want %v: %v", count(second, name), name, want, second)
			}
		}
		if left := s.Program.Must(t, "GET", "/v1/subject-access?email="+url.QueryEscape(jane.email), nil); !strings.Contains(string(left.Body), `"customers":[],"partners":[],"mails":[],"suppressions":[],"leads":[],"claims":0,"complete":true`) {
			t.Errorf("after it, the file is %s", left)
		}
		if nobody := mask(erase(t, app, s, apptest.Object{"email": jane.email})); !strings.Contains(nobody, "claims:0") || !strings.Contains(nobody, "leads:0") || strings.Contains(nobody, "lead_") {
			t.Errorf("asked again, the receipt is %s", nobody)
		}

		if l := other.Lead(t, theirs.ID); fmt.Sprint(l["fields"]) == "map[]" {
			t.Errorf("another seller's lead is erased: %v", l)
		}
		if nobody := mask(erase(t, app, other, apptest.Object{"customer": "c-2"})); !strings.Contains(nobody, "customers:0") {
			t.Errorf("another seller's customer is erased: %s", nobody)
		}
		for query, at := range map[string]string{"": "email", "?email=a%40b.example&phone=5551234567": "phone", "?email=nobody": "email", "?phone=1": "phone"} {
			if a := s.Program.Do("GET", "/v1/subject-access"+query, nil); a.Status != 422 || !strings.Contains(string(a.Body), `"`+at+`":[`) {
				t.Errorf("%q is answered %s", query, a)
			}
		}

		other.Program.Must(t, "DELETE", "/v1/marketplace/leads/"+theirs.ID, nil) // which has the same phone
		app.RunJob(t, "run-erasures")
		app.Settle(t)
		hands.Advance(4 * 24 * time.Hour) // until the events are archived
		var archived map[string][]byte
		apptest.Eventually(t, func() error {
			hands.Advance(2 * time.Hour)
			if archived = files(t, archive); len(archived) < 3 {
				return fmt.Errorf("the archive has %d files", len(archived))
			}
			return nil
		})
		places := dump(t, db)
		maps.Copy(places, archived)
		places["the log"] = []byte(app.Logs.String())
		if len(places["the log"]) < 1000 {
			t.Errorf("little is logged: %s", places["the log"])
		}
		for _, where := range found(canaries, places) {
			t.Errorf("left is the %s", where)
		}
		if l := s.Lead(t, kept.ID); fmt.Sprint(l["fields"]) == "map[]" {
			t.Errorf("somebody else is erased: %v", l)
		}
		if c := s.Program.Must(t, "GET", "/v1/customers/c-2", nil).Data(t); c["email"] != "somebody@else.example" {
			t.Errorf("somebody else is erased: %v", c)
		}
		breaches := app.Query(t, "SELECT COUNT(*) FROM sales")
		if breaches[0][0] == "0" {
			t.Error("the sales are gone")
		}
		app.Doctor(t)
	})
}

// A customer is erased with the lead that it was made of and with what has its email, by its key or its id. What comes later is left alone.
func TestEraseACustomer(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: clock.NewManual(time.Now())})
		s := apptest.NewShop(t, app, nil)
		partner := apptest.Object{"id": s.PartnerID}
		form := s.Program.Must(t, "POST", "/v1/leads", apptest.Object{"name": "Jane Roe", "email": "jane@first.example", "partner": partner}).Data(t)
		s.Program.Must(t, "POST", "/v1/leads/convert", apptest.Object{"id": form["id"]})
		key, _ := s.Program.Must(t, "GET", "/v1/customers", nil).List(t)[0]["key"].(string)
		s.Program.Must(t, "PUT", "/v1/customers/"+key, apptest.Object{"email": "jane@second.example"})
		byEmail := s.Sell(t, s.Form().With("email", "jane@second.example"))
		db := apptest.Open(t, databaseURL)
		answers := []apptest.Answer{}
		for range 2 {
			answers = append(answers, s.Program.Must(t, "POST", "/v1/erasures", apptest.Object{"customer": key}, "Idempotency-Key", "jane"))
		}
		if answers[0].Replayed() || !answers[1].Replayed() || string(answers[0].Body) != string(answers[1].Body) {
			t.Errorf("asked again with the same Idempotency-Key, it is answered %v", answers)
		}
		if a := s.Program.Do("POST", "/v1/erasures", apptest.Object{"customer": "x"}, "Idempotency-Key", "jane"); a.Refusal().Code != "idempotency_key_reused" {
			t.Errorf("something else with the same Idempotency-Key is answered %s", a)
		}
		later := s.Sell(t, s.Form().With("email", "jane@second.example"))
		app.RunJob(t, "run-erasures")
		got := receipt(t, s, answers[0].Data(t)["id"])
		if leads := fmt.Sprint(got["leads"]); got["state"] != "done" || got["subject"] != "customer" || !strings.Contains(leads, byEmail.ID) || strings.Contains(leads, later.ID) ||
			len(got["leads"].([]any)) != 2 || len(got["customers"].([]any)) != 1 {
			t.Errorf("the receipt is %v", got)
		}
		if a := s.Program.Do("GET", "/v1/customers/"+key, nil); a.Status != 404 {
			t.Errorf("the customer is %s", a)
		}
		if l := s.Lead(t, later.ID); fmt.Sprint(l["fields"]) == "map[]" {
			t.Error("a lead that came later is erased")
		}
		if n := db.Number("SELECT COUNT(*) FROM open_erasures"); n != 0 {
			t.Errorf("whom %d erasures were about is not forgotten", n)
		}
		for _, id := range []any{"nobody", "erasure_none"} {
			if a := s.Program.Do("GET", fmt.Sprintf("/v1/erasures/%v", id), nil); a.Refusal().Code != "erasure_not_found" {
				t.Errorf("answered %s", a)
			}
		}
		db.Audit()
	})
}

// Mails that wait for somebody are told and taken back. A partner is not erased: that is another decision.
func TestEraseMails(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		nobody := func(c *leadmill.Config) { c.SMTPURL = "smtp://127.0.0.1:1" } // where no mail server listens, so that mails wait
		app := apptest.StartConfig(t, databaseURL, nobody, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil)
		for _, email := range []string{"pat@mails.example", "other@mails.example"} {
			s.Program.Must(t, "POST", "/v1/partners:invite", apptest.Object{"email": email, "name": "Pat"})
		}
		app.Settle(t)
		db := apptest.Open(t, databaseURL)
		const waiting = "SELECT COUNT(*) FROM outgoing_mails"
		if n := db.Number(waiting); n != 2 {
			t.Fatalf("%d mails wait", n)
		}
		told := string(s.Program.Must(t, "GET", "/v1/subject-access?email=PAT@mails.example", nil).Body)
		if !strings.Contains(told, `"partners":[{"id":"`) || !strings.Contains(told, `"mails":[{"recipient":"pat@mails.example","kind":"invitation"`) || strings.Contains(told, "other@") {
			t.Errorf("the file is %s", told)
		}
		got := erase(t, app, s, apptest.Object{"email": "Pat@mails.example"})
		if counts, _ := got["erased"].(map[string]any); counts["mails"] != 1.0 || db.Number(waiting) != 1 {
			t.Errorf("%d mails wait, and the receipt is %v", db.Number(waiting), got)
		}
		if n := db.Number("SELECT COUNT(*) FROM partners WHERE email_key = 'pat@mails.example'"); n != 1 {
			t.Errorf("%d partners are left", n)
		}
		db.Audit()
	})
}
