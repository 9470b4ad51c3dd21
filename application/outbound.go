package application

import (
	"context"
	"net/http"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// Errors of Outbound. Their texts hold neither query, credentials nor body.
var (
	ErrAddressRefused  = fault.New(fault.Invalid, "outbound_address_refused", "must be an address that may be reached")
	ErrOutboundTimeout = fault.New(fault.Unavailable, "outbound_timeout", "The receiver did not answer in time")
	ErrOutboundFailed  = fault.New(fault.Unavailable, "outbound_failed", "The receiver could not be reached")
)

// OutboundRequest is one HTTP request to an address that a seller named.
type OutboundRequest struct {
	Method  string // POST when empty
	URL     string
	Header  http.Header
	Body    []byte
	Timeout time.Duration // of the whole exchange, from dialling to the last byte read
}

// OutboundAnswer is what came back: at most 64 KiB of the body.
type OutboundAnswer struct {
	Status    int
	Header    http.Header
	Body      []byte
	Truncated bool
}

// Outbound sends requests to addresses that sellers name.
type Outbound interface {
	// Send sends one request. Errors: ErrAddressRefused, ErrOutboundTimeout, ErrOutboundFailed, each wrapped.
	Send(ctx context.Context, r OutboundRequest) (OutboundAnswer, error)
	// Check refuses what Send would refuse without a look at the network: a scheme, credentials in the URL, a literal address. It is for input.
	Check(url string) error
}
