package brokers_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// broker is a server that events go to.
type broker interface {
	kill()
	start()
	hang()
	goOn()
}

// feeds sells leads while a broker is well, killed and hung, and checks that every event came in order.
func feeds(t *testing.T, databaseURL, sink string, b broker, came func() []apptest.Relayed) {
	t.Helper()
	app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.EventsSink = sink }, leadmill.StartOptions{})
	s := apptest.NewShop(t, app, nil, apptest.Rich)
	db := apptest.Open(t, databaseURL)
	sell := func() {
		apptest.Parallel(4, func(int) {
			for range 10 {
				s.Supplier.Insist("POST", "/api/leads", s.Form())
			}
		})
	}
	told := func(what string, n int) {
		t.Helper()
		apptest.Eventually(t, func() error {
			if is := strings.Count(app.Logs.String(), what); is != n {
				return fmt.Errorf("%q is logged %d times, want %d:\n%s", what, is, n, app.Logs)
			}
			return nil
		})
	}
	sell()
	db.Relayed(t, came)
	for i, fault := range []struct{ break1, mend func() }{{b.kill, b.start}, {b.hang, b.goOn}} {
		fault.break1()
		sell()
		told("does not take events", i+1)
		fault.mend()
		db.Relayed(t, came)
		told("takes events again", i+1)
	}
	if log := app.Logs.String(); strings.Contains(log, "secret") || strings.Contains(log, "guest") {
		t.Errorf("the log has the password:\n%s", log)
	}
	if parked := db.Number("SELECT COUNT(*) FROM event_parked"); parked != 0 {
		t.Errorf("%d events are parked", parked)
	}
}

func TestRedisGetsEveryEvent(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		redis := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
		feeds(t, databaseURL, redis.url()+"?stream=events", redis, func() (all []apptest.Relayed) {
			entries, err := redis.client().XRange(t.Context(), "events", "-", "+").Result()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !strings.HasPrefix(fmt.Sprint(e.Values["data"]), "{") {
					t.Errorf("an entry has the data %v", e.Values["data"])
				}
				all = append(all, apptest.RelayedOf(func(name string) string { return fmt.Sprint(e.Values["ce_"+name]) }))
			}
			return all
		})
	})
}

func TestRabbitMQGetsEveryEvent(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		rabbit := startRabbit(t)
		var all []apptest.Relayed
		feeds(t, databaseURL, rabbit.url()+"?exchange=facts&queue=facts", rabbit, func() []apptest.Relayed {
			for _, d := range rabbit.queued("facts") {
				e := apptest.RelayedOf(func(name string) string { return fmt.Sprint(d.Headers["cloudEvents_"+name]) })
				if d.MessageId != e.ID || d.DeliveryMode != amqp.Persistent || d.ContentType != "application/json" || d.RoutingKey != e.Type {
					t.Errorf("a message is %+v", d)
				}
				all = append(all, e)
			}
			return all
		})
	})
}

// Events that no queue takes wait until one is bound: the exchange drops none of them.
func TestRabbitMQWithoutAQueue(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		rabbit := startRabbit(t)
		app := apptest.StartConfig(t, databaseURL, func(c *leadmill.Config) { c.EventsSink = rabbit.url() }, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		s.Sell(t, s.Form())
		apptest.Eventually(t, func() error {
			if !strings.Contains(app.Logs.String(), "no queue is bound to the exchange") {
				return errors.New("the log does not say that no queue is bound")
			}
			return nil
		})
		c, err := amqp.Dial(rabbit.url())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		ch, err := c.Channel()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ch.QueueDeclare("later", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		if err := ch.QueueBind("later", "#", "leadmill.events", false, nil); err != nil {
			t.Fatal(err)
		}
		var all []apptest.Relayed
		apptest.Open(t, databaseURL).Relayed(t, func() []apptest.Relayed {
			for _, d := range rabbit.queued("later") {
				all = append(all, apptest.RelayedOf(func(name string) string { return fmt.Sprint(d.Headers["cloudEvents_"+name]) }))
			}
			return all
		})
	})
}
