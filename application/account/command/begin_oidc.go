package command

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/account"
	"github.com/leadmill/leadmill/domain/fault"
)

// BeginOIDC sends a browser to the identity provider. Next and Kept come back from FinishOIDC.
type BeginOIDC struct {
	Next, Kept string
	Browser    Browser
}

// Needs implements application.Message.
func (BeginOIDC) Needs() application.Scope { return application.Visitor }

// OIDCBegun is where the browser is to go, and what it keeps meanwhile.
type OIDCBegun struct {
	Address   string
	Cookie    string
	ExpiresAt time.Time
}

// How long a way to the provider and back may take, and how much may be taken along, in bytes: browsers keep cookies of up to 4096.
const (
	tripLife   = 10 * time.Minute
	MaxOIDCBag = 2000
)

// ErrNoProvider says that people cannot sign in by an identity provider here.
var ErrNoProvider = fault.New(fault.NotFound, "no_identity_provider", "This installation has no identity provider.")

// Provided is what the handlers of commands about an identity provider need. Provider is nil where there is none.
type Provided struct {
	SigningIn
	Provider account.Provider
	Sealer   application.Sealer
}

// trip is what a browser keeps, sealed.
type trip struct {
	account.ProviderTrip

	Next      string    `json:"next"`
	Kept      string    `json:"kept"`
	ExpiresAt time.Time `json:"expires_at"`
}

// BeginOIDCHandler handles BeginOIDC.
type BeginOIDCHandler struct{ Provided }

// Handle implements bus.Handler. Errors: ErrNoProvider, account.ErrProviderAway, ErrTooManyTries, fault.ErrValidation of "kept" when Next and
// Kept together are longer than MaxOIDCBag, application.ErrSecretKeyMissing.
func (h BeginOIDCHandler) Handle(ctx context.Context, c BeginOIDC) (OIDCBegun, error) {
	if h.Provider == nil {
		return OIDCBegun{}, ErrNoProvider
	}
	if len(c.Next)+len(c.Kept) > MaxOIDCBag {
		return OIDCBegun{}, fault.ErrValidation.With(fault.Violation{Field: "kept", Code: fault.InvalidValue, Message: "is too long to be taken along"})
	}
	if err := h.within("provider-from", c.Browser.Address, triesOfAddress); err != nil {
		return OIDCBegun{}, err
	}
	t := trip{
		ProviderTrip: account.ProviderTrip{State: h.Secrets.New(), Nonce: h.Secrets.New(), Verifier: h.Secrets.New()},
		Next:         c.Next, Kept: c.Kept, ExpiresAt: h.Clock.Now().Add(tripLife),
	}
	address, err := h.Provider.Begin(ctx, t.ProviderTrip)
	if err != nil {
		return OIDCBegun{}, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return OIDCBegun{}, err
	}
	sealed, err := h.Sealer.Seal(text, account.SealTrip, "")
	if err != nil {
		return OIDCBegun{}, err
	}
	return OIDCBegun{Address: address, Cookie: base64.RawURLEncoding.EncodeToString(sealed), ExpiresAt: t.ExpiresAt}, nil
}

// open reads what the browser kept: account.ErrProviderRefused for what was not begun here, or too long ago.
func (p Provided) open(cookie string) (t trip, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(sealed) == 0 {
		return trip{}, account.ErrProviderRefused
	}
	text, err := p.Sealer.Open(sealed, account.SealTrip, "")
	if err != nil || json.Unmarshal(text, &t) != nil || !p.Clock.Now().Before(t.ExpiresAt) {
		return trip{}, account.ErrProviderRefused
	}
	return t, nil
}
