package outbound_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/leadmill/leadmill/adapters/outbound"
)

// here is the one address that tests send requests to; the others of loopback stand for everything that is private.
var here = netip.MustParsePrefix("127.0.0.1/32")

func client(t *testing.T, allow ...netip.Prefix) *outbound.Client {
	t.Helper()
	c := outbound.New(allow, "v1.2.3")
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

// site is a server of tests that counts its connections and requests.
type site struct {
	*httptest.Server

	connections, requests atomic.Int64
}

func serve(t *testing.T, secure bool, handle http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		handle(w, r)
	}))
	s.Config.ErrorLog = quiet
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func (s *site) port() string {
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return port
}

// raw is a server below HTTP: handle gets each connection behind its first request, and the connection ends with it.
func raw(t *testing.T, handle func(c net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			all.Go(func() {
				handle(c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

// names is a name server whose answer to every look-up of a name is the next of a list of addresses, and the last from then on.
type names struct {
	mu      sync.Mutex
	answers [][]string
	asked   int // look-ups of addresses of version 4
}

func (n *names) next() []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := min(n.asked, len(n.answers)-1)
	n.asked++
	list := make([]netip.Addr, len(n.answers[at]))
	for i, a := range n.answers[at] {
		list[i] = netip.MustParseAddr(a)
	}
	return list
}

// resolver starts the name server. Each look-up gets addresses of version 4 and 6 from one answer.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		six := make(chan []netip.Addr, 1)
		buffer := make([]byte, 1500)
		for {
			size, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:size]) != nil {
				continue
			}
			go func() { _, _ = server.WriteTo(n.answer(m, six), from) }()
		}
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func (n *names) answer(m dnsmessage.Message, six chan []netip.Addr) []byte {
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	q := m.Questions[0]
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
	switch q.Type { //nolint:exhaustive // nothing else is asked for
	case dnsmessage.TypeA:
		list := n.next()
		six <- list
		for _, ip := range list {
			if ip.Is4() {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
			}
		}
	case dnsmessage.TypeAAAA:
		for _, ip := range <-six {
			if ip.Is6() {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
			}
		}
	}
	packed, _ := m.Pack()
	return packed
}
