package outbound

import (
	"crypto/x509"
	"net"
	"net/netip"
	"time"
)

// With has a client look names up and trust certificates otherwise than the machine does.
func (c *Client) With(r *net.Resolver, trusted *x509.CertPool) *Client {
	c.resolver, c.tls.RootCAs = r, trusted
	return c
}

// May is what the client says of an address when it makes a connection.
func (c *Client) May(to netip.AddrPort) bool { return c.may(to) }

// MayPlain is May without TLS.
func (c *Client) MayPlain(to netip.AddrPort) bool { return c.mayPlain(to) }

// The bounds of requests at once.
const (
	PerHost = perHost
	InAll   = inAll
)

// Width makes the bounds others; a seller has half of them.
func (c *Client) Width(perHost, inAll int) *Client {
	c.gate.most, c.gate.seller = width{perHost, inAll}, width{max(1, perHost/2), max(1, inAll/2)}
	return c
}

// AskingWidth is Width of requests whose answers somebody waits for; a seller may have all.
func (c *Client) AskingWidth(perHost, inAll int) *Client {
	c.asking.most, c.asking.seller = width{perHost, inAll}, width{perHost, inAll}
	return c
}

// BidsWidth is Width of requests for bids, of which a seller may have so many.
func (c *Client) BidsWidth(perHost, inAll, ofSeller int) *Client {
	c.bids.most, c.bids.seller = width{perHost, inAll}, width{perHost, ofSeller}
	return c
}

// Waits is of how many places it is known that somebody is there or waits.
func (c *Client) Waits() (n int) {
	for _, g := range []*gate{&c.gate, &c.asking, &c.bids} {
		g.mu.Lock()
		n += len(g.queues)
		g.mu.Unlock()
	}
	return n
}

// Patience is how long a request waits for its place, other than for a bid.
func (c *Client) Patience(d time.Duration) *Client {
	c.gate.patience, c.asking.patience = d, d
	return c
}
