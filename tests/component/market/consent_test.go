package market_test

import (
	"fmt"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// A campaign that asks for consent takes no lead without it, keeps it with the lead, and knows after an erasure that it was given.
func TestConsentIsAskedFor(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, apptest.Object{"consent": apptest.Object{"required": []string{"consent_at", "trusted_form_cert_url"}}}, apptest.Rich)
		path := "/v1/campaigns/" + s.CampaignID
		if c := s.Program.Must(t, "GET", path, nil).Data(t)["consent"]; fmt.Sprint(c) != "map[required:[trusted_form_cert_url consent_at]]" {
			t.Errorf("the campaign asks for %v", c)
		}
		if a := s.Supplier.Do("POST", "/api/leads", s.Form()); a.Status != 400 || a.Lead().Code != "missing_required_field" || fmt.Sprint(a.Lead().Fields) != "[trusted_form_cert_url consent_at]" {
			t.Errorf("without consent it is answered %s", a)
		}
		form := s.Form().With("email", "jane@free.example", "xxTrustedFormCertUrl", "https://cert.trustedform.com/2605ec3a321e1b3a41addf0bba1213505ef57985",
			"consent_time", "2026-11-02T16:12:39Z", "ip", "192.0.2.1")
		if a := s.Supplier.Do("POST", "/api/leads", form.With("ip", "nowhere")); a.Status != 400 || a.Lead().Code != "invalid_field" || fmt.Sprint(a.Lead().Fields) != "[ip_address]" {
			t.Errorf("a wrong address is answered %s", a)
		}
		l := s.Sell(t, form)
		shown := s.Lead(t, l.ID)
		fields, _ := shown["fields"].(map[string]any)
		if l.Status != "sold" || fmt.Sprint(shown["consent"]) != "[trusted_form_cert_url consent_at ip_address]" || fields["consent_at"] != "2026-11-02T16:12:39Z" ||
			fields["trusted_form_cert_url"] != form["xxTrustedFormCertUrl"] || fields["ip"] != nil {
			t.Errorf("the lead is %v", shown)
		}
		apptest.Open(t, databaseURL).Audit()
		erase(t, app, s, apptest.Object{"email": "jane@free.example"})
		if shown := s.Lead(t, l.ID); len(shown["fields"].(map[string]any)) != 0 || fmt.Sprint(shown["consent"]) != "[trusted_form_cert_url consent_at ip_address]" {
			t.Errorf("after the erasure it is %v", shown)
		}
		for what, body := range map[string]apptest.Object{
			"an unknown field": {"consent": apptest.Object{"required": []string{"signature"}}},
			"no field":         {"consent": apptest.Object{}},
			"a member":         {"consent": apptest.Object{"required": []string{}, "x": 1}},
		} {
			if a := s.Program.Do("PUT", path, body); a.Status != 422 {
				t.Errorf("%s is answered %s", what, a)
			}
		}
		s.Program.Must(t, "PUT", path, apptest.Object{"consent": nil})
		if l := s.Sell(t, s.Form().With("ip", "nowhere")); l.Status != "sold" {
			t.Errorf("without a rule it is %+v", l)
		}
		apptest.Open(t, databaseURL).Audit()
	})
}
