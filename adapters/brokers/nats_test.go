package brokers_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/leadmill/leadmill/domain/fault"
)

// startNATS runs a server with JetStream on a folder; port -1 is a free one.
func startNATS(t *testing.T, folder string, port int) *server.Server {
	t.Helper()
	return runNATS(t, &server.Options{Port: port, StoreDir: folder, Username: "me", Password: "hunter2"})
}

func runNATS(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.JetStream, o.NoLog, o.NoSigs, o.MaxPayload = "127.0.0.1", true, true, true, 64<<10
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the NATS server does not start")
	}
	return s
}

func natsURL(s *server.Server) string {
	u, _ := url.Parse(s.ClientURL()) // of ours
	return "nats://me:hunter2@" + u.Host + "/EVENTS"
}

// streamed returns what is in the stream.
func streamed(t *testing.T, s *server.Server) (all []*nats.Msg) {
	t.Helper()
	c, err := nats.Connect(s.ClientURL(), nats.UserInfo("me", "hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	sub, err := js.SubscribeSync("EVENTS.>", nats.OrderedConsumer())
	if err != nil {
		t.Fatal(err)
	}
	info, err := js.StreamInfo("EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	for range info.State.Msgs {
		m, err := sub.NextMsg(time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func natsIDs(t *testing.T, s *server.Server) (ids []string) {
	t.Helper()
	for _, m := range streamed(t, s) {
		ids = append(ids, m.Header.Get("Nats-Msg-Id"))
	}
	return ids
}

func TestNATSIsBinaryModeAndStoresEachEventOnce(t *testing.T) {
	t.Parallel()
	s := startNATS(t, t.TempDir(), -1)
	r := relayTo(t, natsURL(s), nil, nil, nil)
	for range 2 { // as after a crash
		if err := r.React(t.Context(), anEvent("lead_1", 2)); err != nil {
			t.Fatal(err)
		}
	}
	all := streamed(t, s)
	if len(all) != 1 {
		t.Fatalf("%d messages, want one", len(all))
	}
	m := all[0]
	for name, want := range attributes {
		if name == "correlationid" {
			want = encoded
		}
		if is := m.Header.Get("ce-" + name); is != want {
			t.Errorf("ce-%s is %q, want %q", name, is, want)
		}
	}
	if string(m.Data) != payload || m.Subject != "EVENTS.ACME1234.lead.sold.v1" || m.Header.Get("Nats-Msg-Id") != "evt_lead_1_2" ||
		m.Header.Get("content-type") != "application/json" || m.Header.Get("ce-datacontenttype") != "application/json" {
		t.Errorf("%s %v %s", m.Subject, m.Header, m.Data)
	}
}

func TestNATSThatIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := startNATS(t, folder, -1)
	u, err := url.Parse(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	var port int
	if _, err := fmt.Sscan(u.Port(), &port); err != nil {
		t.Fatal(err)
	}
	var log logged
	r := relayTo(t, natsURL(s), &log, nil, nil)
	sendAll(t, r, 10, 1, 5)
	s.Shutdown()
	s.WaitForShutdown()
	done := make(chan struct{})
	go func() {
		defer close(done)
		sendAll(t, r, 10, 6, 5)
	}()
	eventually(t, func() error {
		if n := r.Failing(); n != 10 {
			return fmt.Errorf("%d events are tried again", n)
		}
		return nil
	})
	s = startNATS(t, folder, port)
	<-done
	arrived(t, natsIDs(t, s), 10, 10)
	if out, in := log.count("does not take events"), log.count("takes events again"); out != 1 || in != 1 || log.count("hunter2") > 0 {
		t.Errorf("the outage is told %d times and its end %d times", out, in)
	}
}

// refusing refuses everybody some times.
type refusing struct{ left atomic.Int64 }

func (r *refusing) Check(server.ClientAuthentication) bool { return r.left.Add(-1) < 0 }

// A server that refuses the password for a while is an outage that ends.
func TestNATSThatRefusesThePasswordForAWhile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := startNATS(t, folder, -1)
	at, _ := s.Addr().(*net.TCPAddr) // of ours
	r := relayTo(t, natsURL(s), nil, nil, nil)
	sendAll(t, r, 1, 1, 5)
	s.Shutdown()
	s.WaitForShutdown()
	var door refusing
	door.left.Store(3)
	s = runNATS(t, &server.Options{Port: at.Port, StoreDir: folder, CustomClientAuthentication: &door})
	eventually(t, func() error {
		if left := door.left.Load(); left >= 0 {
			return fmt.Errorf("it is to refuse %d times", left+1)
		}
		return nil
	})
	s.Shutdown()
	s.WaitForShutdown()
	s = startNATS(t, folder, at.Port)
	sendAll(t, r, 1, 6, 5)
	arrived(t, natsIDs(t, s), 1, 10)
}

// An event that no stream takes is an outage when the stream is another's, and never taken when it is too large.
func TestWhatNATSDoesNotTake(t *testing.T) {
	t.Parallel()
	s := startNATS(t, t.TempDir(), -1)
	r := relayTo(t, natsURL(s), nil, nil, nil)
	large := anEvent("lead_1", 1)
	large.Payload = []byte(`"` + strings.Repeat("x", 70<<10) + `"`)
	if err := r.React(t.Context(), large); err == nil || fault.KindOf(err) == fault.Unavailable {
		t.Errorf("too large for the server: %v", err)
	}
	c, err := nats.Connect(s.ClientURL(), nats.UserInfo("me", "hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AddStream(&nats.StreamConfig{Name: "SMALL", Subjects: []string{"small.>"}, MaxMsgSize: 2000}); err != nil {
		t.Fatal(err)
	}
	small := relayTo(t, strings.Replace(natsURL(s), "EVENTS", "SMALL?subject=small", 1), nil, nil, nil)
	large.Payload = large.Payload[:3000]
	if err := small.React(t.Context(), large); err == nil || fault.KindOf(err) == fault.Unavailable {
		t.Errorf("too large for the stream: %v", err)
	}
	if err := small.React(t.Context(), anEvent("lead_1", 1)); err != nil {
		t.Errorf("small enough: %v", err)
	}
	other := relayTo(t, strings.Replace(natsURL(s), "EVENTS", "OTHER?subject=small", 1), nil, nil, nil)
	if err := other.React(t.Context(), anEvent("lead_1", 1)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a subject of another stream: %v", err)
	}
	wrong := relayTo(t, strings.Replace(natsURL(s), "me:hunter2", "me:wrongpass", 1), nil, nil, nil)
	if err := wrong.React(t.Context(), anEvent("lead_1", 1)); fault.KindOf(err) != fault.Unavailable || strings.Contains(fmt.Sprint(err, errors.Unwrap(err)), "wrongpass") {
		t.Errorf("a wrong password: %v", err)
	}
}
