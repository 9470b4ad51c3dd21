package feed_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// posted is an address that takes events, and what it took.
type posted struct {
	url string

	mu     sync.Mutex
	answer func(apptest.Relayed) int
	taken  []apptest.Relayed
}

func newPosted(t *testing.T) *posted {
	t.Helper()
	p := &posted{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		e := apptest.RelayedOf(func(name string) string { return q.Header.Get("ce-" + name) })
		p.mu.Lock()
		defer p.mu.Unlock()
		status := http.StatusNoContent
		if p.answer != nil {
			status = p.answer(e)
		}
		if status < 300 {
			p.taken = append(p.taken, e)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

func (p *posted) answering(answer func(apptest.Relayed) int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *posted) all() []apptest.Relayed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]apptest.Relayed(nil), p.taken...)
}

// startNATS returns a server with JetStream, and what is in its stream EVENTS.
func startNATS(t *testing.T) (host string, came func() []apptest.Relayed) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(apptest.Patience) {
		t.Fatal("the NATS server does not start")
	}
	c, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var mu sync.Mutex
	var all []apptest.Relayed
	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AddStream(&nats.StreamConfig{Name: "EVENTS", Subjects: []string{"EVENTS.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Subscribe("EVENTS.>", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, apptest.RelayedOf(func(name string) string { return m.Header.Get("ce-" + name) }))
	}, nats.OrderedConsumer()); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(s.ClientURL(), "nats://"), func() []apptest.Relayed {
		mu.Lock()
		defer mu.Unlock()
		return append([]apptest.Relayed(nil), all...)
	}
}

// startKafka returns a cluster, and what is in its topic events.
func startKafka(t *testing.T) (hosts string, came func() []apptest.Relayed) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(4, "events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var all []apptest.Relayed
	return strings.Join(c.ListenAddrs(), ","), func() []apptest.Relayed {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		for _, r := range client.PollFetches(ctx).Records() {
			headers := map[string]string{}
			for _, h := range r.Headers {
				headers[h.Key] = string(h.Value)
			}
			all = append(all, apptest.RelayedOf(func(name string) string { return headers["ce_"+name] }))
		}
		return all
	}
}

func TestSinksGetEveryPublicEventInOrder(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		folder, post := t.TempDir(), newPosted(t)
		natsHost, streamed := startNATS(t)
		kafkaHosts, consumed := startKafka(t)
		settings := func(c *leadmill.Config) {
			c.EventsSink = "file:" + folder + "," + post.url + ",nats://" + natsHost + "/EVENTS,kafka://" + kafkaHosts + "/events"
		}
		before := apptest.Start(t, databaseURL, leadmill.StartOptions{}) // what happened before there was a sink is sent too
		s := apptest.NewShop(t, before, nil, apptest.Rich)
		s.Sell(t, s.Form())
		before.Stop(t)
		app := apptest.StartConfig(t, databaseURL, settings, leadmill.StartOptions{})
		s.Supplier, s.Program = s.Supplier.At(app), s.Program.At(app)
		other := apptest.NewShop(t, app, nil, apptest.Rich)
		sell := func(n int) {
			apptest.Parallel(4, func(int) {
				for range n {
					s.Supplier.Insist("POST", "/api/leads", s.Form())
					other.Supplier.Insist("POST", "/api/leads", other.Form())
				}
			})
		}
		sell(5)
		db := apptest.Open(t, databaseURL)
		sinks := map[string]func() []apptest.Relayed{
			"file": func() []apptest.Relayed { return apptest.RelayedToFiles(t, folder) }, "http": post.all, "nats": streamed, "kafka": consumed,
		}
		for _, came := range sinks {
			db.Relayed(t, came)
		}
		// One that is away delays only itself.
		post.answering(func(apptest.Relayed) int { return http.StatusServiceUnavailable })
		sent := len(post.all())
		sell(10)
		stored := len(db.Public())
		for name, came := range sinks {
			if name != "http" {
				apptest.Eventually(t, func() error {
					if n := len(came()); n < stored {
						return fmt.Errorf("%d of %d events came to %s", n, stored, name)
					}
					return nil
				})
			}
		}
		if n := len(post.all()); n != sent {
			t.Errorf("%d events came to an address that takes none", n-sent)
		}
		post.answering(nil)
		for name, came := range sinks {
			if again := db.Relayed(t, came); again != 0 {
				t.Errorf("%d events came to %s again", again, name)
			}
		}
		if out, in := strings.Count(app.Logs.String(), "does not take events"), strings.Count(app.Logs.String(), "takes events again"); out != 1 || in != 1 {
			t.Errorf("the outage is told %d times and its end %d times:\n%s", out, in, app.Logs)
		}
		// A restart goes on where the sinks are.
		app.Stop(t)
		app = apptest.StartConfig(t, databaseURL, settings, leadmill.StartOptions{})
		s.Supplier, other.Supplier = s.Supplier.At(app), other.Supplier.At(app)
		sell(2)
		for name, came := range sinks {
			if again := db.Relayed(t, came); again != 0 {
				t.Errorf("%d events came to %s again after a restart", again, name)
			}
		}
		db.Audit()
	})
}

// What a sink will never take is parked with what follows of its aggregate, and nothing else waits for it.
func TestAnEventThatASinkNeverTakesParksItsAggregate(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		folder, post := t.TempDir(), newPosted(t)
		app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) {
			c.EventsSink = "file:" + folder + "," + post.url + "#name=crm"
		}, leadmill.StartOptions{})
		poison := ""
		post.answering(func(e apptest.Relayed) int {
			if e.Type == "lead.submitted.v1" && poison == "" {
				poison = e.Subject
			}
			if e.Subject == poison {
				return http.StatusRequestEntityTooLarge
			}
			return http.StatusOK
		})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		for range 10 {
			s.Sell(t, s.Form())
		}
		db := apptest.Open(t, databaseURL)
		db.Relayed(t, func() []apptest.Relayed { return apptest.RelayedToFiles(t, folder) })
		public := db.Public()
		apptest.Eventually(t, func() error {
			if came, parked := len(post.all()), db.Number("SELECT COUNT(*) FROM event_parked"); came+int(parked) != len(public) {
				return fmt.Errorf("%d events came, %d are parked, of %d", came, parked, len(public))
			}
			return nil
		})
		versions := 0
		for _, e := range public {
			if e.AggregateID == poison {
				versions++
			}
		}
		if versions < 2 || db.Number("SELECT COUNT(*) FROM event_parked WHERE consumer = 'sink.crm' AND aggregate_id = ?", poison) != int64(versions) ||
			db.Number("SELECT COUNT(*) FROM event_parked") != int64(versions) {
			t.Errorf("parked are not the %d events of %s alone", versions, poison)
		}
	})
}
