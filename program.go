package leadmill

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/adapters/telemetry"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
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
var programRoom = ownModule("program",
	AsTranslation(func() application.Translation { return program.Publish }),
	Provide(newProgramDeps),
	Provide(newProgramReader),
	Provide(newClicks),
	Provide(newClickTally),
	Share(newMailer),
	Share(func() program.InvitationText { return mail.InvitationText{} }),
	Provide(func(s *sqlstore.Store) program.MailQueue { return s }),
	Share(func(r *programstore.Reader) application.CustomerWalk { return r }),
	Share(func(r *programstore.Reader) application.SubjectReader { return r }),
	Share(newProgramHandlers),
	AsProjection(newPartnerActivity),
	AsProjection(newLinkDays),
	AsReaction(programreaction.Invitations, []string{eventsv1.PartnerInvited{}.Type(), eventsv1.PartnerApproved{}.Type()}, newInvitations, FromFirstEvent()),
	AsJob("send-mails", application.Every(time.Second).WhileQuiet(10*time.Second), newSendMails),
	AsRoutes(programhttp.Handlers.Routes),
)

func newProgramDeps(s *sqlstore.Store, clock application.Clock, ids application.IDs, inFlight *application.InFlight) program.Deps {
	work := sqlstore.Work(s, func(t *sqlstore.Tx) program.Tx { return t })
	return program.Deps{Work: work, Clock: clock, IDs: ids, InFlight: inFlight}
}

func newProgramReader(_ migrated, db *dialect.DB, clock application.Clock) *programstore.Reader {
	return programstore.NewReader(db, clock)
}

func newPartnerActivity(_ migrated, db *dialect.DB) *programprojection.PartnerActivity {
	return programprojection.NewPartnerActivity(programstore.NewPartnerActivity(db))
}

func newLinkDays(_ migrated, db *dialect.DB) *programprojection.LinkDays {
	return programprojection.NewLinkDays(programstore.NewLinkDays(db))
}

// newClicks stores clicks many at a time. Clicks need no locks, so one lane is enough and keeps batches large.
func newClicks(store *sqlstore.Store) *bus.Batcher[program.Click, struct{}] {
	return bus.NewBatcher(bus.BatcherConfig{MaxBatch: 1000, Lanes: 1, Queue: laneQueue, Timeout: batchTimeout},
		programcommand.RecordClicksHandler{Log: store}, func(program.Click) string { return "" })
}

func newClickTally(clicks *bus.Batcher[program.Click, struct{}], ids application.IDs) *programcommand.ClickTally {
	return programcommand.NewClickTally(clicks, ids)
}

func newMailer(c Config, clock application.Clock, logger *slog.Logger) (application.Mailer, error) {
	c.MailFrom, c.MailDir = cmp.Or(c.MailFrom, defaultMailFrom), cmp.Or(c.MailDir, defaultMailDir)
	if c.SMTPURL == "" {
		return mail.NewFile(c.MailDir, c.MailFrom, clock, logger)
	}
	return mail.NewSMTP(c.SMTPURL, c.MailFrom, clock)
}

func newInvitations(o *application.Operations, clock application.Clock, queue program.MailQueue, r *programstore.Reader) application.Reactor {
	return programreaction.NewInvitations(application.Command(o, programcommand.QueueInvitationHandler{Clock: clock, Queue: queue, Portal: r}))
}

func newSendMails(o *application.Operations, d program.Deps, secrets application.Secrets, r *programstore.Reader, queue program.MailQueue,
	mailer application.Mailer, text program.InvitationText, address *publicAddress, registry *prometheus.Registry, logger *slog.Logger,
) (func(context.Context) error, error) {
	mails, err := telemetry.NewMails(registry)
	if err != nil {
		return nil, err
	}
	return programjob.SendMails(countingGivenUp(mails, application.Command(o, programcommand.SendMailsHandler{
		Deps: d, Secrets: secrets,
		Portal: r, Queue: queue, Mailer: mails.Watch(mailer), Text: text, Base: address.base,
	})), logger), nil
}

func newProgramHandlers(o *application.Operations, d program.Deps, secrets application.Secrets, hasher application.PasswordHasher,
	keyring *application.Keyring, policies attribution.Policies, rules lead.IntakeRules, facts application.FactProviders, clicks *bus.Batcher[program.Click, struct{}],
	tally *programcommand.ClickTally, limiter application.RateLimiter, queue program.MailQueue, r *programstore.Reader,
) programhttp.Handlers {
	application.Query(o, r.PartnerList)
	application.Query(o, r.WaitingPartners)
	application.Query(o, r.ProgramDays)
	application.Query(o, r.AttributionOfCustomer)
	application.Query(o, r.LinkActivity)
	submit := programcommand.SubmitFormLeadHandler{Deps: d, Rules: rules, Facts: facts}
	sendsByPartners(o, d, secrets, hasher, submit, limiter, queue, r)
	return programhttp.Handlers{
		PartnerHandlers: programhttp.PartnerHandlers{
			CreatePartner:    application.Command(o, programcommand.CreatePartnerHandler{Deps: d, Secrets: secrets, Hasher: hasher}),
			UpdatePartner:    application.Command(o, programcommand.UpdatePartnerHandler{Deps: d, Hasher: hasher}),
			ApprovePartner:   application.Command(o, programcommand.ApprovePartnerHandler{Deps: d}),
			RejectPartner:    application.Command(o, programcommand.RejectPartnerHandler{Deps: d}),
			ArchivePartner:   application.Command(o, programcommand.ArchivePartnerHandler{Deps: d}),
			UnarchivePartner: application.Command(o, programcommand.UnarchivePartnerHandler{Deps: d}),
			DeletePartner:    application.Command(o, forgetting(keyring, programcommand.DeletePartnerHandler{Deps: d})),
			InvitePartner:    application.Command(o, programcommand.InvitePartnerHandler{Deps: d, Secrets: secrets}),
			CreateSignInURL:  application.Command(o, programcommand.CreateSignInURLHandler{Deps: d, Secrets: secrets}),
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
			CreateCustomer:    application.Command(o, programcommand.CreateCustomerHandler{Deps: d, Policies: policies}),
			UpdateCustomer:    application.Command(o, programcommand.UpdateCustomerHandler{Deps: d, Policies: policies}),
			ArchiveCustomer:   application.Command(o, programcommand.ArchiveCustomerHandler{Deps: d}),
			UnarchiveCustomer: application.Command(o, programcommand.UnarchiveCustomerHandler{Deps: d}),
			DeleteCustomer:    application.Command(o, programcommand.DeleteCustomerHandler{Deps: d}),
			Customers:         application.Query(o, r.Customers),
			CustomerByHandle:  application.Query(o, r.CustomerByHandle),
		},
		LeadHandlers: programhttp.LeadHandlers{
			UpdateLeadForm:   application.Command(o, programcommand.UpdateLeadFormHandler{Deps: d}),
			LeadFormOfSeller: application.Query(o, r.LeadFormOfSeller),
			SubmitFormLead:   application.Command(o, submit),
			ConvertLead:      application.Command(o, programcommand.ConvertLeadHandler{Deps: d, Secrets: secrets, Policies: policies}),
			RejectLead:       application.Command(o, programcommand.RejectLeadHandler{Deps: d}),
			DeleteLead:       application.Command(o, programcommand.DeleteLeadHandler{Deps: d}),
			FormLeads:        application.Query(o, r.FormLeads),
			FormLeadByNumber: application.Query(o, r.FormLeadByNumber),
		},
		OverviewHandlers: programhttp.OverviewHandlers{
			Overview: application.Query(o, r.Overview),
		},
		TrackingHandlers: programhttp.TrackingHandlers{
			FollowLink:     application.Command(o, &programcommand.FollowLinkHandler{Reader: r, Clock: d.Clock, IDs: d.IDs, Clicks: clicks, Tally: tally}),
			SignUpCustomer: application.Command(o, programcommand.SignUpCustomerHandler{Deps: d, Secrets: secrets, Policies: policies}),
		},
	}
}

// sendsByPartners adds the commands and queries of the partners' pages, and those that only pages send.
func sendsByPartners(o *application.Operations, d program.Deps, secrets application.Secrets, hasher application.PasswordHasher,
	submit programcommand.SubmitFormLeadHandler, limiter application.RateLimiter, queue program.MailQueue, r *programstore.Reader,
) {
	application.Command(o, programcommand.AcceptInvitationHandler{Deps: d, Secrets: secrets, Hasher: hasher, Portal: r})
	application.Command(o, programcommand.OpenSessionHandler{Deps: d, Secrets: secrets})
	application.Command(o, programcommand.CloseSessionHandler{Deps: d})
	application.Command(o, programcommand.SubmitOwnLeadHandler{SubmitFormLeadHandler: submit, Portal: r})
	application.Command(o, programcommand.ChangeOwnNameHandler{Deps: d, Portal: r})
	application.Command(o, programcommand.RevealFormLeadHandler{Deps: d, Lead: r.FormLeadByNumber})
	application.Command(o, programcommand.SignUpPartnerHandler{Deps: d, Secrets: secrets, Limiter: limiter, Queue: queue, Page: r.SignUpPage})
	application.Command(o, programcommand.MailSignInLinkHandler{Deps: d, Queue: queue, Page: r.SignUpPage})
	application.Query(o, r.SignUpPage)
	application.Query(o, r.OpenInvitation)
	application.Query(o, r.OpenSignIn)
	application.Query(o, r.PartnerPage)
	application.Query(o, r.OwnLinkActivity)
	application.Query(o, r.OwnFormLeads)
	application.Query(o, r.OwnLeadForm)
}
