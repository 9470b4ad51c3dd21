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
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/seller"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// scopes says which scope each operation needs (api/marketplace.md, "Scopes").
var scopes = map[string]seller.Scope{
	"SubmitLead": seller.Supplier, "SupplierLeadByID": seller.Supplier,
	"CreateSeller": seller.Admin, "UpdateSeller": seller.Admin, "Sellers": seller.Admin, "SellerByCode": seller.Admin,
	"CreateAPIKey": seller.Program, "RevokeAPIKey": seller.Program, "APIKeys": seller.Program,
	"CreatePartner": seller.Program, "PartnerByHandle": seller.Program,
	"CreateBuyer": seller.Program, "UpdateBuyer": seller.Program, "PauseBuyer": seller.Program, "MoveMoney": seller.Program,
	"Buyers": seller.Program, "BuyerByID": seller.Program, "Ledger": seller.Program,
	"CreateCampaign": seller.Program, "UpdateCampaign": seller.Program, "SteerCampaign": seller.Program,
	"Campaigns": seller.Program, "CampaignByID": seller.Program,
	"CreateContract": seller.Program, "UpdateContract": seller.Program, "SteerContract": seller.Program,
	"Contracts": seller.Program, "ContractByID": seller.Program, "ContractUsage": seller.Program,
	"MarketplaceLeads": seller.Program, "MarketplaceLeadByID": seller.Program,
	"CampaignReport": seller.Program, "Events": seller.Program,
}

// does makes a replayable command of a handler, inside the chain.
func does[C any](chain bus.Chain, name string, h bus.Handler[C, command.Done]) bus.Handler[C, command.Done] {
	return bus.Wrap(chain, bus.Command, name, h)
}

// answers makes a query of a method of a read model, inside the chain.
func answers[Q, R any](chain bus.Chain, name string, read func(context.Context, Q) (R, error)) bus.Handler[Q, R] {
	return bus.Wrap(chain, bus.Query, name, bus.HandlerFunc[Q, R](read))
}

// newHandlers puts the chain around every use case. Adding one is a line here and a line in scopes.
func newHandlers(chain bus.Chain, d command.Deps, secrets application.Secrets, hasher application.PasswordHasher, strategies campaign.Strategies,
	replays application.ReplayReader, directory *command.Directory, batcher *bus.Batcher[*command.Submission, command.Done],
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

		CreatePartner: does[command.CreatePartner](chain, "CreatePartner", command.CreatePartnerHandler{Deps: d, Secrets: secrets, Hasher: hasher}),
		Partner:       answers(chain, "PartnerByHandle", r.PartnerByHandle),

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
