package market_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// registryOf returns a module that hands out the registry of the instance that it is part of.
func registryOf(into **prometheus.Registry) leadmill.Module {
	return leadmill.NewModule("scrape", leadmill.AsJob("scrape", application.Every(time.Hour), func(r *prometheus.Registry) func(context.Context) error {
		*into = r
		return func(context.Context) error { return nil }
	}))
}

// scrape returns the values of a registry by name and labels, histograms by their count, and the names alone.
func scrape(t *testing.T, r *prometheus.Registry) (values map[string]float64, names map[string]bool) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values, names = map[string]float64{}, map[string]bool{}
	for _, f := range families {
		names[f.GetName()] = true
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			switch {
			case m.GetCounter() != nil:
				values[key] = m.GetCounter().GetValue()
			case m.GetGauge() != nil:
				values[key] = m.GetGauge().GetValue()
			case m.GetHistogram() != nil:
				values[key] = float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return values, names
}

func TestMetricsTellWhatBecameOfLeads(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		var registry *prometheus.Registry
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{}, registryOf(&registry))
		s := apptest.NewShop(t, app, apptest.Object{"supplier_payout": apptest.Object{"type": "fixed", "value": 2.50}},
			apptest.Buyer{Deposit: 21, Contract: apptest.Object{"price": 10.25}})
		form := s.Form()
		s.Sell(t, form)
		s.Sell(t, s.Form())
		if l := s.Sell(t, form.With("city", "Another")); l.Status != "duplicate" {
			t.Errorf("answered %+v, want a duplicate", l)
		}
		wait(t, s, 3) // the buyer's money is spent
		s.Sell(t, s.Form().With("test", true))
		s.Supplier.With("lm_supplier_nobody").Do("POST", "/api/leads", s.Form())
		s.Program.With("lm_program_nobody").Do("GET", "/v1/buyers", nil)
		s.Program.Unchecked().Do("GET", "/v1/john@secret.example", nil)
		limit := apptest.Object{"scope": "program", "rate_limit": apptest.Object{"requests": 1, "window_seconds": 3600}}
		once := s.Program.With(fmt.Sprint(s.Program.Must(t, "POST", "/v1/api-keys", limit).Data(t)["key"]))
		for range 3 {
			once.Do("GET", "/v1/buyers/"+s.BuyerIDs[0], nil)
		}
		s.Program.Must(t, "POST", "/v1/partners:invite", apptest.Object{"email": "jane@secret.example", "name": "Jane"})

		want := map[string]float64{
			"leadmill_leads_received_total supplier": 6, // without the test lead
			"leadmill_leads_received_total form":     0,
			"leadmill_leads_total sold":              2,
			"leadmill_leads_total duplicate":         1,
			"leadmill_leads_total pending":           3,
			"leadmill_leads_total rejected":          0,
			"leadmill_leads_total unsold":            0,
			"leadmill_sales_total USD":               2,
			"leadmill_sales_amount_total USD":        20.50,
			"leadmill_payouts_amount_total USD":      5,
			"leadmill_pending_leads":                 4, // with the test lead
			"leadmill_queue_leads":                   0,
			"leadmill_queue_capacity_leads":          4096,
			"leadmill_batch_leads":                   7,
			"leadmill_batch_duration_seconds":        7,
			"leadmill_mails_total ok":                1,
			"leadmill_mails_given_up_total":          0,
			"leadmill_mails_waiting":                 0,

			"leadmill_http_requests_total POST /api/leads 200":          7,
			"leadmill_http_requests_total POST /api/leads 401":          1,
			"leadmill_http_requests_total GET /v1/buyers 401":           1,
			"leadmill_http_requests_total any none 404":                 1,
			"leadmill_http_requests_total GET /v1/buyers/:id 429":       2,
			"leadmill_http_request_duration_seconds POST /api/leads":    8,
			"leadmill_http_request_duration_seconds GET /v1/events":     0,
			"leadmill_operation_duration_seconds command SubmitLead ok": 7,
		}
		apptest.Eventually(t, func() error {
			values, names := scrape(t, registry)
			var wrong []error
			for key, n := range want {
				if got, there := values[key]; !there || got != n {
					wrong = append(wrong, fmt.Errorf("%s is %v (%t), want %v", key, got, there, n))
				}
			}
			for _, name := range []string{"leadmill_build_info", "leadmill_purged_rows_total", "leadmill_consumer_lag_events", "go_sql_open_connections"} {
				if !names[name] {
					wrong = append(wrong, fmt.Errorf("there is no %s", name))
				}
			}
			return errors.Join(wrong...)
		})
		values, _ := scrape(t, registry)
		personal := regexp.MustCompile(`secret\.example|nobody|_[0-9A-Z]{26}|\d{3}-?\d{3}-?\d{4}|@|` + regexp.QuoteMeta(s.Code))
		for key := range values {
			if personal.MatchString(key) {
				t.Errorf("%q has a label that is of a request, a person or a seller", key)
			}
		}
	})
}

// rule is an alert rule of Prometheus.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func TestAlertRulesAreAboutMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var registry *prometheus.Registry
	app := apptest.Start(t, migrated.URL(t, dbtest.SQLite), leadmill.StartOptions{}, registryOf(&registry))
	s := apptest.NewShop(t, app, nil, apptest.Rich)
	s.Sell(t, s.Form())
	app.RunJob(t, "scrape")
	_, names := scrape(t, registry)
	names["up"] = true // which Prometheus makes
	metric := regexp.MustCompile(`\b(up|[a-z]+(?:_[a-z0-9]+){2,})\b`)
	alerts := map[string]bool{}
	for _, r := range file.Groups[0].Rules {
		if alerts[r.Alert] || !strings.HasPrefix(r.Alert, "Leadmill") || r.Annotations["summary"] == "" || r.Labels["severity"] != "page" && r.Labels["severity"] != "ticket" {
			t.Errorf("the alert %+v is incomplete", r)
		}
		alerts[r.Alert] = true
		found := metric.FindAllString(r.Expr, -1)
		if len(found) == 0 {
			t.Errorf("%s is about no metric: %s", r.Alert, r.Expr)
		}
		for _, name := range found {
			if !names[name] && !names[strings.TrimSuffix(name, "_bucket")] {
				t.Errorf("%s: there is no metric %s among\n%s", r.Alert, name, strings.Join(slices.Sorted(maps.Keys(names)), "\n"))
			}
		}
	}
	if len(alerts) < 15 {
		t.Errorf("read %d alerts", len(alerts))
	}
}
