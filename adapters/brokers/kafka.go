package brokers

import (
	"crypto/tls"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// clientName is what brokers are told of who connects.
const clientName = "leadmill"

var kafkaTopic = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// kafkaMechanisms are the ways to log in.
var kafkaMechanisms = map[string]func(user, password string) sasl.Mechanism{
	"plain": func(user, password string) sasl.Mechanism {
		return plain.Auth{User: user, Pass: password}.AsMechanism()
	},
	"scram-sha-256": func(user, password string) sasl.Mechanism {
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	},
	"scram-sha-512": func(user, password string) sasl.Mechanism {
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	},
}

func checkKafka(s *Sink) error {
	way, given := s.options["sasl"]
	switch {
	case !kafkaTopic.MatchString(s.path()):
		return errors.New("must name a topic behind the host, as in kafka://host:9092/topic")
	case given && kafkaMechanisms[way] == nil:
		return errors.New("has a sasl that is none of plain, scram-sha-256 and scram-sha-512")
	case given && s.target.User == nil:
		return errors.New("has a sasl, but no user and password before its host")
	}
	return nil
}

// kafka writes to a topic: acknowledged by all replicas that are in sync, and by a producer whose repetitions the broker knows. What has one key, which
// is the aggregate's id, is in one partition.
type kafka struct {
	options []kgo.Opt
	topic   string

	mu     sync.Mutex
	client *kgo.Client
	closed bool
}

var errClosed = errors.New("the sink is closed")

func newKafka(s Sink) *kafka {
	k := &kafka{topic: s.path(), options: []kgo.Opt{
		kgo.SeedBrokers(strings.Split(s.target.Host, ",")...), kgo.DefaultProduceTopic(s.path()), kgo.ClientID(clientName), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.AllowAutoTopicCreation(), // if the broker does that
		kgo.ProducerLinger(0),        // requests on their way gather enough
		kgo.RecordDeliveryTimeout(patience), kgo.ProduceRequestTimeout(10 * time.Second), kgo.DialTimeout(5 * time.Second),
		kgo.DisableClientMetrics(),
	}}
	if s.options["tls"] == "true" {
		k.options = append(k.options, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	if u := s.target.User; u != nil {
		way := s.options["sasl"]
		if way == "" {
			way = "plain"
		}
		password, _ := u.Password()
		k.options = append(k.options, kgo.SASL(kafkaMechanisms[way](u.Username(), password)))
	}
	return k
}

// connected returns the client, which connects by itself.
func (k *kafka) connected() (*kgo.Client, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, errClosed
	}
	if k.client == nil {
		client, err := kgo.NewClient(k.options...)
		if err != nil {
			return nil, err
		}
		k.client = client
	}
	return k.client, nil
}

// Publish implements message.Publisher.
func (k *kafka) Publish(_ string, messages ...*message.Message) error {
	client, err := k.connected()
	if err != nil {
		return err
	}
	for _, m := range messages {
		record := &kgo.Record{Key: []byte(m.Metadata[attributeSubject]), Value: m.Payload}
		for _, name := range slices.Sorted(maps.Keys(m.Metadata)) {
			key := "ce_" + name
			if name == attributeContentType {
				key = "content-type"
			}
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: key, Value: []byte(m.Metadata[name])})
		}
		err := client.ProduceSync(m.Context(), record).FirstErr()
		switch {
		case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge), errors.Is(err, kerr.InvalidRecord):
			return refused{err}
		case err != nil:
			return err
		}
	}
	return nil
}

// Close implements message.Publisher.
func (k *kafka) Close() error {
	k.mu.Lock()
	client := k.client
	k.closed, k.client = true, nil
	k.mu.Unlock()
	if client != nil {
		client.Close()
	}
	return nil
}
