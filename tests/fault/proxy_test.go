package fault_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy is a way to a database that can be blocked: then it takes connections and bytes and passes nothing on, as a server does that
// hangs, until it is opened again.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	open  chan struct{} // closed while bytes are passed on
	conns map[net.Conn]bool
	done  bool
}

// newProxy returns a proxy before the server of a database, until the test ends, and the URL of the database behind it.
func newProxy(t *testing.T, databaseURL string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: u.Host, open: make(chan struct{}), conns: map[net.Conn]bool{}}
	close(p.open)
	u.Host = l.Addr().String()
	go p.serve()
	t.Cleanup(p.close)
	return p, u.String()
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			if !p.add(client) {
				return
			}
			server, err := net.Dial("tcp", p.target)
			if err != nil || !p.add(server) {
				_ = client.Close()
				return
			}
			go p.pass(server, client)
			p.pass(client, server)
		}()
	}
}

// add reports whether a connection may be used, and closes it otherwise.
func (p *proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

// pass passes on what one side sends, and its end.
func (p *proxy) pass(from, to net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		<-open
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = from.Close()
			}
			_ = to.Close()
			return
		}
	}
}

// block lets nothing more through.
func (p *proxy) block() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

// unblock lets through what was held back, and all that follows.
func (p *proxy) unblock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.open)
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	select {
	case <-p.open:
	default:
		close(p.open)
	}
	for c := range p.conns {
		_ = c.Close()
	}
}
