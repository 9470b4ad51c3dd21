package account

import (
	"context"

	"github.com/leadmill/leadmill/domain/fault"
)

// Errors of signing in by an identity provider.
var (
	// ErrProviderAway says that the identity provider cannot be asked now.
	ErrProviderAway = fault.New(fault.Unavailable, "identity_provider_away", "The identity provider cannot be reached.")
	// ErrProviderRefused says that what came back from the identity provider proves nothing, or that nobody here is meant by it, without telling which.
	ErrProviderRefused = fault.New(fault.Unauthenticated, "identity_provider_refused", "You could not be signed in this way. Whoever invites people for the seller can help.")
)

// Provider is the identity provider that people may sign in by beside their passwords.
type Provider interface {
	// Begin returns the address to which a browser is sent: ErrProviderAway (wrapped).
	Begin(ctx context.Context, p ProviderTrip) (address string, err error)
	// Finish returns who came back with a code: ErrProviderAway, ErrProviderRefused (wrapped).
	Finish(ctx context.Context, p ProviderTrip, code string) (Identity, error)
}

// ProviderTrip ties what comes back from a provider to the one browser that was sent there. All of them are unguessable.
type ProviderTrip struct {
	State    string `json:"state"`    // comes back with the browser
	Nonce    string `json:"nonce"`    // comes back in the provider's token
	Verifier string `json:"verifier"` // goes to the provider with the code, and by its hash with the browser (RFC 7636)
}

// Identity is whom a provider says somebody is.
type Identity struct {
	Issuer, Subject string
	Name, Email     string
	EmailVerified   bool // the provider knows that the email is the person's
}

// SealTrip is the purpose under which a browser keeps what ties it to its way to a provider and back.
const SealTrip = "person-oidc"
