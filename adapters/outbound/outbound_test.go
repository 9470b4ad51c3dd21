package outbound_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/leadmill/leadmill/adapters/outbound"
	"github.com/leadmill/leadmill/application"
)

// TestMain sees to it that no request leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = log.New(io.Discard, "", 0)

// short is how long an exchange may take that is cut off.
const short = 100 * time.Millisecond

func TestARequestAndItsAnswer(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	s := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Reference", "7")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"accepted"}`)
	})
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	n := &names{answers: [][]string{{"127.0.0.1"}}}
	c := client(t, here).With(n.resolver(t), pool)
	answer, err := c.Send(t.Context(), application.OutboundRequest{
		URL: "https://example.com:" + s.port() + "/leads?a=b", Body: []byte(`{"lead_id":"lead_1"}`), Timeout: time.Minute,
		Header: http.Header{
			"content-type": {"application/json"}, "Idempotency-Key": {"sale_1"}, "Host": {"other.example"}, "User-Agent": {"other"},
			"Connection": {"close"}, "Upgrade": {"h2c"}, "Content-Length": {"3"}, "Transfer-Encoding": {"chunked"}, "Accept-Encoding": {"identity"},
		},
	})
	require.NoError(t, err)
	assert.Equal(t, application.OutboundAnswer{Status: http.StatusAccepted, Header: answer.Header, Body: []byte(`{"status":"accepted"}`)}, answer)
	assert.Equal(t, "7", answer.Header.Get("X-Reference"))
	assert.Equal(t, http.MethodPost, got.Method)
	assert.Equal(t, "/leads?a=b", got.RequestURI)
	assert.Equal(t, "example.com:"+s.port(), got.Host)
	assert.Equal(t, `{"lead_id":"lead_1"}`, string(body))
	assert.Equal(t, http.Header{
		"Content-Type": {"application/json"}, "Idempotency-Key": {"sale_1"}, "User-Agent": {"Leadmill/v1.2.3"}, "Content-Length": {"20"}, "Accept-Encoding": {"identity"},
	}, got.Header)
	assert.Equal(t, "HTTP/1.1", got.Proto)

	_, err = c.Send(t.Context(), application.OutboundRequest{URL: "https://example.com:" + s.port() + "/", Timeout: time.Minute})
	require.NoError(t, err)
	assert.EqualValues(t, 1, s.connections.Load(), "a connection is used again")
}

func TestVersionsAreTokens(t *testing.T) {
	t.Parallel()
	agents := make(chan string, 1)
	s := serve(t, false, func(_ http.ResponseWriter, r *http.Request) { agents <- r.UserAgent() })
	for version, want := range map[string]string{"(devel)": "Leadmill/devel", "v0.1.0+dirty": "Leadmill/v0.1.0+dirty", "a\r\nX: y": "Leadmill/aXy", "": "Leadmill/unknown"} {
		c := outbound.New([]netip.Prefix{here}, version)
		_, err := c.Send(t.Context(), application.OutboundRequest{URL: s.URL})
		require.NoError(t, err)
		assert.Equal(t, want, <-agents)
		require.NoError(t, c.Close())
	}
}

func TestARedirectIsAnAnswer(t *testing.T) {
	t.Parallel()
	inside := serve(t, false, func(http.ResponseWriter, *http.Request) {})
	for _, to := range []string{inside.URL, "http://169.254.169.254/latest/", "http://[::1", ""} {
		s := serve(t, false, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		})
		answer, err := client(t, here).Send(t.Context(), application.OutboundRequest{URL: s.URL, Timeout: time.Minute})
		require.NoError(t, err, to)
		assert.Equal(t, http.StatusFound, answer.Status)
	}
	assert.Zero(t, inside.connections.Load())
}

func TestBodiesAreCutOff(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	left := make(chan struct{})
	s := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/limit":
			_, _ = w.Write(bytes.Repeat([]byte("a"), limit))
		case "/more":
			_, _ = w.Write(bytes.Repeat([]byte("a"), limit+1))
		case "/endless":
			var err error
			for err == nil {
				_, err = w.Write(make([]byte, limit))
			}
			close(left)
		}
	})
	for path, want := range map[string]application.OutboundAnswer{
		"/limit":   {Body: bytes.Repeat([]byte("a"), limit)},
		"/more":    {Body: bytes.Repeat([]byte("a"), limit)},
		"/endless": {Body: make([]byte, limit)},
	} {
		answer, err := client(t, here).Send(t.Context(), application.OutboundRequest{URL: s.URL + path, Timeout: time.Minute})
		require.NoError(t, err, path)
		assert.True(t, bytes.Equal(want.Body, answer.Body), path)
	}
	<-left // whoever sends without end is hung up on
}

func TestNothingIsUnpacked(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := z.Write(make([]byte, 10<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	s := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	answer, err := client(t, here).Send(t.Context(), application.OutboundRequest{URL: s.URL, Timeout: time.Minute})
	require.NoError(t, err)
	assert.Equal(t, bomb.Bytes(), answer.Body)
}

// request reads a request to its end.
func request(c net.Conn) error {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

// TestHostsThatTakeTheirTime: the limit of time is one of the whole exchange, whatever the host does to seem alive.
func TestHostsThatTakeTheirTime(t *testing.T) {
	t.Parallel()
	drip := func(head, again string) func(net.Conn) {
		return func(c net.Conn) {
			if request(c) != nil {
				return
			}
			_, err := io.WriteString(c, head)
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for ; err == nil; <-tick.C {
				_, err = io.WriteString(c, again)
			}
		}
	}
	wait := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	for name, c := range map[string]struct {
		scheme string
		handle func(net.Conn)
	}{
		"accepts and hangs":    {"http", wait},
		"hangs before TLS":     {"https", wait},
		"drips its body":       {"http", drip("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", "a")},
		"drips chunks":         {"http", drip("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n")},
		"drips its headers":    {"http", drip("HTTP/1.1 200 OK\r\n", "A: b\r\n")},
		"says that it goes on": {"http", drip("", "HTTP/1.1 102 Processing\r\n\r\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := raw(t, c.handle)
			answer, err := client(t, here).Send(t.Context(), application.OutboundRequest{
				URL: c.scheme + "://" + address + "/?canary", Timeout: short,
			})
			require.ErrorIs(t, err, application.ErrOutboundTimeout)
			assert.Zero(t, answer)
		})
	}
}

func TestHostsThatAnswerNoHTTP(t *testing.T) {
	t.Parallel()
	say := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			if request(c) == nil {
				_, _ = io.WriteString(c, text)
			}
		}
	}
	for name, c := range map[string]struct {
		scheme, why string
		handle      func(net.Conn)
	}{
		"headers without end":   {"http", "the answer is no HTTP, or its headers are too large", say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("canary", 1<<20/6) + "\r\n\r\n")},
		"headers over 16 KiB":   {"http", "the answer is no HTTP, or its headers are too large", say("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: canary\r\n", 2000) + "\r\n")},
		"garbage":               {"http", "the answer is no HTTP, or its headers are too large", say("canary canary canary\r\n\r\n")},
		"a status that is none": {"http", "the answer is no HTTP, or its headers are too large", say("HTTP/1.1 canary\r\n\r\n")},
		"a header that is none": {"http", "the answer is no HTTP, or its headers are too large", say("HTTP/1.1 200 OK\r\ncanary\r\n\r\n")},
		"another protocol": {"http", "the answer is no HTTP: the host goes over to another protocol", func(c net.Conn) {
			say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")(c)
			_, _ = io.Copy(io.Discard, c) // and nothing more comes
		}},
		"nothing":               {"http", "the connection was closed before the answer was complete", say("")},
		"half a body":           {"http", "the connection was closed before the answer was complete", say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncanary")},
		"chunks that are none":  {"http", "the answer is no HTTP, or its headers are too large", say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ncanary\r\n")},
		"no TLS":                {"https", "the host does not speak TLS there", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 canary\r\n\r\n") }},
		"nothing instead of it": {"https", "the connection was closed before there was TLS on it", func(c net.Conn) { _, _ = c.Read(make([]byte, 16<<10)) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := raw(t, c.handle)
			_, err := client(t, here).Send(t.Context(), application.OutboundRequest{
				URL: c.scheme + "://" + address + "/canary?token=canary", Body: []byte("canary"), Header: http.Header{"X-Token": {"canary"}}, Timeout: time.Minute,
			})
			require.ErrorIs(t, err, application.ErrOutboundFailed)
			assert.Equal(t, c.why, errors.Unwrap(err).Error())
			assert.NotContains(t, fmt.Sprintf("%+v", err), "canary")
		})
	}
}

func TestHostsThatAreNotThere(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = client(t, here).Send(t.Context(), application.OutboundRequest{URL: "http://" + address + "/?canary", Timeout: time.Minute})
	require.ErrorIs(t, err, application.ErrOutboundFailed)
	assert.Equal(t, "connection refused", errors.Unwrap(err).Error())

	n := &names{answers: [][]string{{}}}
	_, err = client(t).With(n.resolver(t), nil).Send(t.Context(), application.OutboundRequest{URL: "https://canary.example/?canary", Timeout: time.Minute})
	require.ErrorIs(t, err, application.ErrOutboundFailed)
	assert.Equal(t, "the host has no address", errors.Unwrap(err).Error())
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	s := serve(t, true, func(http.ResponseWriter, *http.Request) {})
	n := &names{answers: [][]string{{"127.0.0.1"}}}
	_, err := client(t, here).With(n.resolver(t), x509.NewCertPool()).Send(t.Context(), application.OutboundRequest{URL: s.URL, Timeout: time.Minute})
	require.ErrorIs(t, err, application.ErrOutboundFailed)
	assert.Equal(t, "the certificate is signed by nobody who is trusted", errors.Unwrap(err).Error())

	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate()) // of example.com and 127.0.0.1
	_, err = client(t, here).With(n.resolver(t), pool).Send(t.Context(), application.OutboundRequest{URL: "https://other.example:" + s.port(), Timeout: time.Minute})
	require.ErrorIs(t, err, application.ErrOutboundFailed)
	assert.Equal(t, "the certificate is for another host", errors.Unwrap(err).Error())
	assert.Zero(t, s.requests.Load())
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	s := serve(t, false, func(http.ResponseWriter, *http.Request) {})
	for name, r := range map[string]application.OutboundRequest{
		"a line break in a header": {Header: http.Header{"X-Token": {"canary\r\nX-More: a"}}},
		"a NUL in a header":        {Header: http.Header{"X-Token": {"canary\x00"}}},
		"a header's name":          {Header: http.Header{"X canary": {"a"}}},
		"a header in a name":       {Header: http.Header{"X: a\r\nX-canary": {"a"}}},
	} {
		r.URL, r.Timeout = s.URL, time.Minute
		_, err := client(t, here).Send(t.Context(), r)
		require.ErrorIs(t, err, application.ErrOutboundFailed, name)
		assert.NotContains(t, fmt.Sprintf("%+v", errors.Unwrap(err)), "canary", name)
	}
	assert.Zero(t, s.requests.Load())
}

// TestNoRequestIsSentTwice: a connection that is lost is told, also one that was used before and a request that may be repeated.
func TestNoRequestIsSentTwice(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		var requests atomic.Int64
		address := raw(t, func(c net.Conn) {
			for request(c) == nil && requests.Add(1) == 1 {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
		})
		c := client(t, here)
		r := application.OutboundRequest{URL: "http://" + address, Header: http.Header{name: {"sale_1"}}, Body: []byte("a"), Timeout: time.Minute}
		_, err := c.Send(t.Context(), r)
		require.NoError(t, err)
		_, err = c.Send(t.Context(), r)
		require.ErrorIs(t, err, application.ErrOutboundFailed)
		assert.EqualValues(t, 2, requests.Load(), name)
	}
}

func TestWhoAskedGivesUp(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 2)
	address := raw(t, func(c net.Conn) {
		_ = request(c)
		arrived <- struct{}{}
		_, _ = io.Copy(io.Discard, c)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := client(t, here).Send(ctx, application.OutboundRequest{URL: "http://" + address, Timeout: time.Minute})
	require.ErrorIs(t, err, application.ErrOutboundFailed)
	require.ErrorIs(t, err, context.Canceled)

	ctx, cancel = context.WithTimeout(t.Context(), short)
	defer cancel()
	_, err = client(t, here).Send(ctx, application.OutboundRequest{URL: "http://" + address, Timeout: time.Minute})
	require.ErrorIs(t, err, application.ErrOutboundTimeout)
}

// TestAHostThatHangsHoldsUpItselfAlone: requests to it wait for each other, and those to others go on.
func TestAHostThatHangsHoldsUpItselfAlone(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var now atomic.Int64
	hangs := serve(t, false, func(http.ResponseWriter, *http.Request) {
		assert.LessOrEqual(t, now.Add(1), int64(outbound.PerHost))
		<-release
		now.Add(-1)
	})
	well := serve(t, false, func(http.ResponseWriter, *http.Request) {})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free) // before servers close, which wait for their handlers
	c := client(t, here).Width(outbound.PerHost, outbound.PerHost+1).Patience(time.Minute)
	var all sync.WaitGroup
	for i := range 3 * outbound.PerHost {
		all.Go(func() {
			_, err := c.Send(t.Context(), application.OutboundRequest{For: fmt.Sprint("seller_", i%2), URL: hangs.URL, Timeout: time.Minute})
			assert.NoError(t, err)
		})
	}
	require.Eventually(t, func() bool { return now.Load() == outbound.PerHost }, time.Minute, time.Millisecond)
	for range 20 {
		_, err := c.Send(t.Context(), application.OutboundRequest{URL: well.URL, Timeout: time.Minute})
		require.NoError(t, err)
	}
	within, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	_, err := c.Send(within, application.OutboundRequest{URL: hangs.URL, Timeout: time.Minute})
	require.ErrorIs(t, err, application.ErrOutboundBusy, "it waits no longer than who asked, and nothing was sent")
	free()
	all.Wait()
	assert.EqualValues(t, 3*outbound.PerHost, hangs.requests.Load(), "the one that waited was not sent")
}

// Whose answers somebody waits for go beside those whose host is full, and so do webhooks, which take no place of theirs.
func TestWhatIsWaitedForAndWebhooksHavePlacesOfTheirOwn(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	s := serve(t, false, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hangs" {
			<-left
		}
	})
	c := client(t, here)
	var group sync.WaitGroup
	for i := range outbound.PerHost {
		group.Go(func() {
			_, _ = c.Send(t.Context(), application.OutboundRequest{For: strconv.Itoa(i % 2), URL: s.URL + "/hangs", Timeout: time.Minute})
		})
	}
	require.Eventually(t, func() bool { return s.requests.Load() == outbound.PerHost }, time.Minute, time.Millisecond)
	_, err := c.Send(t.Context(), application.OutboundRequest{For: "1", URL: s.URL, Timeout: time.Minute})
	require.ErrorIs(t, err, application.ErrOutboundBusy)
	_, err = c.Send(t.Context(), application.OutboundRequest{For: "1", URL: s.URL, Timeout: time.Minute, Waited: true})
	require.NoError(t, err)
	_, err = c.Send(t.Context(), application.OutboundRequest{For: "1", URL: s.URL, Timeout: time.Minute, Webhook: true})
	require.NoError(t, err)
	for i := range outbound.PerHost {
		group.Go(func() {
			_, _ = c.Send(t.Context(), application.OutboundRequest{For: strconv.Itoa(i % 2), URL: s.URL + "/hangs", Timeout: time.Minute, Webhook: true})
		})
	}
	require.Eventually(t, func() bool { return s.requests.Load() == 2*outbound.PerHost+2 }, time.Minute, time.Millisecond)
	_, err = c.Send(t.Context(), application.OutboundRequest{For: "1", URL: s.URL, Timeout: time.Minute, Webhook: true})
	require.ErrorIs(t, err, application.ErrOutboundBusy)
	_, err = c.Send(t.Context(), application.OutboundRequest{For: "1", URL: s.URL, Timeout: time.Minute, Waited: true})
	require.NoError(t, err)
	close(left)
	group.Wait()
}

// A request for a bid goes beside all others at once, or not at all: who waits for it cannot wait for a place too.
func TestBidsHavePlacesOfTheirOwnAndWaitForNone(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	hang := func(http.ResponseWriter, *http.Request) { <-left }
	first, second := serve(t, false, hang), serve(t, false, hang)
	well := serve(t, false, func(http.ResponseWriter, *http.Request) {})
	c := client(t, here).AskingWidth(2, 2).BidsWidth(2, 3, 2).Patience(time.Hour)
	var group sync.WaitGroup
	send := func(r application.OutboundRequest) { group.Go(func() { _, _ = c.Send(t.Context(), r) }) }
	came := func(s *site, n int64) {
		require.Eventually(t, func() bool { return s.requests.Load() == n }, time.Minute, time.Millisecond)
	}
	for range 2 {
		send(application.OutboundRequest{For: "1", URL: first.URL, Timeout: time.Minute, Waited: true})
	}
	came(first, 2)
	send(application.OutboundRequest{For: "2", URL: first.URL, Timeout: time.Minute, Waited: true}) // it waits, and no bid behind it
	bid := func(seller, url string) error {
		_, err := c.Send(t.Context(), application.OutboundRequest{For: seller, URL: url, Timeout: time.Minute, Within: time.Minute, Bid: true})
		return err
	}
	require.NoError(t, bid("1", well.URL))
	for range 2 {
		send(application.OutboundRequest{For: "1", URL: second.URL, Timeout: time.Minute, Bid: true})
	}
	came(second, 2)
	require.ErrorIs(t, bid("2", second.URL), application.ErrOutboundBusy, "the host has as many as it gets")
	require.ErrorIs(t, bid("1", well.URL), application.ErrOutboundBusy, "the seller has as many as it gets")
	require.NoError(t, bid("2", well.URL))
	send(application.OutboundRequest{For: "2", URL: first.URL, Timeout: time.Minute, Bid: true})
	came(first, 3)
	require.ErrorIs(t, bid("2", well.URL), application.ErrOutboundBusy, "all have as many as they get")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Send(cancelled, application.OutboundRequest{For: "3", URL: well.URL, Bid: true})
	require.Error(t, err)
	close(left)
	group.Wait()
	require.NoError(t, bid("1", second.URL), "there is room again")
	require.Zero(t, c.Waits())
}

func TestRequestsAtOnceAreBoundedInAll(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var now atomic.Int64
	free := sync.OnceFunc(func() { close(release) })
	c := client(t, here).Width(2, 3).Patience(time.Minute)
	var all sync.WaitGroup
	for range 4 {
		s := serve(t, false, func(http.ResponseWriter, *http.Request) {
			now.Add(1)
			<-release
		})
		t.Cleanup(free) // before the server closes, which waits for its handlers
		for i := range 2 {
			all.Go(func() {
				_, err := c.Send(t.Context(), application.OutboundRequest{For: fmt.Sprint(s.URL, i), URL: s.URL, Timeout: time.Minute})
				assert.NoError(t, err)
			})
		}
	}
	require.Eventually(t, func() bool { return now.Load() == 3 }, time.Minute, time.Millisecond)
	s := serve(t, false, func(http.ResponseWriter, *http.Request) {})
	within, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	_, err := c.Send(within, application.OutboundRequest{URL: s.URL, Timeout: time.Minute})
	require.ErrorIs(t, err, application.ErrOutboundBusy)
	assert.EqualValues(t, 3, now.Load())
	free()
	all.Wait()
	assert.EqualValues(t, 8, now.Load())
}

// The receivers of a seller take half of the places of a host, and of all, however long they take to answer: those of another seller go beside them.
func TestASellerTakesHalfOfThePlaces(t *testing.T) {
	t.Parallel()
	for name, hosts := range map[string]int{"of a host": 1, "of all": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			free := sync.OnceFunc(func() { close(release) })
			var now atomic.Int64
			var sites []*site
			for range hosts {
				s := serve(t, false, func(_ http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/slow" {
						assert.LessOrEqual(t, now.Add(1), int64(4))
						<-release
						now.Add(-1)
					}
				})
				t.Cleanup(free) // before the server closes, which waits for its handlers
				sites = append(sites, s)
			}
			c := client(t, here).Width(8, 8).Patience(time.Minute)
			var all sync.WaitGroup
			for i := range 16 {
				all.Go(func() {
					_, err := c.Send(t.Context(), application.OutboundRequest{For: "seller_1", URL: sites[i%hosts].URL + "/slow", Timeout: time.Minute})
					assert.NoError(t, err)
				})
			}
			require.Eventually(t, func() bool { return now.Load() == 4 }, time.Minute, time.Millisecond)
			for _, s := range sites {
				for range 20 {
					_, err := c.Send(t.Context(), application.OutboundRequest{For: "seller_2", URL: s.URL, Timeout: time.Minute})
					require.NoError(t, err)
				}
			}
			within, cancel := context.WithTimeout(t.Context(), short)
			defer cancel()
			_, err := c.Send(within, application.OutboundRequest{For: "seller_1", URL: sites[0].URL, Timeout: time.Minute})
			require.ErrorIs(t, err, application.ErrOutboundBusy)
			free()
			all.Wait()
			assert.Zero(t, c.Waits(), "nothing is remembered of hosts and sellers")
		})
	}
}

// What waits for its place is not under way yet: its time begins when it is sent, and one that got no place was not tried.
func TestWaitingForAPlaceIsNoAttempt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		patience, within time.Duration
		want             error
	}{{time.Minute, 0, nil}, {short, 0, application.ErrOutboundBusy}, {time.Minute, time.Minute, nil}, {time.Minute, 10 * short, application.ErrOutboundBusy}} {
		patience, within, want := c.patience, c.within, c.want
		arrived, release := make(chan struct{}, 1), make(chan struct{})
		s := serve(t, false, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				arrived <- struct{}{}
				<-release
			}
		})
		c := client(t, here).Width(1, 1).Patience(patience)
		var all sync.WaitGroup
		all.Go(func() {
			_, err := c.Send(t.Context(), application.OutboundRequest{URL: s.URL + "/slow", Timeout: time.Minute})
			assert.NoError(t, err)
		})
		<-arrived
		free := time.AfterFunc(20*short, func() { close(release) })
		_, err := c.Send(t.Context(), application.OutboundRequest{URL: s.URL, Timeout: 10 * short, Within: within})
		require.ErrorIs(t, err, want)
		if free.Stop() {
			close(release)
		}
		all.Wait()
	}
}

// TestNoProxyIsAsked is not parallel: it sets variables of the environment.
func TestNoProxyIsAsked(t *testing.T) {
	proxy := serve(t, false, func(http.ResponseWriter, *http.Request) {})
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	t.Setenv("ALL_PROXY", proxy.URL)
	s := serve(t, false, func(http.ResponseWriter, *http.Request) {})
	n := &names{answers: [][]string{{"127.0.0.1"}}}
	c := client(t, here).With(n.resolver(t), nil) // the environment's proxies are for no address of loopback, but for this name
	_, err := c.Send(t.Context(), application.OutboundRequest{URL: "http://buyer.example:" + s.port(), Timeout: time.Minute})
	require.NoError(t, err)
	assert.EqualValues(t, 1, s.requests.Load())
	assert.Zero(t, proxy.connections.Load())
}
