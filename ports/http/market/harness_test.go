package markethttp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
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

const leadBody = `{"seller":"ACME1234","category":"Auto Insurance","firstName":"John","lastName":"Doe","phone":"555-123-4567","state":"TX"}`

const documentedCampaign = `{"name":"Auto","category":"Auto Insurance","status":"active",
 "fields":[{"name":"zip","type":"zip","required":true},{"name":"homeowner","type":"boolean","dimension":true}],
 "distribution":{"mode":"exclusive","max_sales":1,"strategy":"priority"},
 "dedupe":{"fields":["phone","email"],"match":"any","window_days":30},
 "pending_ttl_hours":72,"price_shown":"payout","supplier_payout":{"type":"percent","value":70},
 "field_map":{"first_name":"firstName","/contact/phone":"phone"},"redirect_url":"https://www.example.com/thanks"}`

var (
	sampleBuyer = marketquery.Buyer{
		ID: "buyer_1", Name: "Best Insurance", Email: "leads@best.example", Status: "active",
		TimeZone: "America/New_York", Balance: 1000_000_000, CreditLimit: 500_000, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
		Caps: []marketquery.Cap{{Window: "day", HasLeads: true, Leads: 7}},
	}
	sampleEntry = marketquery.LedgerEntry{
		ID: "entry_1", Type: "deposit", Amount: 1000_000_000, BalanceAfter: 1000_000_000,
		Note: "wire 42", CreatedAt: porttest.Start,
	}
	sampleCampaign = marketquery.Campaign{
		ID: "campaign_1", Name: "Auto", Category: "Auto Insurance", Status: "active",
		Fields: []field.Rule{{Name: "zip", Type: field.TypeZip, Required: true}, {Name: "kind", Type: field.TypeEnum, Options: []string{"a"}, Dimension: true}},
		Mode:   "exclusive", MaxSales: 1, Strategy: "priority", DedupeFields: []string{"phone"}, DedupeMatch: "any", DedupeWindowDays: 30,
		PendingTTLHours: 72, PriceShown: "payout", PayoutType: "percent", PayoutPercent: 705_000, FieldMap: map[string]string{"first_name": "firstName"}, RedirectURL: "https://www.example.com/thanks", Caps: []marketquery.Cap{{Window: "hour", HasLeads: true, Leads: 9}}, ReservePrice: 12_500_000, AuctionTimeout: time.Second, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
	}
	sampleContract = marketquery.Contract{
		ID: "contract_1", CampaignID: "campaign_1", BuyerID: "buyer_1", Status: "active", Price: 45_000_000,
		Priority: 1, Weight: 1, TimeZone: "America/Chicago", Caps: []marketquery.Cap{
			{Window: "day", HasLeads: true, Leads: 100},
			{Window: "month", HasBudget: true, Budget: 5000_000_000},
		}, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
	}
	sampleLead = marketquery.MarketplaceLead{
		ID: "lead_1", Origin: "supplier", Status: "sold", CampaignID: "campaign_1", Category: "Auto Insurance",
		PartnerID: "partner_123", KeyID: "k1", ExternalID: "x", Test: true, Code: "c", Reason: "r", Payout: 31_500_000,
		Fields: field.Set{
			"a": field.TextValue(`"q"`), "b": {Kind: field.Number, Text: "1.50"}, "c": {Kind: field.Bool, Text: "true"},
			"d": {}, "e": {Kind: field.Other, Text: `[1,{"x":2}]`},
		},
		Trace: lead.Trace{
			Considered: []lead.Consideration{{ContractID: "contract_2", BuyerID: "buyer_2", Reason: "cap_day", Of: "buyer", Price: 50_000_000}, {ContractID: "contract_1", BuyerID: "buyer_1", Reason: "sold", Price: 45_000_000}},
			More:       map[string]int{"cap": 3},
		},
		Sales: []marketquery.Sale{{ID: "sale_1", ContractID: "contract_1", BuyerID: "buyer_1", BuyerName: "Best Insurance", Status: "captured", Live: true, Price: 45_000_000, SoldAt: porttest.Start, Delivery: "delivered"}},
		State: "TX", PingID: "ping_1", Price: 45_000_000, AskingPrice: 12_500_000, CreatedAt: porttest.Start, UpdatedAt: porttest.Start, PendingUntil: porttest.Start,
	}
	sampleHeld = []marketquery.Held{
		{Customer: &application.HeldCustomer{ID: "customer_1", Key: "c-1", Email: "john.doe@email.com", Name: "John", Surname: "Doe", Status: "active", PartnerID: "partner_123", CreatedAt: porttest.Start, UpdatedAt: porttest.Start}},
		{Mail: &application.HeldMail{Recipient: "john.doe@email.com", Kind: "invitation", DueAt: porttest.Start}},
		{Lead: &marketquery.SubjectLead{
			MarketplaceLead: sampleLead, Sales: []marketquery.SubjectSale{{Sale: sampleLead.Sales[0], BuyerName: "Best Insurance", Currency: "USD"}},
			Form: &marketquery.SubjectForm{Number: 7, Status: "converted", Name: "John Doe", Email: "john.doe@email.com", CustomerID: "customer_1", Answers: []lead.Answer{{ID: 1, Question: "Q", Answer: "A"}}},
		}},
		{Lead: &marketquery.SubjectLead{MarketplaceLead: marketquery.MarketplaceLead{ID: "lead_2", Origin: "form", CreatedAt: porttest.Start, UpdatedAt: porttest.Start}}},
	}
	sampleErasure = marketquery.Erasure{
		ID: "erasure_1", Subject: "email", State: "done", RequestedAt: porttest.Start, FinishedAt: porttest.Start,
		Counts: market.ErasureCounts{Leads: 1, FormAnswers: 2, Customers: 3, Mails: 4, Answers: 5, Claims: 6, Requests: 7},
		Leads:  []string{"lead_1"},
	}
	sampleSale = marketquery.SoldLead{
		Sale:   marketquery.Sale{ID: "sale_1", ContractID: "contract_1", BuyerID: "buyer_1", Status: "return_requested", Price: 45_000_000, SoldAt: porttest.Start, Delivery: "none"},
		LeadID: "lead_1", CampaignID: "campaign_1", Payout: 31_500_000,
	}
	sampleDelivery = marketquery.Delivery{
		ID: "delivery_1", SaleID: "sale_1", LeadID: "lead_1", CampaignID: "campaign_1", ContractID: "contract_1", BuyerID: "buyer_1", Status: "pending", Tried: 2,
		NextAt: porttest.Start, CreatedAt: porttest.Start, UpdatedAt: porttest.Start, Attempts: []marketquery.DeliveryAttempt{
			{Number: 2, At: porttest.Start, Took: 1500 * time.Microsecond, Status: 500, Reason: "refused", Request: `{"lead_id":"lead_1"}`, Answer: "***"},
			{Number: 1, At: porttest.Start, Took: time.Second, Reason: "timeout", Said: &delivery.Answer{Reference: "ref"}},
		},
		Deadline: porttest.Start, Reference: "ref",
	}
	sampleDelivering = marketquery.Contract{
		ID: "contract_2", CampaignID: "campaign_1", BuyerID: "buyer_1", Status: "active", Weight: 1, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
		Delivery: &campaign.Delivery{
			URL: "https://buyer.example/leads", Format: campaign.DeliveryForm, Timeout: 5 * time.Second, Fields: map[string]string{"tel": "lead.phone"},
			Static: map[string]string{"source": "acme"}, Headers: []campaign.DeliveryHeader{{Name: "X-Key", Sealed: []byte("sealed")}}, Secret: []byte("sealed"),
			Confirm: true, PriceFromAnswer: true, Response: campaign.Response{
				Accepted: campaign.Sign{Path: "$.result", Equals: "OK"}, Rejected: campaign.Sign{Contains: "NO"}, Price: "$.price", Reference: "$.id",
			},
		}, DeliverySecret: "whsec_made", Bid: &campaign.Bid{URL: "https://buyer.example/bid", Timeout: 500 * time.Millisecond, Fields: map[string]string{"st": "lead.state"}},
	}
	sampleReturn = marketquery.Return{
		ID: "return_1", SaleID: "sale_1", LeadID: "lead_1", CampaignID: "campaign_1", ContractID: "contract_1", BuyerID: "buyer_1", Reason: "invalid_contact",
		Note: "n", Status: "approved", DecisionNote: "d", Automatic: true, Price: 45_000_000, Payout: 31_500_000, SoldAt: porttest.Start,
		RequestedAt: porttest.Start, DecidedAt: porttest.Start,
	}
	sampleSpec = marketquery.PostingSpec{
		ID: "campaign_1", Name: "Auto", Category: "Joe's <Auto>", SellerCode: "ACME1234", SellerName: "Acme & Co", PriceShown: "payout",
		Fields:   []field.Rule{{Name: "firstName", Type: field.TypeString, Required: true}, {Name: "phone", Type: field.TypePhone}, {Name: "roof", Type: field.TypeEnum, Options: []string{"it's flat", "steep"}}},
		FieldMap: map[string]string{"first_name": "firstName"}, DedupeFields: []string{"phone", "email"}, DedupeMatch: "any", DedupeWindowDays: 30,
	}
	sampleSuppression = market.Suppression{SellerID: "seller_1", ID: "suppression_1", Kind: "phone", Masked: "*******0001", JobID: "job_1", CreatedAt: porttest.Start}
	sampleJob         = market.SellerJob{
		SellerID: "seller_1", ID: "job_1", Kind: market.SellerJobSuppressions, State: market.JobDone, Done: 2, Total: 2, Failed: 1,
		Errors: []market.LineError{{Line: 3, Reason: "is no CSV"}}, CreatedAt: porttest.Start, FinishedAt: porttest.Start,
	}
	samplePing = marketcommand.LeadPinged{
		PingID: "ping_1", Price: 31_500_000, HasPrice: true, Currency: porttest.USD, Test: true, ExpiresAt: porttest.Start,
	}
	sampleSold = marketcommand.SubmitLeadResult{
		LeadID: "lead_01J", Status: "sold", Price: 45_000_000, HasPrice: true, Currency: porttest.USD,
		BuyerIDs: []string{"buyer_01J"},
	}
)

func handlers(a *porttest.App) Handlers {
	return Handlers{
		SupplierHandlers: SupplierHandlers{
			SubmitLead:  porttest.Commands(a, func(c marketcommand.SubmitLead) application.Response { return c.Render(sampleSold) }),
			PingLead:    porttest.Commands(a, func(c marketcommand.PingLead) application.Response { return c.Once.Render(samplePing) }),
			AwaitAnswer: porttest.Commands(a, func(c marketcommand.AwaitAnswer) application.Response { return c.Done.Response }),
			SubmitBulk: bus.HandlerFunc[marketcommand.SubmitBulk, marketcommand.BulkSubmitted](func(_ context.Context, c marketcommand.SubmitBulk) (marketcommand.BulkSubmitted, error) {
				if err := a.Note(c); err != nil {
					return marketcommand.BulkSubmitted{}, err
				}
				var leads [][]byte
				for i := range c.Leads {
					sent, err := c.Lead(i)
					if err != nil {
						leads = append(leads, c.Render(application.Done{}, err))
						continue
					}
					leads = append(leads, c.Render(application.Done{Response: sent.Render(sampleSold), Replayed: a.Again}, nil))
				}
				return marketcommand.BulkSubmitted{Leads: bytes.Join(leads, []byte(",")), Replayed: a.Again}, nil
			}),
			ImportLeads: bus.HandlerFunc[marketcommand.ImportLeads, application.Done](func(_ context.Context, c marketcommand.ImportLeads) (application.Done, error) {
				if err := a.Note(c); err != nil {
					return application.Done{}, err
				}
				b, err := io.ReadAll(c.Body)
				if err != nil {
					return application.Done{}, err
				}
				j := sampleJob
				j.State, j.Total = market.JobPending, int64(len(b))
				return application.Done{Response: c.Once(sha256.Sum256(b)).Render(j), Replayed: a.Again}, nil
			}),
			LeadImportByID: porttest.Queries[marketquery.LeadImportByID](a, marketquery.LeadImport{
				SellerJob: sampleJob, More: true, Lines: []market.ToldLine{
					{Line: 2, Told: tellLine(application.Done{Response: renderLead(sampleSold), Replayed: true}, nil)},
					{Line: 3, Told: tellLine(application.Done{}, field.ErrMissing.With(fault.Violation{Field: "phone", Code: fault.Required, Message: "is required"}))},
				},
			}),
			SupplierLeadByID: porttest.Queries[marketquery.SupplierLeadByID](a, marketquery.SupplierLead{
				ID: "lead_1", Status: "sold", Test: true, Price: 45_000_000,
				HasPrice: true, BuyerIDs: []string{"buyer_1"}, CreatedAt: porttest.Start, UpdatedAt: porttest.Start,
			}),
		},
		FormHandlers: FormHandlers{
			SubmitForm: bus.HandlerFunc[marketcommand.SubmitForm, marketcommand.FormSubmitted](func(_ context.Context, c marketcommand.SubmitForm) (marketcommand.FormSubmitted, error) {
				if err := a.Note(c); err != nil {
					return marketcommand.FormSubmitted{}, err
				}
				done := marketcommand.FormSubmitted{Done: application.Done{Response: c.Render(sampleSold), Replayed: a.Again}}
				if c.Fields.Text("lastName") != "Nowhere" {
					done.RedirectURL = "https://shop.example/thanks?from=form"
				}
				return done, nil
			}),
			NewFormToken: porttest.Queries[marketquery.NewFormToken](a, marketquery.FormToken{Token: "t1", ExpiresAt: porttest.Start}),
		},
		BuyerHandlers: BuyerHandlers{
			CreateBuyer: porttest.Commands(a, func(c marketcommand.CreateBuyer) application.Response { return c.Once.Render(sampleBuyer) }),
			UpdateBuyer: porttest.Commands(a, func(c marketcommand.UpdateBuyer) application.Response { return c.Once.Render(sampleBuyer) }),
			PauseBuyer:  porttest.Commands(a, func(c marketcommand.PauseBuyer) application.Response { return c.Once.Render(sampleBuyer) }),
			ResumeBuyer: porttest.Commands(a, func(c marketcommand.ResumeBuyer) application.Response { return c.Once.Render(sampleBuyer) }),
			Deposit:     porttest.Commands(a, func(c marketcommand.Deposit) application.Response { return c.Once.Render(sampleEntry) }),
			Withdraw:    porttest.Commands(a, func(c marketcommand.Withdraw) application.Response { return c.Once.Render(sampleEntry) }),
			Buyers:      porttest.Queries[marketquery.Buyers](a, application.List[marketquery.Buyer]{}),
			BuyerByID:   porttest.Queries[marketquery.BuyerByID](a, sampleBuyer),
			BuyerUsage: porttest.Queries[marketquery.BuyerUsage](a, []marketquery.Usage{
				{Cap: sampleBuyer.Caps[0], Used: 1, Spent: 45_000_000, ResetsAt: porttest.Start},
			}),
			Ledger: porttest.Queries[marketquery.Ledger](a, application.List[marketquery.LedgerEntry]{Items: []marketquery.LedgerEntry{sampleEntry, {ID: "entry_2", Type: "sale", Amount: -45_000_000, SaleID: "sale_1", CreatedAt: porttest.Start}}, Next: "entry_2"}),
			Statement: bus.HandlerFunc[marketquery.Statement, marketquery.StatementClosing](func(_ context.Context, q marketquery.Statement) (marketquery.StatementClosing, error) {
				if err := a.Note(q); err != nil {
					return marketquery.StatementClosing{}, err
				}
				chicago := time.FixedZone("America/Chicago", -6*3600)
				err := errors.Join(q.Begin(marketquery.StatementOpening{
					Buyer: sampleBuyer, TimeZone: "America/Chicago", From: time.Date(2025, 4, 1, 0, 0, 0, 0, chicago), To: time.Date(2025, 5, 1, 0, 0, 0, 0, chicago), Opening: 5_000_000,
				}), q.Entry(sampleEntry), q.Entry(marketquery.LedgerEntry{
					ID: "entry_2", Type: "sale", Amount: -45_000_000, BalanceAfter: 960_000_000, SaleID: "sale_1", LeadID: "lead_1", Note: `=<script>"x"`, CreatedAt: porttest.Start,
				}))
				return marketquery.StatementClosing{
					Totals: []marketquery.StatementTotal{{Type: "deposit", Entries: 1, Amount: 1000_000_000}, {Type: "sale", Entries: 1, Amount: -45_000_000}}, Closing: 960_000_000,
				}, err
			}),
		},
		CampaignHandlers: CampaignHandlers{
			CreateCampaign: porttest.Commands(a, func(c marketcommand.CreateCampaign) application.Response {
				return c.Once.Render(sampleCampaign)
			}),
			UpdateCampaign:  porttest.Commands(a, func(c marketcommand.UpdateCampaign) application.Response { return c.Once.Render(sampleCampaign) }),
			PauseCampaign:   porttest.Commands(a, func(c marketcommand.PauseCampaign) application.Response { return c.Once.Render(sampleCampaign) }),
			ResumeCampaign:  porttest.Commands(a, func(c marketcommand.ResumeCampaign) application.Response { return c.Once.Render(sampleCampaign) }),
			ArchiveCampaign: porttest.Commands(a, func(c marketcommand.ArchiveCampaign) application.Response { return c.Once.Render(sampleCampaign) }),
			Campaigns: porttest.Queries[marketquery.Campaigns](a, application.List[marketquery.Campaign]{Items: []marketquery.Campaign{
				sampleCampaign,
				{Status: "paused", PriceShown: "hidden", PayoutType: "fixed", PayoutFixed: 1_000_000},
				{Status: "archived", PriceShown: "sale"},
			}}),
			CampaignByID: porttest.Queries[marketquery.CampaignByID](a, sampleCampaign),
			PreviewLead:  porttest.Queries[marketcommand.PreviewLead](a, marketcommand.PreviewLeadResult{Outcome: "sold", BuyerIDs: []string{"buyer_1"}, Trace: sampleLead.Trace}),
			CampaignUsage: porttest.Queries[marketquery.CampaignUsage](a, []marketquery.Usage{
				{Cap: sampleCampaign.Caps[0], Used: 2, Spent: 90_000_000, ResetsAt: porttest.Start},
			}),
		},
		ContractHandlers: ContractHandlers{
			CreateContract: porttest.Commands(a, func(c marketcommand.CreateContract) application.Response { return c.Once.Render(sampleContract) }),
			UpdateContract: porttest.Commands(a, func(c marketcommand.UpdateContract) application.Response { return c.Once.Render(sampleContract) }),
			PauseContract:  porttest.Commands(a, func(c marketcommand.PauseContract) application.Response { return c.Once.Render(sampleContract) }),
			ResumeContract: porttest.Commands(a, func(c marketcommand.ResumeContract) application.Response { return c.Once.Render(sampleContract) }),
			DeleteContract: porttest.Commands(a, func(c marketcommand.DeleteContract) application.Response { return c.Once.Render(sampleContract) }),
			Contracts:      porttest.Queries[marketquery.Contracts](a, application.List[marketquery.Contract]{Items: []marketquery.Contract{sampleContract}}),
			ContractByID:   porttest.Queries[marketquery.ContractByID](a, sampleContract),
			ContractUsage: porttest.Queries[marketquery.ContractUsage](a, []marketquery.Usage{
				{Cap: marketquery.Cap{Window: "day", HasLeads: true, Leads: 100, HasBudget: true, Budget: 5_000_000}, Used: 3, Spent: 135_000_000, ResetsAt: porttest.Start},
				{Cap: marketquery.Cap{Window: string(calendar.Total)}, Used: 3, Spent: 135_000_000},
			}),
		},
		LeadHandlers: LeadHandlers{
			MarketplaceLeads:    porttest.Queries[marketquery.MarketplaceLeads](a, application.List[marketquery.MarketplaceLead]{Items: []marketquery.MarketplaceLead{sampleLead, {Origin: "supplier", Status: "pending"}}}),
			MarketplaceLeadByID: porttest.Queries[marketquery.MarketplaceLeadByID](a, sampleLead),
			ExportLeads: bus.HandlerFunc[marketquery.ExportLeads, int64](func(_ context.Context, q marketquery.ExportLeads) (int64, error) {
				if err := a.Note(q); err != nil {
					return 0, err
				}
				for _, l := range []marketquery.MarketplaceLead{sampleLead, {ID: "lead_2", Status: "pending", ExternalID: "=1+1", Reason: "a,\"b\""}} {
					if err := q.Tell(l); err != nil {
						return 0, err
					}
				}
				return 2, nil
			}),
			ApproveQuarantined: porttest.Commands(a, func(c marketcommand.ApproveQuarantined) application.Response { return c.Once.Render(sampleLead) }),
		},
		ReturnHandlers: ReturnHandlers{
			Sales:         porttest.Queries[marketquery.Sales](a, application.List[marketquery.SoldLead]{Items: []marketquery.SoldLead{sampleSale}}),
			SaleByID:      porttest.Queries[marketquery.SaleByID](a, sampleSale),
			RequestReturn: porttest.Commands(a, func(c marketcommand.RequestReturn) application.Response { return c.Once.Render(sampleReturn) }),
			Returns:       porttest.Queries[marketquery.Returns](a, application.List[marketquery.Return]{Items: []marketquery.Return{sampleReturn, {Reason: "other", Status: "pending"}}}),
			ReturnByID:    porttest.Queries[marketquery.ReturnByID](a, sampleReturn),
			ApproveReturn: porttest.Commands(a, func(c marketcommand.ApproveReturn) application.Response { return c.Once.Render(sampleReturn) }),
			RejectReturn:  porttest.Commands(a, func(c marketcommand.RejectReturn) application.Response { return c.Once.Render(sampleReturn) }),
			RedistributeLead: porttest.Commands(a, func(c marketcommand.RedistributeLead) application.Response {
				return c.Once.Render(sampleLead)
			}),
			ChangeLeadPrice:  porttest.Commands(a, func(c marketcommand.ChangeLeadPrice) application.Response { return c.Once.Render(sampleLead) }),
			RejectMarketLead: porttest.Commands(a, func(c marketcommand.RejectMarketLead) application.Response { return c.Once.Render(sampleLead) }),
		},
		DeliveryHandlers: DeliveryHandlers{
			Deliveries: porttest.Queries[marketquery.Deliveries](a, application.List[marketquery.Delivery]{
				Items: []marketquery.Delivery{sampleDelivery, {ID: "delivery_2", Status: "failed", Reason: "gone"}}, Next: "delivery_2",
			}),
			DeliveryByID:     porttest.Queries[marketquery.DeliveryByID](a, sampleDelivery),
			DeliveriesOfLead: porttest.Queries[marketquery.DeliveriesOfLead](a, []marketquery.Delivery{sampleDelivery}),
			Redeliver:        porttest.Commands(a, func(c marketcommand.Redeliver) application.Response { return c.Once.Render(sampleDelivery) }),
			TestDelivery:     porttest.Queries[marketcommand.TestDelivery](a, sampleDelivery.Attempts[0]),
			RotateContractSecret: porttest.Commands(a, func(c marketcommand.RotateContractSecret) application.Response {
				return c.Once.Render(sampleDelivering)
			}),
		},
		ErasureHandlers: ErasureHandlers{
			EraseLead: porttest.Commands(a, func(c marketcommand.EraseLead) application.Response { return c.Once.Render(struct{}{}) }),
			RequestErasure: porttest.Commands(a, func(c marketcommand.RequestErasure) application.Response {
				return c.Once.Render(marketcommand.ErasureRequested{ID: "erasure_1"})
			}),
			ErasureByID: porttest.Queries[marketquery.ErasureByID](a, sampleErasure),
			SubjectAccess: bus.HandlerFunc[marketquery.SubjectAccess, marketquery.SubjectHeld](func(_ context.Context, q marketquery.SubjectAccess) (marketquery.SubjectHeld, error) {
				if err := a.Note(q); err != nil {
					return marketquery.SubjectHeld{}, err
				}
				for _, h := range sampleHeld {
					if err := q.Tell(h); err != nil {
						return marketquery.SubjectHeld{}, err
					}
				}
				return marketquery.SubjectHeld{Claims: 2, Complete: true}, nil
			}),
		},
		PostingSpecHandlers: PostingSpecHandlers{
			PostingSpecs:      porttest.Queries[marketquery.PostingSpecs](a, []marketquery.PostingSpec{sampleSpec}),
			PostingSpecByID:   porttest.Queries[marketquery.PostingSpecByID](a, sampleSpec),
			PostingSpecByLink: porttest.Queries[marketquery.PostingSpecByLink](a, sampleSpec),
			SpecLink:          porttest.Queries[marketquery.SpecLink](a, marketquery.SpecToken{Token: "abc", ExpiresAt: porttest.Start}),
		},
		SuppressionHandlers: SuppressionHandlers{
			AddSuppression:    porttest.Commands(a, func(c marketcommand.AddSuppression) application.Response { return c.Once.Render(sampleSuppression) }),
			DeleteSuppression: porttest.Commands(a, func(c marketcommand.DeleteSuppression) application.Response { return c.Once.Render(struct{}{}) }),
			Suppressions:      porttest.Queries[marketquery.Suppressions](a, application.List[market.Suppression]{Items: []market.Suppression{sampleSuppression}}),
			ImportSuppressions: porttest.Commands(a, func(c marketcommand.ImportSuppressions) application.Response {
				return c.Once([32]byte{}).Render(sampleJob)
			}),
			SellerJobByID: porttest.Queries[marketquery.SellerJobByID](a, sampleJob),
		},
		ReportHandlers: ReportHandlers{
			Earnings: porttest.Queries[marketquery.Earnings](a, []marketquery.Earning{
				{Day: "2025-04-30", CampaignID: "campaign_1", CampaignName: "=Auto", SoldGross: 3, SoldNet: 2, Earned: 94_500_000, Returned: 31_500_000, Owed: 63_000_000},
				{Day: "2025-05-01", CampaignID: "campaign_1", SoldNet: -1, SoldGross: 0, Returned: 1_000_000, Owed: -1_000_000},
			}),
			CampaignReport: porttest.Queries[marketquery.CampaignReport](a, []marketquery.CampaignReportRow{{
				Day: "2025-04-30", Leads: marketquery.LeadCounts{Submitted: 3, Sold: 2, Pending: 1},
				SoldGross: 2, SoldNet: 2, Revenue: 90_000_000, Payout: 63_000_000, Margin: 27_000_000, AcceptanceRate: "0.6667",
			}}),
		},
	}
}

var examples = map[string]porttest.Example{
	"POST /v1/campaigns/{id}/preview":           {Body: `{"lead":{"state":"TX"}}`},
	"POST /api/leads":                           {Body: leadBody},
	"POST /api/leads/ping":                      {Body: `{"seller":"ACME1234","category":"Auto Insurance","state":"TX"}`},
	"POST /api/leads/bulk":                      {Body: `{"leads":[` + leadBody + `]}`},
	"POST /api/leads/import":                    {Body: "phone\n555-123-4567\n", Query: "?seller=ACME1234&category=x", Header: http.Header{"Content-Type": {"text/csv"}}},
	"POST /v1/suppressions":                     {Body: `{"kind":"phone","value":"555-123-4567"}`},
	"DELETE /v1/suppressions":                   {Body: `{"kind":"email","value":"john.doe@email.com"}`},
	"POST /v1/suppressions/import":              {Body: "phone\n555-123-4567\n", Header: http.Header{"Content-Type": {"text/csv"}}},
	"POST /v1/buyers":                           {Body: `{"name":"Best Insurance","email":"leads@best.example","credit_limit":0,"time_zone":"America/New_York"}`},
	"POST /v1/buyers/{id}/deposits":             {Body: `{"amount":1000.00,"note":"wire 42"}`},
	"POST /v1/buyers/{id}/withdrawals":          {Body: `{"amount":1000.00}`},
	"POST /v1/campaigns":                        {Body: documentedCampaign},
	"POST /v1/campaigns/{id}/contracts":         {Body: `{"buyer_id":"buyer_1","price":45.00}`},
	"GET /v1/buyers/{id}/statement":             {Query: "?month=2025-04"},
	"PUT /v1/marketplace/leads/{lead_id}/price": {Body: `{"price":12.50,"was":null}`},
	"POST /v1/sales/{id}/returns":               {Body: `{"reason":"invalid_contact","note":"n"}`},
	"GET /v1/partners/{id}/earnings":            {Query: "?from=2025-04-01&to=2025-04-30"},
	"GET /v1/subject-access":                    {Query: "?phone=%2B15551234567"},
	"POST /v1/erasures":                         {Body: `{"email":"john.doe@email.com"}`},
}
