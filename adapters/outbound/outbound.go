// Package outbound sends HTTP requests to addresses that sellers name, and to none inside the network that Leadmill runs in.
//
// Stability: unsupported; it may change at any time.
package outbound

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
)

// The limits of what an answer may take.
const (
	maxBody        = 64 << 10
	maxHeader      = 16 << 10
	defaultTimeout = 30 * time.Second
)

const (
	// perHost is how many requests go to one host at once. One that hangs holds so many and no more, and the requests to all others go on;
	// a host that is well gets more than it can mostly take: at 200 ms an answer, 16 are 80 a second. A seller has half of the places at most, because
	// many share hosts such as those of automation services, and of all places too.
	perHost = 16
	// inAll is how many requests are under way at once. Each has a connection and three goroutines. Webhooks have so many places of their own, so that no
	// number of events takes those of leads.
	inAll = 256
	// askPerHost and askInAll are the same of requests whose answers somebody waits for. They have places of their own, and more: a thousand a
	// second of which a fifth are answered after 5 s are 1,080 at once. One seller may have so many, and so gets three quarters.
	askPerHost = 256
	askInAll   = 2048
	// bidsPerHost and bidsInAll are the same of requests for bids, which wait for no places: beyond them a buyer is not asked. A seller has half of those in
	// all, so that bidders that hang take places from no other seller's.
	bidsPerHost = 256
	bidsInAll   = 1024
	// patience is how long a request waits for its place. Who has more to send is better off asking again than waiting in line.
	patience = time.Second
	// idlePerHost and idleInAll are how many connections are kept for later requests, each with two goroutines, for idleFor.
	idlePerHost = 16
	idleInAll   = 256
	idleFor     = 30 * time.Second
)

// Client implements application.Outbound. It is safe for concurrent use.
type Client struct {
	allow     []netip.Prefix
	agent     string
	transport *http.Transport
	resolver  *net.Resolver // nil is the machine's
	tls       *tls.Config
	gate      gate
	asking    gate // of requests whose answers somebody waits for
	bids      gate
	webhooks  gate
}

var _ application.Outbound = (*Client)(nil)

// New returns a client that tells its version. allow are the networks that it may reach although they are private, and by http too;
// everywhere else it reaches public addresses by https only.
func New(allow []netip.Prefix, version string) *Client {
	c := &Client{
		agent: "Leadmill/" + token(version), tls: &tls.Config{MinVersion: tls.VersionTLS12},
		gate:     newGate(width{perHost, inAll}, width{perHost / 2, inAll / 2}, patience),
		asking:   newGate(width{askPerHost, askInAll}, width{askPerHost * 3 / 4, askInAll * 3 / 4}, patience),
		bids:     newGate(width{bidsPerHost, bidsInAll}, width{bidsPerHost * 3 / 4, bidsInAll / 2}, 0),
		webhooks: newGate(width{perHost, inAll}, width{perHost / 2, inAll / 2}, patience),
	}
	for _, p := range allow {
		c.allow = append(c.allow, p.Masked())
	}
	// HTTP/1 only: there a request has a connection of its own, so that limits of requests are limits of connections too, and the limits of
	// headers and bodies are those of one answer.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	c.transport = &http.Transport{
		Proxy:                  nil, // one of the environment would be asked to reach what is refused here
		DialContext:            c.dialPlain,
		DialTLSContext:         c.dialTLS,
		Protocols:              protocols,
		DisableCompression:     true, // nothing is asked for that would have to be unpacked
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           idleInAll,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleFor,
	}
	return c
}

// Close closes the connections that no request uses.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Send implements application.Outbound.
func (c *Client) Send(ctx context.Context, r application.OutboundRequest) (application.OutboundAnswer, error) {
	target, err := c.parse(r.URL)
	if err != nil {
		return application.OutboundAnswer{}, err
	}
	if r.Timeout <= 0 {
		r.Timeout = defaultTimeout
	}
	through := &c.gate
	switch {
	case r.Bid:
		through = &c.bids
	case r.Waited:
		through = &c.asking
	case r.Webhook:
		through = &c.webhooks
	}
	end := ctx
	if r.Within > 0 {
		var cancel context.CancelFunc
		end, cancel = context.WithTimeout(ctx, r.Within)
		defer cancel()
	}
	leave, err := through.enter(ctx, r.For, place(target))
	if errors.Is(err, context.DeadlineExceeded) { // nothing was sent
		return application.OutboundAnswer{}, application.ErrOutboundBusy
	}
	if err != nil {
		return application.OutboundAnswer{}, failure(ctx, ctx, err)
	}
	defer leave()
	if ctx.Err() == nil && end.Err() != nil {
		return application.OutboundAnswer{}, application.ErrOutboundBusy
	}
	within, cancel := context.WithTimeout(end, r.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(context.WithValue(within, exchange{}, within), http.MethodPost, target.String(), bytes.NewReader(r.Body))
	if err != nil {
		return application.OutboundAnswer{}, application.ErrOutboundFailed.Because(errRequest)
	}
	request.Header = c.header(r.Header)
	answer, err := c.exchange(request)
	if err != nil {
		return application.OutboundAnswer{}, failure(ctx, within, err)
	}
	return answer, nil
}

// place is the host of an address, with its port, which others on that machine may have; however its name is written.
func place(u *url.URL) string {
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + cmp.Or(u.Port(), u.Scheme)
}

func (c *Client) exchange(request *http.Request) (answer application.OutboundAnswer, err error) {
	// The transport itself, and not an http.Client: that follows redirects, and calls one a failure when it cannot read where to.
	got, err := c.transport.RoundTrip(request)
	if err != nil {
		return answer, err
	}
	// Closing a body of which there is more closes its connection; nothing more is read.
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode == http.StatusSwitchingProtocols { // what comes now is no body, and no context ends it
		return answer, errSwitched
	}
	body, err := io.ReadAll(io.LimitReader(got.Body, maxBody))
	if err != nil {
		return answer, err
	}
	return application.OutboundAnswer{Status: got.StatusCode, Header: got.Header, Body: body}, nil
}

// connection are the headers that speak of the connection, which is not the caller's.
var connection = []string{"Connection", "Keep-Alive", "Upgrade", "Expect", "Te", "Proxy-Connection", "Proxy-Authorization"}

// repeating are headers with which net/http would send a request a second time by itself when a connection is lost, and who counts attempts
// would not know. In this spelling they mean the same over the wire, but not to net/http.
var repeating = []string{"idempotency-key", "x-idempotency-key"}

func (c *Client) header(given http.Header) http.Header {
	h := make(http.Header, len(given)+1)
	for name, values := range given {
		canonical := http.CanonicalHeaderKey(name)
		if lower := strings.ToLower(name); slices.Contains(repeating, lower) {
			canonical = lower
		}
		h[canonical] = append(h[canonical], values...)
	}
	for _, name := range connection {
		h.Del(name)
	}
	h.Set("User-Agent", c.agent)
	return h
}

// exchange is the key of the context of a whole exchange. net/http hides from who dials that it ended.
type exchange struct{}

func (c *Client) dialPlain(ctx context.Context, network, address string) (net.Conn, error) {
	return c.dial(ctx, network, address, c.mayPlain)
}

func (c *Client) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	if within, is := ctx.Value(exchange{}).(context.Context); is {
		ctx = within
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	raw, err := c.dial(ctx, network, address, c.may)
	if err != nil {
		return nil, err
	}
	config := c.tls.Clone()
	config.ServerName = host
	secure := tls.Client(raw, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(&handshakeError{err}, raw.Close())
	}
	return secure, nil
}

// token makes a product's version of a text (RFC 9110, section 10.1.5).
func token(version string) string {
	return cmp.Or(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune(".-+_", r) {
			return r
		}
		return -1
	}, version), "unknown")
}
