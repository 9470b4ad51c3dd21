package application

import "github.com/leadmill/leadmill/domain/fault"

// Errors of Sealer.
var (
	ErrSecretKeyMissing = fault.New(fault.Unavailable, "secret_key_missing", "LEADMILL_SECRET_KEY is not set, so that nothing secret can be kept")
	ErrSecretUnreadable = fault.New(fault.Unavailable, "secret_unreadable", "A secret was sealed with another LEADMILL_SECRET_KEY")
)

// Sealer keeps secrets that must be readable again, such as those that sign webhooks. purpose and id are bound to the sealed bytes, so that
// what is sealed for one row opens in no other.
type Sealer interface {
	// Seal returns ErrSecretKeyMissing when there is no key.
	Seal(plain []byte, purpose, id string) ([]byte, error)
	// Open returns ErrSecretKeyMissing, and ErrSecretUnreadable when the key is another.
	Open(sealed []byte, purpose, id string) ([]byte, error)
}
