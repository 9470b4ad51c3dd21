package leadmill

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
	"github.com/leadmill/leadmill/application/market"
	marketcommand "github.com/leadmill/leadmill/application/market/command"
	marketjob "github.com/leadmill/leadmill/application/market/job"
	marketprojection "github.com/leadmill/leadmill/application/market/projection"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	marketreaction "github.com/leadmill/leadmill/application/market/reaction"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	markethttp "github.com/leadmill/leadmill/ports/http/market"
)

// marketRoom is the room of the lead marketplace: campaigns with their contracts, buyers with their accounts, the leads that
// suppliers send, and reports.
var marketRoom = ownModule("market",
	AsTranslation(func() application.Translation { return market.Publish }),
	Provide(newMarketDeps),
	Provide(newMarketReader),
	Provide(newCampaignReport),
	Provide(newPlans),
	Provide(newDirectory),
	Provide(newBatches),
	Provide(newSubmitLeads),
	Provide(newBatcher),
	Provide(newSubmitLead),
	Provide(newLeadsTogether),
	Provide(newPreview),
	Provide(newMatcher),
	Share(newMarketHandlers),
	AsProjection(newCampaignReportProjection),
	AsReaction(marketreaction.MatchPending, marketreaction.MatchPendingTypes(), newMatchPending, FromFirstEvent()),
	Share(func() market.BalanceText { return mail.BalanceText{} }),
	Provide(func(s *sqlstore.Store) market.BuyerMailQueue { return s }),
	AsReaction(marketreaction.LowBalance, []string{eventsv1.BuyerBalanceLow{}.Type()}, newLowBalance, FromFirstEvent()),
	AsJob("send-buyer-mails", application.Every(time.Second).WhileQuiet(10*time.Second), newSendBuyerMails),
	AsJob("sweep-pending", application.Every(5*time.Second), newSweepPending),
	AsJob("erase-leads", application.Every(time.Minute), newEraseOldLeads),
	Share(newErasing),
	Share(newErasureTools),
	Provide(newFormTokens),
	Provide(newSpecLinks),
	AsJob("run-erasures", application.Every(10*time.Second), newRunErasures),
	Provide(newPoster),
	Provide(newBidding),
	Provide(newAwaitAnswer),
	Provide(newSettleReservations),
	AsJob("deliver", application.Every(time.Second), newDeliver),
	AsJob("run-seller-jobs", application.Every(2*time.Second).WhileQuiet(10*time.Second), newRunSellerJobs),
	AsQuery[marketquery.BuyerRunways, []marketquery.BuyerRunway](asked((*marketstore.Reader).BuyerRunways)),
	AsQuery[marketquery.ContractsOfBuyer, []marketquery.BuyerContract](asked((*marketstore.Reader).ContractsOfBuyer)),
	AsQuery[marketquery.ReturnsOfBuyer, []marketquery.Return](asked((*marketstore.Reader).ReturnsOfBuyer)),
	AsQuery[marketquery.ContractBoard, marketquery.Board](asked((*marketstore.Reader).ContractBoard)),
	AsQuery[marketquery.CheckFilter, []field.Rule](newCheckFilter),
	AsQuery[marketquery.WaitingLeads, marketquery.Waiting](newWaitingLeads),
	AsQuery[marketquery.Pulse, marketquery.PulseView](newPulse),
	AsCommand[marketcommand.RevealLead, marketquery.MarketplaceLead](newRevealLead),
	AsQuery[marketquery.BoughtLeads, application.List[marketquery.BoughtLead]](asked((*marketstore.Reader).BoughtLeads)),
	AsQuery[marketquery.BoughtLeadBySale, marketquery.BoughtLead](asked((*marketstore.Reader).BoughtLeadBySale)),
	AsCommand[marketcommand.RevealBoughtLead, marketquery.BoughtLead](newRevealBoughtLead),
	AsCommand[marketcommand.ExportBoughtLeads, int64](newExportBoughtLeads),
	AsCommand[marketcommand.ChangeContractCaps, application.Done](newChangeContractCaps),
	AsRoutes(markethttp.Handlers.Routes),
)

// asked makes the constructor of a query's handler of a method of the reader.
func asked[Q, R any](answer func(*marketstore.Reader, context.Context, Q) (R, error)) func(*marketstore.Reader) bus.HandlerFunc[Q, R] {
	return func(r *marketstore.Reader) bus.HandlerFunc[Q, R] {
		return func(ctx context.Context, q Q) (R, error) { return answer(r, ctx, q) }
	}
}

func newCheckFilter(r *marketstore.Reader, filters distribution.Filters) marketquery.CheckFilterHandler {
	return marketquery.CheckFilterHandler{Reader: r, Filters: filters}
}

func newMarketDeps(s *sqlstore.Store, clock application.Clock, ids application.IDs, inFlight *application.InFlight) market.Deps {
	work := sqlstore.Work(s, func(t *sqlstore.Tx) market.Tx { return t })
	return market.Deps{Work: work, Clock: clock, IDs: ids, InFlight: inFlight}
}

func newMarketReader(_ migrated, db *dialect.DB, clock application.Clock) *marketstore.Reader {
	return marketstore.NewReader(db, clock)
}

func newWaitingLeads(r *marketstore.Reader) bus.HandlerFunc[marketquery.WaitingLeads, marketquery.Waiting] {
	return r.WaitingLeads
}

func newPulse(r *marketstore.Reader) bus.HandlerFunc[marketquery.Pulse, marketquery.PulseView] {
	return r.Pulse
}

func newRevealLead(d market.Deps, r *marketstore.Reader) marketcommand.RevealLeadHandler {
	return marketcommand.RevealLeadHandler{Deps: d, Lead: r.MarketplaceLeadByID}
}

func newRevealBoughtLead(d market.Deps, r *marketstore.Reader) marketcommand.RevealBoughtLeadHandler {
	return marketcommand.RevealBoughtLeadHandler{Deps: d, Lead: r.BoughtLeadBySale}
}

func newExportBoughtLeads(d market.Deps, r *marketstore.Reader) marketcommand.ExportBoughtLeadsHandler {
	return marketcommand.ExportBoughtLeadsHandler{Deps: d, Leads: r.BoughtLeads}
}

func newChangeContractCaps(d market.Deps) marketcommand.ChangeContractCapsHandler {
	return marketcommand.ChangeContractCapsHandler{Deps: d}
}

func newCampaignReport(_ migrated, db *dialect.DB) *marketstore.CampaignReport {
	return marketstore.NewCampaignReport(db)
}

func newCampaignReportProjection(s *marketstore.CampaignReport) *marketprojection.CampaignReport {
	return marketprojection.NewCampaignReport(s)
}

func newPlans(filters distribution.Filters) *marketcommand.Plans {
	return marketcommand.NewPlans(filters)
}

func newDirectory(r *marketstore.Reader, plans *marketcommand.Plans) *marketcommand.Directory {
	return marketcommand.NewDirectory(r, plans)
}

// The sizes of the batching of leads: how many batches run at a time, how many leads may wait in a lane, and how long a
// batch may take, which is as long as its callers wait. Where a batch is cut by seller, so many of its parts run at a time.
const (
	lanes        = 2
	partsAtOnce  = 8
	laneQueue    = 4096
	batchTimeout = 10 * time.Second
)

// waits says how long leads wait for a row that somebody else holds, most often their campaign's: in a lane that sellers share only as
// long as others do not notice, in a lane of their own five times as long as the database waits for a lock.
func waits() bus.Waits {
	return bus.Waits{
		Held: application.IsHeld, Patience: application.WithPatience,
		First: 250 * time.Millisecond, Again: 50 * time.Millisecond, Own: 3 * time.Second, Tries: 5, AtOnce: 8,
	}
}

func newBatches(registry *prometheus.Registry, clock application.Clock) (*telemetry.Batches, error) {
	return telemetry.NewBatches(registry, clock)
}

func newSubmitLeads(d market.Deps, directory *marketcommand.Directory, strategies distribution.Strategies, rules lead.IntakeRules) *marketcommand.SubmitLeadsHandler {
	return &marketcommand.SubmitLeadsHandler{Work: d.Work, Clock: d.Clock, IDs: d.IDs, Directory: directory, Strategies: strategies, Rules: rules}
}

func newBatcher(c Config, submit *marketcommand.SubmitLeadsHandler, metrics *telemetry.Batches, registry *prometheus.Registry) (*bus.Batcher[*marketcommand.Submission, application.Done], error) {
	handler := telemetry.MeasureBatches(metrics, bus.BatchHandler[*marketcommand.Submission, application.Done](submit))
	if c.Sharded == shardedBySeller {
		handler = bus.Apart(handler, (*marketcommand.Submission).OfSeller, partsAtOnce)
	}
	b := bus.NewBatcher(bus.BatcherConfig{MaxBatch: c.BatchMax, Lanes: lanes, Queue: laneQueue, Timeout: batchTimeout, Waits: waits()},
		handler, (*marketcommand.Submission).Lane)
	return b, telemetry.WatchQueue(registry, b.Waiting, laneQueue)
}

func newSubmitLead(d market.Deps, r *marketstore.Reader, directory *marketcommand.Directory, facts application.FactProviders,
	batcher *bus.Batcher[*marketcommand.Submission, application.Done],
) *marketcommand.SubmitLeadHandler {
	return &marketcommand.SubmitLeadHandler{Deps: d, Replays: r, Directory: directory, Facts: facts, Batch: batcher}
}

func newLeadsTogether(submit *marketcommand.SubmitLeadHandler, batch *marketcommand.SubmitLeadsHandler, metrics *telemetry.Batches) *marketcommand.LeadsTogether {
	return &marketcommand.LeadsTogether{Submit: submit, Batch: batch, Measure: metrics.Begin}
}

func newPreview(d market.Deps, r *marketstore.Reader, strategies distribution.Strategies, plans *marketcommand.Plans, rules lead.IntakeRules, facts application.FactProviders) *marketcommand.PreviewLeadHandler {
	return &marketcommand.PreviewLeadHandler{Reader: r, Clock: d.Clock, IDs: d.IDs, Strategies: strategies, Plans: plans, Rules: rules, Facts: facts}
}

func newMatcher(d market.Deps, r *marketstore.Reader, strategies distribution.Strategies, plans *marketcommand.Plans, facts application.FactProviders, logger *slog.Logger) *marketcommand.MatchPendingHandler {
	return &marketcommand.MatchPendingHandler{Work: d.Work, Clock: d.Clock, IDs: d.IDs, Reader: r, Strategies: strategies, Plans: plans, Facts: facts, Logger: logger}
}

func newMatchPending(o *application.Operations, h *marketcommand.MatchPendingHandler) application.Reactor {
	return marketreaction.NewMatchPending(application.Command(o, h))
}

func newLowBalance(o *application.Operations, clock application.Clock, queue market.BuyerMailQueue) application.Reactor {
	return marketreaction.NewLowBalance(application.Command(o, marketcommand.QueueBuyerMailHandler{Clock: clock, Queue: queue}))
}

func newSendBuyerMails(o *application.Operations, clock application.Clock, queue market.BuyerMailQueue, r *marketstore.Reader, mailer application.Mailer,
	text market.BalanceText, logger *slog.Logger,
) func(context.Context) error {
	return marketjob.SendBuyerMails(application.Command(o, marketcommand.SendBuyerMailsHandler{Clock: clock, Queue: queue, Accounts: r, Mailer: mailer, Text: text}), logger)
}

func newSweepPending(o *application.Operations, h *marketcommand.MatchPendingHandler) func(context.Context) error {
	return marketjob.SweepPending(application.Command(o, &marketcommand.SweepPendingHandler{Match: h}))
}

func newRunSellerJobs(o *application.Operations, d market.Deps, r *marketstore.Reader, together *marketcommand.LeadsTogether, actors account.Actors) func(context.Context) error {
	leads := &marketcommand.LeadImports{Deps: d, Together: together, Lines: markethttp.LeadLines(), Actor: actors.ActorOf}
	return marketjob.RunSellerJobs(application.Command(o, marketcommand.RunSellerJobsHandler{
		Deps: d, Reader: r, Pieces: marketcommand.NewJobPieces(d.IDs), Steps: market.JobSteps{market.SellerJobLeads: leads.Step},
	}))
}

func newEraseOldLeads(o *application.Operations, d market.Deps, r *marketstore.Reader) func(context.Context) error {
	return marketjob.EraseOldLeads(application.Command(o, marketcommand.EraseOldLeadsHandler{Deps: d, Reader: r}))
}

func newErasing(r *marketstore.Reader, customers application.CustomerWalk, answers application.AnswerWalk) market.Erasing {
	return market.Erasing{Reader: r, Customers: customers, Answers: answers}
}

// erasureTools are what the job and the command line erase with.
type erasureTools struct {
	Run   bus.Handler[marketcommand.RunErasures, marketcommand.ErasuresRun]
	Apply bus.Handler[marketcommand.ApplyErasures, marketcommand.ErasuresApplied]
}

func newErasureTools(o *application.Operations, d market.Deps, e market.Erasing) erasureTools {
	return erasureTools{
		Run:   application.Command(o, marketcommand.RunErasuresHandler{Deps: d, Erasing: e}),
		Apply: application.Command(o, marketcommand.ApplyErasuresHandler{Deps: d, Customers: e.Customers}),
	}
}

func newRunErasures(t erasureTools) func(context.Context) error { return marketjob.RunErasures(t.Run) }

// formTokensName is the name under which the secret of form tokens is stored for all instances.
const formTokensName = "form_tokens"

func newFormTokens(store *sqlstore.Store, secrets application.Secrets) (market.FormTokens, error) {
	secret, _, err := store.GetOrSetInstallation(context.Background(), formTokensName, []byte(secrets.New()))
	if err != nil {
		return market.FormTokens{}, fmt.Errorf("make the secret of form tokens: %w", err)
	}
	return market.NewFormTokens(secret), nil
}

func newMarketHandlers(o *application.Operations, d market.Deps, strategies distribution.Strategies, filters distribution.Filters, plans *marketcommand.Plans, facts application.FactProviders,
	submit *marketcommand.SubmitLeadHandler, together *marketcommand.LeadsTogether, preview *marketcommand.PreviewLeadHandler, r *marketstore.Reader, report *marketstore.CampaignReport, erasing market.Erasing, people application.SubjectReader,
	tokens market.FormTokens, links market.SpecLinks, poster market.Poster, answers *marketcommand.AwaitAnswerHandler, bidding *market.Bidding, logger *slog.Logger,
) markethttp.Handlers {
	secrets := marketcommand.DeliverySecrets{Outbound: poster.Outbound, Sealer: poster.Sealer, Signer: poster.Signer}
	specs := marketquery.PostingSpecHandler{Reader: r, Links: links, Clock: d.Clock}
	return markethttp.Handlers{
		SupplierHandlers: markethttp.SupplierHandlers{
			SubmitLead:       application.Command(o, submit),
			AwaitAnswer:      application.Command(o, answers),
			PingLead:         application.Command(o, &marketcommand.PingLeadHandler{Deps: d, Directory: submit.Directory, Preview: preview, Bidding: bidding}),
			SubmitBulk:       application.Command(o, marketcommand.NewSubmitBulkHandler(d, together)),
			ImportLeads:      application.Command(o, marketcommand.ImportLeadsHandler{Deps: d, Jobs: r}),
			LeadImportByID:   application.Query(o, r.LeadImportByID),
			SupplierLeadByID: application.Query(o, r.SupplierLeadByID),
		},
		FormHandlers: markethttp.FormHandlers{
			SubmitForm:   application.Command(o, marketcommand.SubmitFormHandler{Submit: submit, Campaigns: r, Tokens: tokens, Logger: logger}),
			NewFormToken: application.Query(o, marketquery.NewFormTokenHandler{Tokens: tokens, Clock: d.Clock}.Handle),
		},
		BuyerHandlers: markethttp.BuyerHandlers{
			CreateBuyer: application.Command(o, marketcommand.CreateBuyerHandler{Deps: d}),
			UpdateBuyer: application.Command(o, marketcommand.UpdateBuyerHandler{Deps: d}),
			PauseBuyer:  application.Command(o, marketcommand.PauseBuyerHandler{Deps: d}),
			ResumeBuyer: application.Command(o, marketcommand.ResumeBuyerHandler{Deps: d}),
			Deposit:     application.Command(o, marketcommand.DepositHandler{Deps: d}),
			Withdraw:    application.Command(o, marketcommand.WithdrawHandler{Deps: d}),
			Buyers:      application.Query(o, r.Buyers),
			BuyerByID:   application.Query(o, r.BuyerByID),
			BuyerUsage:  application.Query(o, r.BuyerUsage),
			Ledger:      application.Query(o, r.Ledger),
			Statement:   application.Query(o, marketquery.StatementHandler{Reader: r}.Handle),
		},
		CampaignHandlers: markethttp.CampaignHandlers{
			CreateCampaign:  application.Command(o, marketcommand.CreateCampaignHandler{Deps: d, Strategies: strategies, Partners: r}),
			UpdateCampaign:  application.Command(o, marketcommand.UpdateCampaignHandler{Deps: d, Strategies: strategies, Plans: plans, Partners: r}),
			PauseCampaign:   application.Command(o, marketcommand.PauseCampaignHandler{Deps: d}),
			ResumeCampaign:  application.Command(o, marketcommand.ResumeCampaignHandler{Deps: d}),
			ArchiveCampaign: application.Command(o, marketcommand.ArchiveCampaignHandler{Deps: d}),
			Campaigns:       application.Query(o, r.Campaigns),
			CampaignByID:    application.Query(o, r.CampaignByID),
			CampaignUsage:   application.Query(o, r.CampaignUsage),
			PreviewLead:     application.Command(o, preview),
		},
		ContractHandlers: markethttp.ContractHandlers{
			CreateContract: application.Command(o, marketcommand.CreateContractHandler{Deps: d, Filters: filters, Secrets: secrets}),
			UpdateContract: application.Command(o, marketcommand.UpdateContractHandler{Deps: d, Filters: filters, Secrets: secrets}),
			PauseContract:  application.Command(o, marketcommand.PauseContractHandler{Deps: d}),
			ResumeContract: application.Command(o, marketcommand.ResumeContractHandler{Deps: d}),
			DeleteContract: application.Command(o, marketcommand.DeleteContractHandler{Deps: d}),
			Contracts:      application.Query(o, r.Contracts),
			ContractByID:   application.Query(o, r.ContractByID),
			ContractUsage:  application.Query(o, r.ContractUsage),
		},
		LeadHandlers: markethttp.LeadHandlers{
			MarketplaceLeads:    application.Query(o, r.MarketplaceLeads),
			MarketplaceLeadByID: application.Query(o, r.MarketplaceLeadByID),
			ExportLeads:         application.Query(o, marketquery.ExportLeadsHandler{Leads: r.MarketplaceLeads}.Handle),
			ApproveQuarantined:  application.Command(o, marketcommand.ApproveQuarantinedHandler{Deps: d, Reader: r, Strategies: strategies, Plans: plans, Facts: facts}),
		},
		ReturnHandlers: markethttp.ReturnHandlers{
			Sales:            application.Query(o, r.Sales),
			SaleByID:         application.Query(o, r.SaleByID),
			RequestReturn:    application.Command(o, marketcommand.RequestReturnHandler{Deps: d}),
			Returns:          application.Query(o, r.Returns),
			ReturnByID:       application.Query(o, r.ReturnByID),
			ApproveReturn:    application.Command(o, marketcommand.ApproveReturnHandler{Deps: d}),
			RejectReturn:     application.Command(o, marketcommand.RejectReturnHandler{Deps: d}),
			RedistributeLead: application.Command(o, marketcommand.RedistributeLeadHandler{Deps: d, Strategies: strategies, Plans: plans, Facts: facts}),
			RejectMarketLead: application.Command(o, marketcommand.RejectMarketLeadHandler{Deps: d}),
			ChangeLeadPrice:  application.Command(o, marketcommand.ChangeLeadPriceHandler{Deps: d}),
		},
		DeliveryHandlers: markethttp.DeliveryHandlers{
			Deliveries:           application.Query(o, r.Deliveries),
			DeliveryByID:         application.Query(o, r.DeliveryByID),
			DeliveriesOfLead:     application.Query(o, r.DeliveriesOfLead),
			Redeliver:            application.Command(o, marketcommand.RedeliverHandler{Deps: d}),
			TestDelivery:         application.Command(o, &marketcommand.TestDeliveryHandler{Reader: r, Poster: poster, Clock: d.Clock, IDs: d.IDs}),
			RotateContractSecret: application.Command(o, marketcommand.RotateContractSecretHandler{Deps: d, Secrets: secrets}),
		},
		ErasureHandlers: markethttp.ErasureHandlers{
			EraseLead:      application.Command(o, marketcommand.EraseLeadHandler{Deps: d}),
			RequestErasure: application.Command(o, marketcommand.RequestErasureHandler{Deps: d, Erasing: erasing}),
			ErasureByID:    application.Query(o, r.ErasureByID),
			SubjectAccess:  application.Query(o, marketquery.SubjectAccessHandler{Reader: r, People: people}.Handle),
		},
		SuppressionHandlers: markethttp.SuppressionHandlers{
			AddSuppression:    application.Command(o, marketcommand.AddSuppressionHandler{Deps: d}),
			DeleteSuppression: application.Command(o, marketcommand.DeleteSuppressionHandler{Deps: d}),
			Suppressions:      application.Query(o, r.Suppressions),

			ImportSuppressions: application.Command(o, marketcommand.ImportSuppressionsHandler{Deps: d}),
			SellerJobByID:      application.Query(o, r.SellerJobByID),
		},
		ReportHandlers: markethttp.ReportHandlers{
			CampaignReport: application.Query(o, report.CampaignReport),
			Earnings:       application.Query(o, report.Earnings),
		},
		PostingSpecHandlers: markethttp.PostingSpecHandlers{
			PostingSpecs:      application.Query(o, specs.All),
			PostingSpecByID:   application.Query(o, specs.ByID),
			PostingSpecByLink: application.Query(o, specs.ByLink),
			SpecLink:          application.Query(o, specs.Link),
		},
	}
}

// specLinksName is the name under which the secret of links to posting specifications is stored for all instances.
const specLinksName = "specification_links"

func newSpecLinks(store *sqlstore.Store, secrets application.Secrets) (market.SpecLinks, error) {
	secret, _, err := store.GetOrSetInstallation(context.Background(), specLinksName, []byte(secrets.New()))
	if err != nil {
		return market.SpecLinks{}, fmt.Errorf("make the secret of links to posting specifications: %w", err)
	}
	return market.NewSpecLinks(secret), nil
}
