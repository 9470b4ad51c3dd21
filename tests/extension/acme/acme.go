// Package acme is a company that extends Leadmill without changing it: an example to copy. It uses every seam once. Each file
// is one extension, and docs/extending.md of Leadmill walks through them.
package acme

import (
	"embed"
	"os"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed openapi.yaml
var openAPI []byte

// Module is all that Acme adds.
func Module(s Settings) leadmill.Module {
	return leadmill.NewModule("acme",
		leadmill.Provide(func() Settings { return s }),
		leadmill.Provide(newHTTPClient),
		leadmill.AsMigrations(migrations, "migrations"),

		// What decides on leads and customers.
		leadmill.AsFacts(newDoNotCall),
		leadmill.AsIntakeRule(newNotListed),
		leadmill.AsIntakeRule(newOfAge),
		leadmill.AsStrategy(newBudgetLeft),
		leadmill.AsAttributionPolicy(newHouseAccounts),
		leadmill.ReplacePolicy("self_referral", newFamilyReferral),

		// What happens around commands, and after events.
		leadmill.AsInterceptor(newAuditTrail),
		leadmill.AsProjection(newSalesByState),
		leadmill.AsReaction("acme-crm", []string{eventsv1.LeadPending{}.Type(), eventsv1.LeadSold{}.Type()}, newCRM, leadmill.AtOnce(8)),
		leadmill.AsJob("acme-close-old-cases", application.Cron("0 3 * * *"), newCloseOldCases),

		// Commands, queries and events of Acme's own, and how they are reached.
		leadmill.AsEvent[CaseOpened](caseOpened),
		leadmill.AsCommand[OpenCase, application.Done](newOpenCase),
		leadmill.AsQuery[SalesByState, []StateSales](newSalesByStateHandler),
		leadmill.AsOpenAPI(openAPI),
		leadmill.AsRoute("POST", "/v1/x/acme/cases", application.Program, newCaseRoute),
		leadmill.AsRoute("GET", "/v1/x/acme/sales-by-state", application.Program, newSalesByStateRoute, leadmill.AlsoFor("acme-reports")),
		leadmill.AsScope("acme-reports", "SalesByState"),
		leadmill.AsCLI(salesCommand, newSalesCommand),

		// What Acme does its own way.
		leadmill.ReplaceMailer(newMailer),
		leadmill.ReplaceInvitationText(newInvitation),
	)
}

// Settings are Acme's own.
type Settings struct {
	// DoNotCall, CRM and Mail are the URLs of Acme's services; an empty one is not asked, and mails wait until there is one.
	DoNotCall, CRM, Mail string
	// MinimumAge is in years.
	MinimumAge int
	// CaseLasts is how long a case stays open.
	CaseLasts time.Duration
}

// FromEnvironment returns the settings of Acme's program. LEADMILL_X_… is free for the settings of modules.
func FromEnvironment() Settings {
	return Settings{
		DoNotCall: os.Getenv("LEADMILL_X_DO_NOT_CALL_URL"), CRM: os.Getenv("LEADMILL_X_CRM_URL"), Mail: os.Getenv("LEADMILL_X_MAIL_URL"),
		MinimumAge: 18, CaseLasts: 30 * 24 * time.Hour,
	}
}
