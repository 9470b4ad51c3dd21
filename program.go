package leadmill

import (
	"cmp"
	"log/slog"

	"go.uber.org/fx"

	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/program"
	programcommand "github.com/leadmill/leadmill/application/program/command"
	programjob "github.com/leadmill/leadmill/application/program/job"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	programreaction "github.com/leadmill/leadmill/application/program/reaction"
	"github.com/leadmill/leadmill/domain/attribution"
	"github.com/leadmill/leadmill/domain/lead"
	programhttp "github.com/leadmill/leadmill/ports/http/program"
)

// programRoom is the room of the partner program: partners and their referral links, customers, the lead form with its
// leads, invitations, tracking and the partners' pages.
var programRoom = NewModule("program",
	asTranslation(program.Publish),
	shared(newProgramDeps, newProgramReader, newClicks, newMailer, newProgramHandlers,
		func() program.InvitationText { return mail.InvitationText{} },
		func(s *sqlstore.Store) program.MailQueue { return s },
		fx.Annotate(newAttributionPolicies, fx.ParamTags(groupPolicies))),
	AsProjection(func(_ migrated, db *dialect.DB) *programprojection.PartnerActivity {
		return programprojection.NewPartnerActivity(programstore.NewPartnerActivity(db))
	}),
	AsReaction(newInvitations),
	asJob(newSendMails),
	asRoutes(programhttp.Handlers.Routes),
)

func newProgramDeps(s *sqlstore.Store, clock application.Clock, ids application.IDs, inFlight *application.InFlight) program.Deps {
	work := sqlstore.Work(s, func(t *sqlstore.Tx) program.Tx { return t })
	return program.Deps{Work: work, Clock: clock, IDs: ids, InFlight: inFlight}
}

func newProgramReader(_ migrated, db *dialect.DB, clock application.Clock) *programstore.Reader {
	return programstore.NewReader(db, clock)
}

// newClicks stores clicks many at a time. Clicks need no locks, so one lane is enough and keeps batches large.
func newClicks(lc fx.Lifecycle, store *sqlstore.Store) *bus.Batcher[program.Click, struct{}] {
	b := bus.NewBatcher(bus.BatcherConfig{MaxBatch: 1000, Lanes: 1, Queue: laneQueue, Timeout: batchTimeout},
		programcommand.RecordClicksHandler{Log: store}, func(program.Click) string { return "" })
	lc.Append(fx.StopHook(b.Close))
	return b
}

func newMailer(c Config, clock application.Clock, logger *slog.Logger) (application.Mailer, error) {
	c.MailFrom, c.MailDir = cmp.Or(c.MailFrom, defaultMailFrom), cmp.Or(c.MailDir, defaultMailDir)
	if c.SMTPURL == "" {
		return mail.NewFile(c.MailDir, c.MailFrom, clock, logger)
	}
	return mail.NewSMTP(c.SMTPURL, c.MailFrom, clock)
}

func newAttributionPolicies(more []attribution.Policy) (attribution.Policies, error) {
	return attribution.NewPolicies(more...)
}

func newInvitations(o *application.Operations, clock application.Clock, queue program.MailQueue) application.Reaction {
	return programreaction.NewInvitations(application.Command(o, programcommand.QueueInvitationHandler{Clock: clock, Queue: queue}))
}

type sendMailsIn struct {
	fx.In

	Operations *application.Operations
	Deps       program.Deps
	Secrets    application.Secrets
	Reader     *programstore.Reader
	Queue      program.MailQueue
	Mailer     application.Mailer
	Text       program.InvitationText
	Address    *publicAddress
	Logger     *slog.Logger
}

func newSendMails(in sendMailsIn) application.Job {
	return programjob.SendMails(application.Command(in.Operations, programcommand.SendMailsHandler{
		Deps: in.Deps, Secrets: in.Secrets,
		Portal: in.Reader, Queue: in.Queue, Mailer: in.Mailer, Text: in.Text, Base: in.Address.base,
	}), in.Logger)
}

type programIn struct {
	fx.In

	Operations *application.Operations
	Deps       program.Deps
	Secrets    application.Secrets
	Hasher     application.PasswordHasher
	Keyring    *application.Keyring
	Policies   attribution.Policies
	Rules      lead.IntakeRules
	Clicks     *bus.Batcher[program.Click, struct{}]
	Reader     *programstore.Reader
}

func newProgramHandlers(in programIn) programhttp.Handlers {
	o, d, r := in.Operations, in.Deps, in.Reader
	return programhttp.Handlers{
		PartnerHandlers: programhttp.PartnerHandlers{
			CreatePartner:    application.Command(o, programcommand.CreatePartnerHandler{Deps: d, Secrets: in.Secrets, Hasher: in.Hasher}),
			UpdatePartner:    application.Command(o, programcommand.UpdatePartnerHandler{Deps: d, Hasher: in.Hasher}),
			ApprovePartner:   application.Command(o, programcommand.ApprovePartnerHandler{Deps: d}),
			RejectPartner:    application.Command(o, programcommand.RejectPartnerHandler{Deps: d}),
			ArchivePartner:   application.Command(o, programcommand.ArchivePartnerHandler{Deps: d}),
			UnarchivePartner: application.Command(o, programcommand.UnarchivePartnerHandler{Deps: d}),
			DeletePartner:    forgetting(in.Keyring, application.Command(o, programcommand.DeletePartnerHandler{Deps: d})),
			InvitePartner:    application.Command(o, programcommand.InvitePartnerHandler{Deps: d, Secrets: in.Secrets}),
			CreateSignInURL:  application.Command(o, programcommand.CreateSignInURLHandler{Deps: d, Secrets: in.Secrets}),
			PartnerByHandle:  application.Query(o, r.PartnerByHandle),
			Partners:         application.Query(o, r.Partners),
		},
		LinkHandlers: programhttp.LinkHandlers{
			AddReferralLink:    application.Command(o, programcommand.AddReferralLinkHandler{Deps: d}),
			ChangeReferralLink: application.Command(o, programcommand.ChangeReferralLinkHandler{Deps: d}),
			RemoveReferralLink: application.Command(o, programcommand.RemoveReferralLinkHandler{Deps: d}),
			ReferralLinks:      application.Query(o, r.ReferralLinks),
			ReferralLinkByKey:  application.Query(o, r.ReferralLinkByKey),
			ReferralDomains:    application.Query(o, r.ReferralDomains),
		},
		CustomerHandlers: programhttp.CustomerHandlers{
			CreateCustomer:    application.Command(o, programcommand.CreateCustomerHandler{Deps: d, Policies: in.Policies}),
			UpdateCustomer:    application.Command(o, programcommand.UpdateCustomerHandler{Deps: d, Policies: in.Policies}),
			ArchiveCustomer:   application.Command(o, programcommand.ArchiveCustomerHandler{Deps: d}),
			UnarchiveCustomer: application.Command(o, programcommand.UnarchiveCustomerHandler{Deps: d}),
			DeleteCustomer:    application.Command(o, programcommand.DeleteCustomerHandler{Deps: d}),
			Customers:         application.Query(o, r.Customers),
			CustomerByHandle:  application.Query(o, r.CustomerByHandle),
		},
		LeadHandlers: programhttp.LeadHandlers{
			UpdateLeadForm:   application.Command(o, programcommand.UpdateLeadFormHandler{Deps: d}),
			LeadFormOfSeller: application.Query(o, r.LeadFormOfSeller),
			SubmitFormLead:   application.Command(o, programcommand.SubmitFormLeadHandler{Deps: d, Rules: in.Rules}),
			ConvertLead:      application.Command(o, programcommand.ConvertLeadHandler{Deps: d, Secrets: in.Secrets, Policies: in.Policies}),
			RejectLead:       application.Command(o, programcommand.RejectLeadHandler{Deps: d}),
			DeleteLead:       application.Command(o, programcommand.DeleteLeadHandler{Deps: d}),
			FormLeads:        application.Query(o, r.FormLeads),
			FormLeadByNumber: application.Query(o, r.FormLeadByNumber),
		},
		OverviewHandlers: programhttp.OverviewHandlers{
			Overview: application.Query(o, r.Overview),
		},
		TrackingHandlers: programhttp.TrackingHandlers{
			FollowLink: application.Command(o, &programcommand.FollowLinkHandler{Reader: r, Clock: d.Clock, IDs: d.IDs, Clicks: in.Clicks}),
		},
		PortalHandlers: programhttp.PortalHandlers{
			AcceptInvitation: application.Command(o, programcommand.AcceptInvitationHandler{Deps: d, Secrets: in.Secrets, Hasher: in.Hasher, Portal: r}),
			OpenSession:      application.Command(o, programcommand.OpenSessionHandler{Deps: d, Secrets: in.Secrets}),
			CloseSession:     application.Command(o, programcommand.CloseSessionHandler{Deps: d}),
			OpenInvitation:   application.Query(o, r.OpenInvitation),
			PartnerPage:      application.Query(o, r.PartnerPage),
		},
	}
}
