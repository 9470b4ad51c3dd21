package ratelimit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

// Redis is a rate limiter whose windows are shared by all instances that use one Redis. While Redis does not answer it is a Memory.
type Redis struct {
	client   *redis.Client
	local    *Memory
	clock    application.Clock
	log      *slog.Logger
	patience time.Duration
	closed   context.Context
	stop     context.CancelFunc

	away    atomic.Bool // Redis did not answer, and is asked by watch alone
	watches sync.WaitGroup
	mu      sync.Mutex
	told    bool          // the log was told that Redis is away
	toldAt  time.Duration // when, by application.Elapsed
}

const (
	// redisPatience is how long a request waits for Redis, once: from then on it is away, until it answers again.
	redisPatience = 500 * time.Millisecond
	// redisAgain is how often Redis is asked whether it is back.
	redisAgain = time.Second
	// redisTold is how often the log is told at most.
	redisTold = time.Minute
	// redisConnections bounds the connections of an instance, as those to the database.
	redisConnections = 64
	// redisKeys begin the names of all keys in Redis.
	redisKeys = "leadmill:rate:"
)

// errRedisURL does not repeat the URL, which may hold a password.
var errRedisURL = errors.New("must be redis://user:password@host:port/0, rediss:// for TLS, or unix:///path/of/the.sock")

// CheckRedisURL says what is wrong with the URL of a Redis.
func CheckRedisURL(url string) error {
	_, err := redisOptions(url)
	return err
}

func redisOptions(url string) (*redis.Options, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errRedisURL
	}
	o.MaxRetries, o.DialerRetries = -1, 1 // what was sent may have been counted
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.ContextTimeoutEnabled = redisPatience, redisPatience, redisPatience, redisPatience, true
	if o.PoolSize == 0 {
		o.PoolSize = redisConnections
	}
	o.Protocol, o.DisableIdentity = 2, true // nothing of a connection needs more
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// silence keeps the client from writing lines of its own to standard error.
var silence = sync.OnceFunc(logging.Disable)

// NewRedis returns a limiter on the Redis of a URL, which need not answer yet. Close it.
func NewRedis(url string, clock application.Clock, log *slog.Logger) (*Redis, error) {
	o, err := redisOptions(url)
	if err != nil {
		return nil, err
	}
	silence()
	r := &Redis{client: redis.NewClient(o), local: NewMemory(clock), clock: clock, log: log, patience: redisPatience}
	r.closed, r.stop = context.WithCancel(context.Background())
	return r, nil
}

// Close gives up the connections.
func (r *Redis) Close() error {
	r.mu.Lock()
	r.stop()
	r.mu.Unlock()
	r.watches.Wait()
	return r.client.Close()
}

// Shared reports whether limits are counted in Redis at this time.
func (r *Redis) Shared() bool { return !r.away.Load() }

// Take implements application.RateLimiter.
func (r *Redis) Take(name string, limit seller.RateLimit) application.RateState {
	return r.look(name, limit, 1)
}

// TakeMany implements application.ManyRateLimiter.
func (r *Redis) TakeMany(name string, limit seller.RateLimit, n int64) application.RateState {
	return r.look(name, limit, n)
}

// Peek implements application.RateLimiter.
func (r *Redis) Peek(name string, limit seller.RateLimit) application.RateState {
	return r.look(name, limit, 0)
}

// counting counts ARGV[3] requests under KEYS[1] in a window of ARGV[2] milliseconds, unless they were more than ARGV[1] then. It returns
// whether they were not, how many are counted, and how long the window still lasts. The window begins with the first request, and ends
// with the key.
var counting = redis.NewScript(`
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local left = redis.call('PTTL', KEYS[1])
if left <= 0 then used, left = 0, tonumber(ARGV[2]) end
local take = tonumber(ARGV[3])
if used + take > tonumber(ARGV[1]) then return {0, used, left} end
if take > 0 and used == 0 then
  redis.call('SET', KEYS[1], take, 'PX', left)
elseif take > 0 then
  redis.call('INCRBY', KEYS[1], take)
end
return {1, used + take, left}
`)

func (r *Redis) look(name string, limit seller.RateLimit, take int64) application.RateState {
	if limit.Requests == 0 {
		return application.RateState{Allowed: true}
	}
	if r.away.Load() {
		return r.local.look(name, limit, take)
	}
	ctx, cancel := context.WithTimeout(r.closed, r.patience)
	defer cancel()
	// Names may hold addresses of persons, and Redis may write its keys to a file.
	hash := sha256.Sum256([]byte(name))
	found, err := counting.Run(ctx, r.client, []string{redisKeys + hex.EncodeToString(hash[:16])}, limit.Requests, limit.Window.Milliseconds(), take).Int64Slice()
	if err == nil && len(found) != 3 {
		err = errors.New("the script's answer is not its own")
	}
	if err != nil {
		r.lost(err)
		return r.local.look(name, limit, take)
	}
	return application.RateState{
		Limit: limit.Requests, Remaining: max(limit.Requests-found[1], 0), Window: limit.Window,
		ResetAt: r.clock.Now().Add(time.Duration(found[2]) * time.Millisecond), Allowed: found[0] == 1,
	}
}

// lost has limits counted here until Redis answers again.
func (r *Redis) lost(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Err() != nil || !r.away.CompareAndSwap(false, true) {
		return
	}
	now := application.Elapsed(r.clock)
	tell := !r.told || now-r.toldAt >= redisTold
	if tell {
		r.told, r.toldAt = true, now
		r.log.Warn("Redis does not answer: rate limits are counted by this instance alone", slog.String("error", err.Error()))
	}
	r.watches.Go(func() { r.watch(tell) })
}

// watch asks Redis until it answers.
func (r *Redis) watch(tell bool) {
	tick := time.NewTicker(redisAgain)
	defer tick.Stop()
	for {
		select {
		case <-r.closed.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(r.closed, r.patience)
		// By the script, and not by PING, which a Redis answers that may not be written to; it counts under a name of nobody.
		err := counting.Run(ctx, r.client, []string{redisKeys + "watch"}, 1_000_000_000, redisAgain.Milliseconds(), 1).Err()
		cancel()
		if err == nil {
			break
		}
	}
	r.away.Store(false)
	if tell {
		r.log.Info("Redis answers: rate limits are shared again")
	}
}
