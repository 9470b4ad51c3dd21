package programhttp

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
	httpport "github.com/leadmill/leadmill/ports/http"
	"github.com/leadmill/leadmill/tests/porttest"
)

// newApp is a server over the room's routes.
func newApp(t testing.TB) *porttest.App { return newAppWith(t, func(*porttest.App, *Handlers) {}) }

// newAppWith is newApp with other handlers.
func newAppWith(t testing.TB, change func(*porttest.App, *Handlers), options ...func(*httpport.Deps)) *porttest.App {
	t.Helper()
	return porttest.New(t, func(a *porttest.App) ([]httpport.Route, error) {
		h := handlers(a)
		change(a, &h)
		return h.Routes()
	}, options...)
}

// bound is a request and what it must become.
type bound struct {
	method, path, body string
	want               any
}

// checkBound sends requests and compares what part takes of their commands.
func checkBound(t *testing.T, cases map[string]bound, part func(any) any) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := part(newApp(t).SentBy(porttest.Request{Method: c.method, Path: c.path, Body: c.body}))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

var (
	samplePartner = programquery.Partner{
		ID: "partner_123", Email: "john@example.com", Name: "John", Surname: "Doe", Status: "active",
		Approved: true, Keys: []string{"ref_123"}, Tags: []string{"premium", "new"}, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
	}
	sampleFullPartner = programquery.Partner{
		ID: "partner_123", Email: "john@example.com", Name: "John", Surname: "Doe", Status: "active",
		TermsAccepted: true, Approved: true, Keys: []string{"ref_123", "spring"}, Tags: []string{"premium", "new"},
		CustomFields: []partner.CustomField{{Name: "Region", Value: "North"}}, ReferralsCount: 2, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
	}
	sampleLink     = programquery.ReferralLink{Key: "spring", PartnerID: "partner_123"}
	sampleCustomer = programquery.Customer{
		ID: "customer_1", Key: "customer_123", PartnerID: "partner_123", Name: "Alice", Surname: "Brown",
		Email: "alice.brown@example.com", Status: "active", Tags: []string{"new"}, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
	}
	sampleForm = programquery.LeadForm{FormSnapshot: lead.FormSnapshot{
		SellerID: "seller_1", Version: 1, NextID: 90, Enabled: true,
		Questions: []lead.Question{{ID: 89, Type: lead.Input, Title: "Company", Required: true}},
	}}
	sampleFormLead = programquery.FormLead{
		Number: 71, LeadID: "lead_1", Status: "submitted", Name: "Alice Brown", Email: "alice.brown@example.com",
		Answers:   []lead.Answer{{ID: 89, Question: "Company", Answer: "Acme"}},
		Submitter: programquery.Person{ID: "partner_123", Name: "John Doe", Email: "john@example.com"}, CreatedAt: porttest.Start,
	}
	sampleOverview = programquery.ProgramOverview{
		Partners: programquery.Total{All: 10, Recent: 3, Before: 2}, Signups: programquery.Total{All: 5, Recent: 1, Before: 3},
		Clicks: programquery.Total{All: 100, Recent: 40}, Leads: programquery.Total{All: 7, Before: 7}, Name: "Acme Leads", Currency: "USD", CookieDays: 30,
	}
	sampleReferral = program.Referral{
		SellerID: "seller_1", PartnerID: "partner_123", Key: "ref_123", Website: "https://yourcompany.com",
		Parameter: "aff", CookieDays: 30, Live: true,
	}
)

func handlers(a *porttest.App) Handlers {
	return Handlers{
		PartnerHandlers: PartnerHandlers{
			CreatePartner:    porttest.Commands(a, func(c programcommand.CreatePartner) application.Response { return c.Once.Render(samplePartner) }),
			UpdatePartner:    porttest.Commands(a, func(c programcommand.UpdatePartner) application.Response { return c.Once.Render(samplePartner) }),
			ApprovePartner:   porttest.Commands(a, func(c programcommand.ApprovePartner) application.Response { return c.Once.Render(samplePartner) }),
			RejectPartner:    porttest.Commands(a, func(c programcommand.RejectPartner) application.Response { return c.Once.Render(samplePartner) }),
			ArchivePartner:   porttest.Commands(a, func(c programcommand.ArchivePartner) application.Response { return c.Once.Render(samplePartner) }),
			UnarchivePartner: porttest.Commands(a, func(c programcommand.UnarchivePartner) application.Response { return c.Once.Render(samplePartner) }),
			DeletePartner:    porttest.Commands(a, func(c programcommand.DeletePartner) application.Response { return c.Once.Render(struct{}{}) }),
			InvitePartner:    porttest.Commands(a, func(c programcommand.InvitePartner) application.Response { return c.Once.Render(samplePartner) }),
			CreateSignInURL: porttest.Commands(a, func(c programcommand.CreateSignInURL) application.Response {
				return c.Once.Render(programcommand.SignIn{Token: "token_1", ExpiresAt: porttest.Start})
			}),
			PartnerByHandle: porttest.Queries[programquery.PartnerByHandle](a, programquery.PartnerDetail{Partner: sampleFullPartner, Clicks: 12, Signups: 2, Leads: 3}),
			Partners:        porttest.Queries[programquery.Partners](a, application.List[programquery.Partner]{Items: []programquery.Partner{samplePartner, {ID: "partner_124", Status: "pending"}}, Next: "partner_124"}),
		},
		LinkHandlers: LinkHandlers{
			AddReferralLink:    porttest.Commands(a, func(c programcommand.AddReferralLink) application.Response { return c.Once.Render(sampleLink) }),
			ChangeReferralLink: porttest.Commands(a, func(c programcommand.ChangeReferralLink) application.Response { return c.Once.Render(sampleLink) }),
			RemoveReferralLink: porttest.Commands(a, func(c programcommand.RemoveReferralLink) application.Response { return c.Once.Render(struct{}{}) }),
			ReferralLinks:      porttest.Queries[programquery.ReferralLinks](a, application.List[programquery.ReferralLink]{Items: []programquery.ReferralLink{sampleLink}}),
			ReferralLinkByKey:  porttest.Queries[programquery.ReferralLinkByKey](a, sampleLink),
			ReferralDomains:    porttest.Queries[programquery.ReferralDomains](a, application.List[string]{Items: []string{"https://yourcompany.com"}}),
		},
		CustomerHandlers: CustomerHandlers{
			CreateCustomer:    porttest.Commands(a, func(c programcommand.CreateCustomer) application.Response { return c.Once.Render(sampleCustomer) }),
			UpdateCustomer:    porttest.Commands(a, func(c programcommand.UpdateCustomer) application.Response { return c.Once.Render(sampleCustomer) }),
			ArchiveCustomer:   porttest.Commands(a, func(c programcommand.ArchiveCustomer) application.Response { return c.Once.Render(sampleCustomer) }),
			UnarchiveCustomer: porttest.Commands(a, func(c programcommand.UnarchiveCustomer) application.Response { return c.Once.Render(sampleCustomer) }),
			DeleteCustomer:    porttest.Commands(a, func(c programcommand.DeleteCustomer) application.Response { return c.Once.Render(sampleCustomer) }),
			Customers:         porttest.Queries[programquery.Customers](a, application.List[programquery.Customer]{Items: []programquery.Customer{sampleCustomer}}),
			CustomerByHandle:  porttest.Queries[programquery.CustomerByHandle](a, sampleCustomer),
		},
		LeadHandlers: LeadHandlers{
			UpdateLeadForm:   porttest.Commands(a, func(c programcommand.UpdateLeadForm) application.Response { return c.Once.Render(sampleForm) }),
			LeadFormOfSeller: porttest.Queries[programquery.LeadFormOfSeller](a, sampleForm),
			SubmitFormLead:   porttest.Commands(a, func(c programcommand.SubmitFormLead) application.Response { return c.Once.Render(sampleFormLead) }),
			ConvertLead:      porttest.Commands(a, func(c programcommand.ConvertLead) application.Response { return c.Once.Render(sampleFormLead) }),
			RejectLead:       porttest.Commands(a, func(c programcommand.RejectLead) application.Response { return c.Once.Render(sampleFormLead) }),
			DeleteLead:       porttest.Commands(a, func(c programcommand.DeleteLead) application.Response { return c.Once.Render(struct{}{}) }),
			FormLeads:        porttest.Queries[programquery.FormLeads](a, application.List[programquery.FormLead]{Items: []programquery.FormLead{sampleFormLead}}),
			FormLeadByNumber: porttest.Queries[programquery.FormLeadByNumber](a, sampleFormLead),
		},
		OverviewHandlers: OverviewHandlers{
			Overview: porttest.Queries[programquery.Overview](a, sampleOverview),
		},
		TrackingHandlers: TrackingHandlers{
			FollowLink:     porttest.Queries[programcommand.FollowLink](a, programcommand.Followed{Referral: sampleReferral}),
			SignUpCustomer: porttest.Queries[programcommand.SignUpCustomer](a, programcommand.SignedUp{}),
		},
	}
}

var examples = map[string]porttest.Example{
	"POST /v1/partners":                {Body: `{"email":"john@example.com","name":"John","surname":"Doe","tags":["new","premium"]}`},
	"POST /v1/partner":                 {Body: `{"email":"john@example.com"}`},
	"PUT /v1/partners":                 {Body: `{"id":"partner_123","name":"Johnny"}`},
	"PUT /v1/partner":                  {Body: `{"key":"ref_123","update":{"name":"Johnny"}}`},
	"DELETE /v1/partners":              {Body: `{"email":"john@example.com"}`},
	"DELETE /v1/partner":               {Body: `{"id":7}`},
	"POST /v1/partners:invite":         {Body: `{"email":"jane@example.com","name":"Jane"}`},
	"POST /v1/partners:sign-in-url":    {Body: `{"email":"john@example.com","expires_in":120}`},
	"POST /v1/partner_referral_links":  {Body: `{"key":"spring","partner":{"id":"partner_123"}}`},
	"POST /v1/customers":               {Body: `{"partner":{"key":"ref_123"},"key":"customer_123"}`},
	"POST /v1/customer":                {Body: `{"partner":{"key":"ref_123"},"customer":{"key":"customer_123"}}`},
	"PUT /v1/customers":                {Body: `{"key":"customer_123","name":"Alicia"}`},
	"PUT /v1/customer":                 {Body: `{"email":"alice.brown@example.com","name":"Alicia"}`},
	"DELETE /v1/customer":              {Body: `{"key":"customer_123"}`},
	"POST /v1/leads":                   {Body: `{"partner":{"key":"ref_123"},"name":"Alice Brown","email":"alice.brown@example.com"}`},
	"POST /v1/leads/convert":           {Body: `{"id":71,"commission_transaction_amount":99.5}`},
	"POST /v1/leads/reject":            {Body: `{"id":"71"}`},
	"GET /track/{site_key}":            {Header: fromShop},
	"POST /track/{site_key}/clicks":    {Header: fromShop, Body: `{"key":"ref_123"}`},
	"POST /track/{site_key}/customers": {Header: fromShop, Body: `{"partner":{"key":"ref_123"},"key":"account_1"}`},
	"GET /v1/partner":                  {Query: "?email=a@b.example"},
	"GET /v1/customer":                 {Query: "?email=a@b.example"},
	"GET /v1/leads/convert":            {Query: "?id=71"},
	"GET /v1/leads/reject":             {Query: "?id=71"},
}
