package leadmill

import (
	"context"
	"log/slog"

	"github.com/leadmill/leadmill/adapters/oidc"
	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/totp"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	accountjob "github.com/leadmill/leadmill/application/account/job"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/seller"
)

// people are the commands and queries of people who sign in, for the pages and the command line.
type people struct {
	SignIn                 bus.Handler[accountcommand.SignIn, accountcommand.SignedIn]
	SignInByToken          bus.Handler[accountcommand.SignInByToken, accountcommand.SignedIn]
	SignOut                bus.Handler[accountcommand.SignOut, struct{}]
	EndSession             bus.Handler[accountcommand.EndSession, struct{}]
	EndAllSessions         bus.Handler[accountcommand.EndAllSessions, struct{}]
	InvitePerson           bus.Handler[accountcommand.InvitePerson, accountcommand.PersonInvited]
	AcceptPersonInvitation bus.Handler[accountcommand.AcceptPersonInvitation, accountcommand.SignedIn]
	AskForReset            bus.Handler[accountcommand.AskForReset, struct{}]
	ResetPassword          bus.Handler[accountcommand.ResetPassword, struct{}]
	ChangePassword         bus.Handler[accountcommand.ChangePassword, accountcommand.SignedIn]
	SwitchSeller           bus.Handler[accountcommand.SwitchSeller, struct{}]
	ChangeRole             bus.Handler[accountcommand.ChangeRole, struct{}]
	RemovePerson           bus.Handler[accountcommand.RemovePerson, struct{}]
	InvitePersonOfBuyer    bus.Handler[accountcommand.InvitePersonOfBuyer, accountcommand.PersonInvited]
	RemovePersonOfBuyer    bus.Handler[accountcommand.RemovePersonOfBuyer, struct{}]
	CreateOwnerSignIn      bus.Handler[accountcommand.CreateOwnerSignIn, accountcommand.PersonInvited]
	ConfirmSignIn          bus.Handler[accountcommand.ConfirmSignIn, accountcommand.SignedIn]
	BeginOIDC              bus.Handler[accountcommand.BeginOIDC, accountcommand.OIDCBegun]
	FinishOIDC             bus.Handler[accountcommand.FinishOIDC, accountcommand.OIDCFinished]
	BeginTOTP              bus.Handler[accountcommand.BeginTOTP, accountcommand.TOTPBegun]
	ConfirmTOTP            bus.Handler[accountcommand.ConfirmTOTP, accountcommand.RecoveryCodes]
	DisableTOTP            bus.Handler[accountcommand.DisableTOTP, struct{}]
	RenewRecoveryCodes     bus.Handler[accountcommand.RenewRecoveryCodes, accountcommand.RecoveryCodes]
	ResetSecondFactor      bus.Handler[accountcommand.ResetSecondFactor, struct{}]
	SecurityOfPerson       bus.Handler[accountquery.SecurityOfPerson, accountquery.Security]
	PeopleOfSeller         bus.Handler[accountquery.PeopleOfSeller, []accountquery.PersonOfSeller]
	PeopleOfBuyer          bus.Handler[accountquery.PeopleOfBuyer, []accountquery.PersonOfSeller]
	SessionsOfPerson       bus.Handler[accountquery.SessionsOfPerson, []accountquery.SessionOfPerson]
	PersonLink             bus.Handler[accountquery.PersonLink, accountquery.PersonLinkView]
	AuditTrail             bus.Handler[accountquery.AuditTrail, application.List[accountquery.AuditEntry]]
}

func newSessions(r account.PersonReader, d account.Deps, logger *slog.Logger) *account.Sessions {
	return account.NewSessions(r, d.Work, d.Clock, logger)
}

func newSigningIn(d account.Deps, r account.PersonReader, secrets application.Secrets, hasher application.PasswordHasher, limiter application.RateLimiter) accountcommand.SigningIn {
	return accountcommand.SigningIn{Deps: d, Reader: r, Secrets: secrets, Passwords: accountcommand.NewPasswords(hasher, secrets), Limiter: limiter}
}

// identityProvider is the one that people may sign in by; its Provider is nil when there is none.
type identityProvider struct{ account.Provider }

// backFromProvider is where an identity provider sends browsers back to.
const backFromProvider = "/sign-in/oidc/callback"

func newIdentityProvider(c Config, clock application.Clock, address *publicAddress, closing *closers) identityProvider {
	if c.OIDCIssuer == "" {
		return identityProvider{}
	}
	p := oidc.New(oidc.Config{
		Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, ClientSecret: c.OIDCClientSecret,
		Redirect: func() string { return address.base() + backFromProvider },
	}, clock)
	closing.add("connections to the identity provider", p.Close)
	return identityProvider{p}
}

func newActors(keyring *application.Keyring, r account.PersonReader) account.Actors {
	return account.Actors{Keys: keyring, People: r}
}

func newPeople(o *application.Operations, d account.Deps, s accountcommand.SigningIn, sealer application.Sealer, sessions *account.Sessions, r *accountstore.Reader,
	provider identityProvider,
) people {
	f := accountcommand.SecondFactors{SigningIn: s, Codes: totp.Codes{}, Sealer: sealer}
	p := accountcommand.Provided{SigningIn: s, Provider: provider.Provider, Sealer: sealer}
	return people{
		SignIn:                 application.Command(o, forgettingSessions(sessions, accountcommand.SignInHandler{SigningIn: s})),
		SignInByToken:          application.Command(o, forgettingSessions(sessions, accountcommand.SignInByTokenHandler{SigningIn: s})),
		SignOut:                application.Command(o, accountcommand.SignOutHandler{Deps: d, Reader: s.Reader, Forget: sessions.Forget}),
		EndSession:             application.Command(o, forgettingSessions(sessions, accountcommand.EndSessionHandler{Deps: d})),
		EndAllSessions:         application.Command(o, forgettingSessions(sessions, accountcommand.EndAllSessionsHandler{Deps: d})),
		InvitePerson:           application.Command(o, accountcommand.InvitePersonHandler{SigningIn: s}),
		AcceptPersonInvitation: application.Command(o, forgettingSessions(sessions, accountcommand.AcceptPersonInvitationHandler{SigningIn: s})),
		AskForReset:            application.Command(o, accountcommand.AskForResetHandler{SigningIn: s}),
		ResetPassword:          application.Command(o, forgettingSessions(sessions, accountcommand.ResetPasswordHandler{SigningIn: s})),
		ChangePassword:         application.Command(o, forgettingSessions(sessions, accountcommand.ChangePasswordHandler{SigningIn: s})),
		SwitchSeller:           application.Command(o, forgettingSessions(sessions, accountcommand.SwitchSellerHandler{Deps: d, Reader: s.Reader})),
		ChangeRole:             application.Command(o, forgettingSessions(sessions, accountcommand.ChangeRoleHandler{Deps: d})),
		RemovePerson:           application.Command(o, forgettingSessions(sessions, accountcommand.RemovePersonHandler{Deps: d})),
		InvitePersonOfBuyer:    application.Command(o, accountcommand.InvitePersonOfBuyerHandler{SigningIn: s}),
		RemovePersonOfBuyer:    application.Command(o, forgettingSessions(sessions, accountcommand.RemovePersonOfBuyerHandler{Deps: d})),
		CreateOwnerSignIn:      application.Command(o, forgettingSessions(sessions, accountcommand.CreateOwnerSignInHandler{SigningIn: s})),
		ConfirmSignIn:          application.Command(o, forgettingSessions(sessions, accountcommand.ConfirmSignInHandler{SecondFactors: f})),
		BeginOIDC:              application.Command(o, accountcommand.BeginOIDCHandler{Provided: p}),
		FinishOIDC:             application.Command(o, forgettingSessions(sessions, accountcommand.FinishOIDCHandler{Provided: p})),
		BeginTOTP:              application.Command(o, accountcommand.BeginTOTPHandler{SecondFactors: f}),
		ConfirmTOTP:            application.Command(o, forgettingSessions(sessions, accountcommand.ConfirmTOTPHandler{SecondFactors: f})),
		DisableTOTP:            application.Command(o, accountcommand.DisableTOTPHandler{SecondFactors: f}),
		RenewRecoveryCodes:     application.Command(o, accountcommand.RenewRecoveryCodesHandler{SecondFactors: f}),
		ResetSecondFactor:      application.Command(o, forgettingSessions(sessions, accountcommand.ResetSecondFactorHandler{Deps: d})),
		SecurityOfPerson:       application.Query(o, r.SecurityOfPerson),
		PeopleOfSeller:         application.Query(o, r.PeopleOfSeller),
		PeopleOfBuyer:          application.Query(o, r.PeopleOfBuyer),
		SessionsOfPerson:       application.Query(o, r.SessionsOfPerson),
		PersonLink:             application.Query(o, r.PersonLink),
		AuditTrail:             application.Query(o, r.AuditTrail),
	}
}

// forgettingSessions wraps a command that changes what sessions open: they are read again afterwards, so that the change holds at once in this
// instance.
func forgettingSessions[C, R any](sessions *account.Sessions, h bus.Handler[C, R]) bus.Handler[C, R] {
	return bus.HandlerFunc[C, R](func(ctx context.Context, c C) (R, error) {
		r, err := h.Handle(ctx, c)
		if err == nil {
			sessions.Forget()
		}
		return r, err
	})
}

func newSendPersonMails(o *application.Operations, d account.Deps, secrets application.Secrets, r account.PersonReader, queue account.PersonMailQueue,
	mailer application.Mailer, text account.PersonMailText, address *publicAddress, logger *slog.Logger,
) func(context.Context) error {
	return accountjob.SendPersonMails(application.Command(o, accountcommand.SendPersonMailsHandler{
		Deps: d, Secrets: secrets, Reader: r, Queue: queue, Mailer: mailer, Text: text, Base: address.base,
	}), logger)
}

// ownerLink makes an owner of a seller and returns the address where that person signs in once.
func (k *core) ownerLink(ctx context.Context, sellerID, email, name, base string) (string, error) {
	made, err := k.People.CreateOwnerSignIn.Handle(ctx, accountcommand.CreateOwnerSignIn{
		Actor: application.Actor{Scope: seller.Admin, KeyID: "cli"}, Seller: sellerID, Email: email, Name: name,
	})
	if err != nil {
		return "", err
	}
	return base + "/sign-in/" + made.Token, nil
}
