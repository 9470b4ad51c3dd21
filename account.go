package leadmill

import (
	"context"
	"crypto/sha256"
	"fmt"

	"go.uber.org/fx"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	accountstore "github.com/leadmill/leadmill/adapters/sqlstore/account"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	accountcommand "github.com/leadmill/leadmill/application/account/command"
	"github.com/leadmill/leadmill/application/bus"
	accounthttp "github.com/leadmill/leadmill/ports/http/account"
)

// accountRoom is the room of sellers, their settings and API keys.
var accountRoom = NewModule("account",
	asTranslation(account.Publish),
	shared(newAccountDeps, newAccountReader, newKeyring, newAccountHandlers),
	asRoutes(accounthttp.Handlers.Routes),
)

func newAccountDeps(s *sqlstore.Store, clock application.Clock, ids application.IDs, inFlight *application.InFlight) account.Deps {
	work := sqlstore.Work(s, func(t *sqlstore.Tx) account.Tx { return t })
	return account.Deps{Work: work, Clock: clock, IDs: ids, InFlight: inFlight}
}

func newAccountReader(_ migrated, db *dialect.DB) *accountstore.Reader {
	return accountstore.NewReader(db)
}

// newKeyring makes an admin key at the first start when LEADMILL_ADMIN_KEY is empty.
func newKeyring(c Config, reader *accountstore.Reader, store *sqlstore.Store, clock application.Clock, secrets application.Secrets) (*application.Keyring, adminKey, error) {
	admin := adminKey{hash: sha256.Sum256([]byte(c.AdminKey))}
	if c.AdminKey == "" {
		made := "lm_admin_" + secrets.New()
		hash := sha256.Sum256([]byte(made))
		stored, set, err := store.GetOrSetInstallation(context.Background(), adminKeyName, hash[:])
		if err != nil {
			return nil, adminKey{}, fmt.Errorf("make the admin key: %w", err)
		}
		copy(admin.hash[:], stored)
		if set {
			admin.made = made
		}
	}
	return application.NewKeyring(reader, clock, admin.hash), admin, nil
}

type accountIn struct {
	fx.In

	Operations *application.Operations
	Deps       account.Deps
	Secrets    application.Secrets
	Keyring    *application.Keyring
	Reader     *accountstore.Reader
	Scopes     application.Scopes
}

func newAccountHandlers(in accountIn) accounthttp.Handlers {
	o, d, r := in.Operations, in.Deps, in.Reader
	return accounthttp.Handlers{
		SellerHandlers: accounthttp.SellerHandlers{
			CreateSeller: application.Command(o, accountcommand.CreateSellerHandler{Deps: d, Secrets: in.Secrets}),
			UpdateSeller: forgetting(in.Keyring, application.Command(o, accountcommand.UpdateSellerHandler{Deps: d})),
			Sellers:      application.Query(o, r.Sellers),
			SellerByCode: application.Query(o, r.SellerByCode),
		},
		APIKeyHandlers: accounthttp.APIKeyHandlers{
			CreateAPIKey: application.Command(o, accountcommand.CreateAPIKeyHandler{Deps: d, Secrets: in.Secrets, Scopes: in.Scopes}),
			RevokeAPIKey: forgetting(in.Keyring, application.Command(o, accountcommand.RevokeAPIKeyHandler{Deps: d})),
			APIKeys:      application.Query(o, r.APIKeys),
		},
		SettingsHandlers: accounthttp.SettingsHandlers{
			UpdateSettings:   forgetting(in.Keyring, application.Command(o, accountcommand.UpdateSettingsHandler{Deps: d})),
			SettingsOfSeller: application.Query(o, r.SettingsOfSeller),
		},
	}
}

// forgetting wraps a command that changes what keys may do: it empties the keyring afterwards, so that the change holds at
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
