package leadmill

import (
	"context"
	"fmt"

	"github.com/leadmill/leadmill/adapters/eventlog"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/command"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/seller"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// scopes says which scope each operation needs (api/marketplace.md, "Scopes").
var scopes = map[string]seller.Scope{
	"SubmitLead": seller.Supplier, "SupplierLeadByID": seller.Supplier,
	"CreateSeller": seller.Admin, "UpdateSeller": seller.Admin, "Sellers": seller.Admin, "SellerByCode": seller.Admin,
	"CreateAPIKey": seller.Program, "RevokeAPIKey": seller.Program, "APIKeys": seller.Program,
	"CreatePartner": seller.Program, "UpdatePartner": seller.Program, "SteerPartner": seller.Program, "DeletePartner": seller.Program,
	"InvitePartner": seller.Program, "CreateSignInURL": seller.Program, "PartnerByHandle": seller.Program, "Partners": seller.Program,
	"AddReferralLink": seller.Program, "ChangeReferralLink": seller.Program, "RemoveReferralLink": seller.Program,
	"ReferralLinks": seller.Program, "ReferralLinkByKey": seller.Program,
	"CreateCustomer": seller.Program, "UpdateCustomer": seller.Program, "SteerCustomer": seller.Program,
	"Customers": seller.Program, "CustomerByHandle": seller.Program,
	"UpdateLeadForm": seller.Program, "LeadFormOfSeller": seller.Program, "SubmitFormLead": seller.Program, "ConvertLead": seller.Program,
	"RejectLead": seller.Program, "DeleteLead": seller.Program, "FormLeads": seller.Program, "FormLeadByNumber": seller.Program,
	"UpdateSettings": seller.Program, "SettingsOfSeller": seller.Program, "Overview": seller.Program,
	"CreateBuyer": seller.Program, "UpdateBuyer": seller.Program, "PauseBuyer": seller.Program, "MoveMoney": seller.Program,
	"Buyers": seller.Program, "BuyerByID": seller.Program, "Ledger": seller.Program,
	"CreateCampaign": seller.Program, "UpdateCampaign": seller.Program, "SteerCampaign": seller.Program,
	"Campaigns": seller.Program, "CampaignByID": seller.Program,
	"CreateContract": seller.Program, "UpdateContract": seller.Program, "SteerContract": seller.Program,
	"Contracts": seller.Program, "ContractByID": seller.Program, "ContractUsage": seller.Program,
	"MarketplaceLeads": seller.Program, "MarketplaceLeadByID": seller.Program,
	"CampaignReport": seller.Program, "Events": seller.Program,
}

// keyless are the operations that nobody needs a key for: they are a visitor's, or show themselves by a token of their own.
var keyless = []string{"FollowLink", "AcceptInvitation", "OpenSession", "CloseSession", "OpenInvitation", "PartnerPage"}

// does makes a replayable command of a handler, inside the chain.
func does[C any](chain bus.Chain, name string, h bus.Handler[C, command.Done]) bus.Handler[C, command.Done] {
	return bus.Wrap(chain, bus.Command, name, h)
}

// answers makes a query of a method of a read model, inside the chain.
func answers[Q, R any](chain bus.Chain, name string, read func(context.Context, Q) (R, error)) bus.Handler[Q, R] {
	return bus.Wrap(chain, bus.Query, name, bus.HandlerFunc[Q, R](read))
}

// plain is does for a command that is not replayable.
func plain[C, R any](chain bus.Chain, name string, h bus.Handler[C, R]) bus.Handler[C, R] {
	return bus.Wrap(chain, bus.Command, name, h)
}

// newHandlers puts the chain around every use case. Adding one is a line here and a line in scopes.
func newHandlers(chain bus.Chain, d command.Deps, secrets application.Secrets, hasher application.PasswordHasher, strategies campaign.Strategies,
	policies attribution.Policies, rules lead.IntakeRules, replays application.ReplayReader, directory *command.Directory,
	batcher *bus.Batcher[*command.Submission, command.Done], clicks *bus.Batcher[application.Click, struct{}],
	keyring *application.Keyring, r *sqlstore.Reader, db *dialect.DB, l *eventLog) httpport.Handlers {
	reports := sqlstore.NewCampaignReport(db)
	feed := eventlog.NewFeed(l.reader, eventsv1.Types())
	return httpport.Handlers{
		SubmitLead:   does[command.SubmitLead](chain, "SubmitLead", &command.SubmitLeadHandler{Deps: d, Replays: replays, Directory: directory, Batch: batcher}),
		SupplierLead: answers(chain, "SupplierLeadByID", r.SupplierLeadByID),

		CreateSeller: does[command.CreateSeller](chain, "CreateSeller", command.CreateSellerHandler{Deps: d, Secrets: secrets}),
		UpdateSeller: forgetting(keyring, does[command.UpdateSeller](chain, "UpdateSeller", command.UpdateSellerHandler{Deps: d})),
		Sellers:      answers(chain, "Sellers", r.Sellers),
		Seller:       answers(chain, "SellerByCode", r.SellerByCode),

		CreateAPIKey: does[command.CreateAPIKey](chain, "CreateAPIKey", command.CreateAPIKeyHandler{Deps: d, Secrets: secrets}),
		RevokeAPIKey: forgetting(keyring, does[command.RevokeAPIKey](chain, "RevokeAPIKey", command.RevokeAPIKeyHandler{Deps: d})),
		APIKeys:      answers(chain, "APIKeys", r.APIKeys),

		CreatePartner:   does[command.CreatePartner](chain, "CreatePartner", command.CreatePartnerHandler{Deps: d, Secrets: secrets, Hasher: hasher}),
		UpdatePartner:   does[command.UpdatePartner](chain, "UpdatePartner", command.UpdatePartnerHandler{Deps: d, Hasher: hasher}),
		SteerPartner:    does[command.SteerPartner](chain, "SteerPartner", command.SteerPartnerHandler{Deps: d}),
		DeletePartner:   forgetting(keyring, does[command.DeletePartner](chain, "DeletePartner", command.DeletePartnerHandler{Deps: d})),
		InvitePartner:   does[command.InvitePartner](chain, "InvitePartner", command.InvitePartnerHandler{Deps: d, Secrets: secrets}),
		CreateSignInURL: does[command.CreateSignInURL](chain, "CreateSignInURL", command.CreateSignInURLHandler{Deps: d, Secrets: secrets}),
		Partner:         answers(chain, "PartnerByHandle", r.PartnerByHandle),
		Partners:        answers(chain, "Partners", r.Partners),

		AddReferralLink:    does[command.AddReferralLink](chain, "AddReferralLink", command.AddReferralLinkHandler{Deps: d}),
		ChangeReferralLink: does[command.ChangeReferralLink](chain, "ChangeReferralLink", command.ChangeReferralLinkHandler{Deps: d}),
		RemoveReferralLink: does[command.RemoveReferralLink](chain, "RemoveReferralLink", command.RemoveReferralLinkHandler{Deps: d}),
		ReferralLinks:      answers(chain, "ReferralLinks", r.ReferralLinks),
		ReferralLink:       answers(chain, "ReferralLinkByKey", r.ReferralLinkByKey),

		CreateCustomer: does[command.CreateCustomer](chain, "CreateCustomer", command.CreateCustomerHandler{Deps: d, Policies: policies}),
		UpdateCustomer: does[command.UpdateCustomer](chain, "UpdateCustomer", command.UpdateCustomerHandler{Deps: d, Policies: policies}),
		SteerCustomer:  does[command.SteerCustomer](chain, "SteerCustomer", command.SteerCustomerHandler{Deps: d}),
		Customers:      answers(chain, "Customers", r.Customers),
		Customer:       answers(chain, "CustomerByHandle", r.CustomerByHandle),

		UpdateLeadForm: does[command.UpdateLeadForm](chain, "UpdateLeadForm", command.UpdateLeadFormHandler{Deps: d}),
		LeadForm:       answers(chain, "LeadFormOfSeller", r.LeadFormOfSeller),
		SubmitFormLead: does[command.SubmitFormLead](chain, "SubmitFormLead", command.SubmitFormLeadHandler{Deps: d, Rules: rules}),
		ConvertLead:    does[command.ConvertLead](chain, "ConvertLead", command.ConvertLeadHandler{Deps: d, Secrets: secrets, Policies: policies}),
		RejectLead:     does[command.RejectLead](chain, "RejectLead", command.RejectLeadHandler{Deps: d}),
		DeleteLead:     does[command.DeleteLead](chain, "DeleteLead", command.DeleteLeadHandler{Deps: d}),
		FormLeads:      answers(chain, "FormLeads", r.FormLeads),
		FormLead:       answers(chain, "FormLeadByNumber", r.FormLeadByNumber),

		UpdateSettings: forgetting(keyring, does[command.UpdateSettings](chain, "UpdateSettings", command.UpdateSettingsHandler{Deps: d})),
		Settings:       answers(chain, "SettingsOfSeller", r.SettingsOfSeller),
		Overview:       answers(chain, "Overview", r.Overview),

		FollowLink: plain[command.FollowLink, command.Followed](chain, "FollowLink",
			&command.FollowLinkHandler{Reader: r, Clock: d.Clock, IDs: d.IDs, Clicks: clicks}),
		AcceptInvitation: plain[command.AcceptInvitation, command.Session](chain, "AcceptInvitation",
			command.AcceptInvitationHandler{Deps: d, Secrets: secrets, Hasher: hasher, Portal: r}),
		OpenSession:    plain[command.OpenSession, command.Session](chain, "OpenSession", command.OpenSessionHandler{Deps: d, Secrets: secrets}),
		CloseSession:   plain[command.CloseSession, struct{}](chain, "CloseSession", command.CloseSessionHandler{Deps: d}),
		OpenInvitation: answers(chain, "OpenInvitation", r.OpenInvitation),
		PartnerPage:    answers(chain, "PartnerPage", r.PartnerPage),

		CreateBuyer: does[command.CreateBuyer](chain, "CreateBuyer", command.CreateBuyerHandler{Deps: d}),
		UpdateBuyer: does[command.UpdateBuyer](chain, "UpdateBuyer", command.UpdateBuyerHandler{Deps: d}),
		PauseBuyer:  does[command.PauseBuyer](chain, "PauseBuyer", command.PauseBuyerHandler{Deps: d}),
		MoveMoney:   does[command.MoveMoney](chain, "MoveMoney", command.MoveMoneyHandler{Deps: d}),
		Buyers:      answers(chain, "Buyers", r.Buyers),
		Buyer:       answers(chain, "BuyerByID", r.BuyerByID),
		Ledger:      answers(chain, "Ledger", r.Ledger),

		CreateCampaign: does[command.CreateCampaign](chain, "CreateCampaign", command.CreateCampaignHandler{Deps: d, Strategies: strategies}),
		UpdateCampaign: does[command.UpdateCampaign](chain, "UpdateCampaign", command.UpdateCampaignHandler{Deps: d, Strategies: strategies}),
		SteerCampaign:  does[command.SteerCampaign](chain, "SteerCampaign", command.SteerCampaignHandler{Deps: d}),
		Campaigns:      answers(chain, "Campaigns", r.Campaigns),
		Campaign:       answers(chain, "CampaignByID", r.CampaignByID),

		CreateContract: does[command.CreateContract](chain, "CreateContract", command.CreateContractHandler{Deps: d}),
		UpdateContract: does[command.UpdateContract](chain, "UpdateContract", command.UpdateContractHandler{Deps: d}),
		SteerContract:  does[command.SteerContract](chain, "SteerContract", command.SteerContractHandler{Deps: d}),
		Contracts:      answers(chain, "Contracts", r.Contracts),
		Contract:       answers(chain, "ContractByID", r.ContractByID),
		ContractUsage:  answers(chain, "ContractUsage", r.ContractUsage),

		MarketplaceLeads: answers(chain, "MarketplaceLeads", r.MarketplaceLeads),
		MarketplaceLead:  answers(chain, "MarketplaceLeadByID", r.MarketplaceLeadByID),
		CampaignReport: answers(chain, "CampaignReport", func(ctx context.Context, q query.CampaignReport) ([]query.CampaignReportRow, error) {
			return reports.CampaignReport(ctx, q)
		}),
		Events: answers(chain, "Events", feed.Events),
	}
}

// forgetting empties the keyring after a command that changes what keys mean, so that this instance knows at once.
func forgetting[C any](keyring *application.Keyring, h bus.Handler[C, command.Done]) bus.Handler[C, command.Done] {
	return bus.HandlerFunc[C, command.Done](func(ctx context.Context, c C) (command.Done, error) {
		done, err := h.Handle(ctx, c)
		if err == nil {
			keyring.Forget()
		}
		return done, err
	})
}

// server is the HTTP port over the core.
func (k *core) server() (*httpport.Server, error) {
	s, err := httpport.New(httpport.Deps{Handlers: k.handlers, Authenticator: k.auth, Limiter: k.limiter, Clock: k.clock, IDs: k.ids,
		Logger: k.logger, PublicURL: k.config.PublicURL, Ready: k.isReady})
	if err != nil {
		return nil, fmt.Errorf("make the HTTP server: %w", err)
	}
	return s, nil
}
