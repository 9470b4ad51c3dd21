package application

import "github.com/leadmill/leadmill/domain/fault"

var (
	// ErrSecretKeyMissing says that a secret cannot be sealed because this installation has no key to seal it with.
	ErrSecretKeyMissing = fault.New(fault.Unavailable, "secret_key_missing", "This installation has no LEADMILL_SECRET_KEY, which secrets are kept with")
	// ErrSecretUnreadable says that what was sealed cannot be opened: it was sealed with another key, for something else, or it is damaged.
	ErrSecretUnreadable = fault.New(fault.Unavailable, "secret_unreadable", "The secret was kept with another key than this installation has now")
)

// Sealer keeps secrets that must be readable again, such as those that sign webhooks. purpose and id are bound to the sealed bytes
// (additional data), so that what is sealed for one row opens in no other. It is safe for concurrent use.
type Sealer interface {
	// Seal makes bytes of a secret that only Open can read. It fails with ErrSecretKeyMissing (wrapped), or with another error of the kind
	// unavailable when there is a key that cannot be read.
	Seal(plain []byte, purpose, id string) ([]byte, error)
	// Open returns the secret again. It fails as Seal does, and with ErrSecretUnreadable (wrapped).
	Open(sealed []byte, purpose, id string) ([]byte, error)
}
