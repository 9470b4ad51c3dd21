package brokers

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// defaultStream is the stream of a sink that names none.
const defaultStream = "leadmill.events"

func checkRedis(s *Sink) error {
	if _, err := redis.ParseURL(s.target.String()); err != nil {
		return errors.New("must be a URL such as redis://:password@host:6379/0?stream=events")
	}
	return nil
}

// redisSink appends to a stream and waits for each answer.
type redisSink struct {
	client *redis.Client
	stream string
}

const (
	redisDial = 5 * time.Second
	redisWait = 10 * time.Second
)

// silence keeps the client from writing lines of its own to standard error.
var silence = sync.OnceFunc(logging.Disable)

func newRedis(s Sink) *redisSink {
	silence()
	o, err := redis.ParseURL(s.target.String())
	if err != nil { // checkRedis would have refused it
		o = &redis.Options{Dialer: nil}
	}
	o.MaxRetries, o.DialerRetries = -1, 1 // what was not answered is tried again by who sends it
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.ContextTimeoutEnabled = redisDial, redisWait, redisWait, redisWait, true
	o.PoolSize = lanes[kindRedis]
	o.Protocol, o.DisableIdentity = 2, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	r := &redisSink{client: redis.NewClient(o), stream: s.options["stream"]}
	if r.stream == "" {
		r.stream = defaultStream
	}
	return r
}

// Publish implements message.Publisher.
func (r *redisSink) Publish(_ string, messages ...*message.Message) error {
	for _, m := range messages {
		values := make([]any, 0, 2*len(m.Metadata)+2)
		for _, name := range slices.Sorted(maps.Keys(m.Metadata)) {
			values = append(values, "ce_"+name, m.Metadata[name])
		}
		values = append(values, "data", []byte(m.Payload))
		if err := r.add(m.Context(), values); err != nil {
			return err
		}
	}
	return nil
}

func (r *redisSink) add(ctx context.Context, values []any) error {
	ctx, cancel := context.WithTimeout(ctx, redisWait)
	defer cancel()
	return r.client.XAdd(ctx, &redis.XAddArgs{Stream: r.stream, Values: values}).Err()
}

// Close implements message.Publisher.
func (r *redisSink) Close() error { return r.client.Close() }
