package leadmill

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/adapters/mail"
	"github.com/leadmill/leadmill/adapters/sqlstore"
	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	"github.com/leadmill/leadmill/application/bus"
	accounthttp "github.com/leadmill/leadmill/ports/http/account"
)

// accountRoom is the room of sellers, their settings, API keys and people.
var accountRoom = ownModule("account",
	AsTranslation(func() application.Translation { return account.Publish }),
	Provide(newAccountDeps),
	Provide(newAccountReader),
	Share(func(r *accountstore.Reader) application.AnswerWalk { return r }),
	Share(newAdminKey),
	Share(newKeyring),
	Share(newAccountHandlers),
	AsRoutes(accounthttp.Handlers.Routes),
	Provide(func(r *accountstore.Reader) account.PersonReader { return r }),
	Provide(func(s *sqlstore.Store) account.PersonMailQueue { return s }),
	Provide(func() account.PersonMailText { return mail.PeopleText{} }),
	Provide(newSessions),
	Provide(newSigningIn),
	Provide(newIdentityProvider),
	Share(func(s *account.Sessions) application.Sessions { return s }),
	Share(newActors),
	Share(newPeople),
	AsJob("send-person-mails", application.Every(5*time.Second), newSendPersonMails),
)

func newAccountDeps(s *sqlstore.Store, clock application.Clock, ids application.IDs, inFlight *application.InFlight) account.Deps {
	work := sqlstore.Work(s, func(t *sqlstore.Tx) account.Tx { return t })
	return account.Deps{Work: work, Clock: clock, IDs: ids, InFlight: inFlight}
}

func newAccountReader(_ migrated, db *dialect.DB, clock application.Clock) *accountstore.Reader {
	return accountstore.NewReader(db, clock)
}

// newAdminKey makes an admin key at the first start when LEADMILL_ADMIN_KEY is empty. A command that only uses the database makes
// none, because nobody would learn of it; no key opens anything then.
func newAdminKey(c Config, o opening, store *sqlstore.Store, secrets application.Secrets) (adminKey, error) {
	admin := adminKey{hash: sha256.Sum256([]byte(c.AdminKey))}
	if c.AdminKey != "" {
		return admin, nil
	}
	if !o.makes {
		stored, err := store.GetInstallation(context.Background(), adminKeyName)
		if err != nil {
			return adminKey{}, fmt.Errorf("read the admin key: %w", err)
		}
		admin.hash = [sha256.Size]byte{}
		copy(admin.hash[:], stored)
		return admin, nil
	}
	made := "lm_admin_" + secrets.New()
	hash := sha256.Sum256([]byte(made))
	stored, set, err := store.GetOrSetInstallation(context.Background(), adminKeyName, hash[:])
	if err != nil {
		return adminKey{}, fmt.Errorf("make the admin key: %w", err)
	}
	copy(admin.hash[:], stored)
	if set {
		admin.made = made
	}
	return admin, nil
}

func newKeyring(reader *accountstore.Reader, clock application.Clock, admin adminKey, usage *application.KeyUsage) *application.Keyring {
	return application.NewKeyring(reader, clock, admin.hash, usage)
}

func newAccountHandlers(o *application.Operations, d account.Deps, secrets application.Secrets, keyring *application.Keyring, scopes application.Scopes,
	r *accountstore.Reader,
) accounthttp.Handlers {
	application.Query(o, r.APIKeyByID)
	application.Query(o, r.BrandOfSeller)
	application.Query(o, r.LogoOfSeller)
	application.Command(o, accountcommand.ChangeLogoHandler{Deps: d})
	return accounthttp.Handlers{
		SellerHandlers: accounthttp.SellerHandlers{
			CreateSeller: application.Command(o, accountcommand.CreateSellerHandler{Deps: d, Secrets: secrets}),
			UpdateSeller: application.Command(o, forgetting(keyring, accountcommand.UpdateSellerHandler{Deps: d})),
			Sellers:      application.Query(o, r.Sellers),
			SellerByCode: application.Query(o, r.SellerByCode),
		},
		APIKeyHandlers: accounthttp.APIKeyHandlers{
			CreateAPIKey:         application.Command(o, accountcommand.CreateAPIKeyHandler{Deps: d, Secrets: secrets, Scopes: scopes}),
			CreateAPIKeyOfSeller: application.Command(o, accountcommand.CreateAPIKeyOfSellerHandler{Deps: d, Secrets: secrets, Scopes: scopes}),
			RotateAPIKey:         application.Command(o, forgetting(keyring, accountcommand.RotateAPIKeyHandler{Deps: d, Secrets: secrets, Scopes: scopes})),
			RevokeAPIKey:         application.Command(o, forgetting(keyring, accountcommand.RevokeAPIKeyHandler{Deps: d})),
			APIKeys:              application.Query(o, r.APIKeys),
		},
		SettingsHandlers: accounthttp.SettingsHandlers{
			UpdateSettings:   application.Command(o, forgetting(keyring, accountcommand.UpdateSettingsHandler{Deps: d})),
			SettingsOfSeller: application.Query(o, r.SettingsOfSeller),
		},
	}
}

// forgetting wraps the handler of a command that changes what keys may do, whoever sends it: it empties the keyring afterwards, so that the change holds at
// once in this instance.
func forgetting[C any](keyring *application.Keyring, h bus.Handler[C, application.Done]) bus.Handler[C, application.Done] {
	return bus.HandlerFunc[C, application.Done](func(ctx context.Context, c C) (application.Done, error) {
		done, err := h.Handle(ctx, c)
		if err == nil {
			keyring.Forget()
		}
		return done, err
	})
}
