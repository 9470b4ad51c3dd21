package brokers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leadmill/leadmill/domain/fault"
)

func startKafka(t *testing.T, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(2), kfake.SeedTopics(5, "events")}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func kafkaURL(c *kfake.Cluster) string {
	return "kafka://" + strings.Join(c.ListenAddrs(), ",") + "/events"
}

// consumed returns n records of the topic, each partition's in order.
func consumed(t *testing.T, c *kfake.Cluster, n int, options ...kgo.Opt) (all []*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("events")}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for len(all) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d of %d records: %v", len(all), n, err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

func TestKafkaIsBinaryMode(t *testing.T) {
	t.Parallel()
	c := startKafka(t)
	r := relayTo(t, kafkaURL(c), nil, nil, nil)
	var acks int16
	var producer int64
	c.ControlKey(int16(kmsg.Produce), func(q kmsg.Request) (kmsg.Response, error, bool) {
		if p, is := q.(*kmsg.ProduceRequest); is {
			var batch kmsg.RecordBatch
			if err := batch.ReadFrom(p.Topics[0].Partitions[0].Records); err != nil {
				t.Error(err)
			}
			acks, producer = p.Acks, batch.ProducerID
		}
		return nil, nil, false
	})
	if err := r.React(t.Context(), anEvent("lead_1", 2)); err != nil {
		t.Fatal(err)
	}
	m := consumed(t, c, 1)[0]
	for name, want := range attributes {
		if is := header(m, "ce_"+name); is != want {
			t.Errorf("ce_%s is %q, want %q", name, is, want)
		}
	}
	if string(m.Key) != "lead_1" || string(m.Value) != payload || header(m, "content-type") != "application/json" {
		t.Errorf("%s %s %v", m.Key, m.Value, m.Headers)
	}
	if acks != -1 || producer < 0 {
		t.Errorf("acks=%d, producer %d: want all, and one that is idempotent", acks, producer)
	}
}

func TestKafkaThatIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	c := startKafka(t)
	var log logged
	r := relayTo(t, kafkaURL(c), &log, nil, nil)
	sendAll(t, r, 20, 1, 5)
	// Connections break for a while, also behind requests that the broker has handled.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	n := 0
	c.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if n++; ctx.Err() == nil && n%2 == 0 {
			return nil, errors.New("broken"), true
		}
		return nil, nil, false
	})
	sendAll(t, r, 20, 6, 10)
	<-ctx.Done()
	sendAll(t, r, 20, 16, 5)
	var ids []string
	for _, m := range consumed(t, c, 400) {
		ids = append(ids, header(m, "ce_id"))
	}
	arrived(t, ids, 20, 20)
}

func TestWhatKafkaDoesNotTake(t *testing.T) {
	t.Parallel()
	c := startKafka(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "me", "hunter2"))
	with := func(query string) string {
		return strings.Replace(kafkaURL(c), "kafka://", "kafka://me:hunter2@", 1) + query
	}
	r := relayTo(t, with("?sasl=scram-sha-256"), nil, nil, nil)
	large := anEvent("lead_1", 1)
	large.Payload = []byte(`"` + strings.Repeat("x", 2<<20) + `"`)
	if err := r.React(t.Context(), large); err == nil || fault.KindOf(err) == fault.Unavailable {
		t.Errorf("too large: %v", err)
	}
	c.ControlKey(int16(kmsg.Produce), func(q kmsg.Request) (kmsg.Response, error, bool) {
		p, is := q.(*kmsg.ProduceRequest)
		if !is {
			return nil, nil, false
		}
		answer, is := p.ResponseKind().(*kmsg.ProduceResponse)
		if !is {
			return nil, nil, false
		}
		for _, topic := range p.Topics {
			part := kmsg.NewProduceResponseTopicPartition()
			part.Partition, part.ErrorCode = topic.Partitions[0].Partition, kerr.MessageTooLarge.Code
			answered := kmsg.NewProduceResponseTopic()
			answered.Topic, answered.TopicID, answered.Partitions = topic.Topic, topic.TopicID, []kmsg.ProduceResponseTopicPartition{part}
			answer.Topics = append(answer.Topics, answered)
		}
		return answer, nil, true
	})
	if err := r.React(t.Context(), anEvent("lead_1", 1)); err == nil || fault.KindOf(err) == fault.Unavailable {
		t.Errorf("too large for the topic: %v", err)
	}
	if err := r.React(t.Context(), anEvent("lead_1", 1)); err != nil {
		t.Errorf("small enough: %v", err)
	}
	wrong := relayTo(t, strings.Replace(with("?sasl=scram-sha-256"), "hunter2", "wrongpass", 1), nil, nil, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := wrong.React(ctx, anEvent("lead_1", 1)); err == nil || strings.Contains(fmt.Sprint(err, errors.Unwrap(err)), "wrongpass") {
		t.Errorf("a wrong password: %v", err)
	}
}
