package application

import (
	"context"
	"net/http"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// What a request to an address of a seller's can fail with. Their causes are for logs and for the seller: they hold neither the query of
// the address, nor credentials, nor anything that was sent or answered.
var (
	// ErrAddressRefused says that the address is none that requests are sent to: sending it again does not help.
	ErrAddressRefused = fault.New(fault.RuleViolated, "outbound_address_refused", "Requests are not sent to this address")
	// ErrOutboundTimeout says that the exchange took longer than it may. The request may have arrived.
	ErrOutboundTimeout = fault.New(fault.Unavailable, "outbound_timeout", "The answer did not come in time")
	// ErrOutboundBusy says that nothing was sent, because too much is under way, to that host or in all. It says nothing of the receiver.
	ErrOutboundBusy = fault.New(fault.Unavailable, "outbound_busy", "Too many requests are under way")
	// ErrOutboundFailed says that there was no answer, or none that can be read. The request may have arrived.
	ErrOutboundFailed = fault.New(fault.Unavailable, "outbound_failed", "The request was not answered")
)

// OutboundRequest is one POST to an address that a seller named.
type OutboundRequest struct {
	For     string // the seller who named the address, whose requests take half of the places at most; those of nobody count as one seller's
	URL     string // it is sent as it is, so that its query may hold secrets
	Header  http.Header
	Body    []byte
	Timeout time.Duration // of the whole exchange, which begins when there is room for it, from dialling to the last byte read; 30 s when it is not above 0
	Within  time.Duration // if above 0, until when the answer has to be there, with the wait for room; the exchange gets what is left
	Waited  bool          // somebody waits for the answer: it goes beside all that nobody waits for
	Bid     bool          // it asks for a bid: it goes beside all else, and only when there is room at once
	Webhook bool          // it tells a webhook of an event: it goes beside all that buyers are sent
}

// OutboundAnswer is what came back: at most 64 KiB of the body. A redirect is an answer and is not followed.
type OutboundAnswer struct {
	Status int
	Header http.Header
	Body   []byte // as it came over the wire; nothing is asked for or taken apart that is compressed
}

// Outbound sends requests to addresses that sellers name. Whoever can name an address may try to have requests sent into the network that
// Leadmill runs in, to hold its connections, or to fill its memory: an Outbound lets none of these happen.
type Outbound interface {
	// Send sends a request once. It fails with ErrAddressRefused, ErrOutboundBusy, ErrOutboundTimeout or ErrOutboundFailed (wrapped); there is an
	// answer only when it does not fail. When ctx is cancelled, the error also wraps its error.
	Send(ctx context.Context, r OutboundRequest) (OutboundAnswer, error)
	// Check refuses what Send would refuse without a look at the network: a scheme, credentials in the URL, a literal address. It is for
	// input. Its error is ErrAddressRefused (wrapped).
	Check(url string) error
}
