package leadmill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	consolehttp "github.com/leadmill/leadmill/ports/http/console"
)

// consoleRoom is the room of the pages on which people run a seller's business.
var consoleRoom = ownModule("console",
	Share(newConsole),
	Provide(newKeySessions),
	AsRoutes(consolehttp.Console.Routes),
)

func newConsole(o *application.Operations, sessions application.Sessions) consolehttp.Console {
	return consolehttp.Console{Operations: o, Sessions: sessions}
}

// keySessions are sessions of whoever has a program key, which is all that a session opens.
type keySessions struct{ keys *application.Keyring }

func newKeySessions(keys *application.Keyring) application.Sessions { return keySessions{keys} }

func (s keySessions) PersonOf(ctx context.Context, cookie string) (application.Person, error) {
	role, key, _ := strings.Cut(cookie, "!")
	actor, _, err := s.keys.Authenticate(ctx, key)
	if errors.Is(err, application.ErrInvalidKey) || err == nil && application.Scope(actor.Scope) != application.Program {
		return application.Person{}, fault.New(fault.Unauthenticated, "session_unknown", "Nobody is signed in.")
	}
	if err != nil {
		return application.Person{}, err
	}
	token := sha256.Sum256([]byte("form " + cookie))
	actor.Role, actor.PersonID = application.Role(role), actor.KeyID
	return application.Person{
		ID: actor.KeyID, Name: "Holder of a key", SessionID: actor.KeyID, FormToken: hex.EncodeToString(token[:]), Actor: actor,
		Sellers: []application.PersonSeller{{Code: actor.SellerCode, Name: actor.SellerSlug, Role: string(actor.Role)}},
	}, nil
}
