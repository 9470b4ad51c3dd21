package brokers_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/ratelimit"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// instances starts two on one database, with settings.
func instances(t *testing.T, databaseURL string, settings func(*leadmill.Config)) [2]*apptest.App {
	t.Helper()
	var all [2]*apptest.App
	for i := range all {
		all[i] = apptest.StartConfig(t, databaseURL, settings, leadmill.StartOptions{})
	}
	return all
}

// limited makes a supplier key that may send n requests an hour.
func limited(t *testing.T, s *apptest.Shop, n int) *apptest.Client {
	t.Helper()
	made := s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{
		"scope": "supplier", "partner": apptest.Object{"id": s.PartnerID}, "rate_limit": apptest.Object{"requests": n, "window_seconds": 3600},
	}).Data(t)
	return s.Supplier.With(fmt.Sprint(made["key"]))
}

// taken sends n leads to instances in turn, some at once, and returns how many were not told to wait.
func taken(t *testing.T, c *apptest.Client, s *apptest.Shop, all [2]*apptest.App, n int) int {
	t.Helper()
	var allowed atomic.Int64
	var mu sync.Mutex
	remaining := map[string]bool{}
	apptest.Parallel(8, func(worker int) {
		for i := worker; i < n; i += 8 {
			a := c.At(all[i%2]).Do("POST", "/api/leads", s.Form())
			switch {
			case a.Status == 200:
				allowed.Add(1)
				mu.Lock()
				if left := a.Header.Get("X-RateLimit-Remaining"); remaining[left] {
					t.Errorf("two requests left %s", left)
				} else {
					remaining[left] = true
				}
				mu.Unlock()
			case a.Status != 429 || a.Header.Get("Retry-After") == "" || a.Header.Get("X-RateLimit-Remaining") != "0":
				t.Errorf("answered %s %v", a, a.Header)
			}
		}
	})
	return int(allowed.Load())
}

func TestInstancesShareLimitsInRedis(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		redis := startRedis(t)
		all := instances(t, databaseURL, func(c *leadmill.Config) {
			c.RedisURL, c.TrustedProxies = redis.url(), []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		s := apptest.NewShop(t, all[0], nil, apptest.Rich)
		c := limited(t, s, 20)
		if n := taken(t, c, s, all, 60); n != 20 {
			t.Errorf("%d requests of 60 were taken, want 20", n)
		}
		if n := taken(t, c, s, all, 10); n != 0 {
			t.Errorf("%d requests more were taken in the same window", n)
		}
		// Strangers are counted by the address that the proxies tell, on both instances together.
		stranger := func(i int, address string) int {
			return s.Supplier.With("lm_supplier_nobody").At(all[i%2]).Do("POST", "/api/leads", s.Form(), "X-Forwarded-For", address).Status
		}
		for i := range 61 {
			if got, want := stranger(i, "203.0.113.7"), map[bool]int{false: 401, true: 429}[i == 60]; got != want {
				t.Errorf("request %d of an address without a key is answered %d, want %d", i+1, got, want)
			}
		}
		if got := stranger(0, "203.0.113.8"); got != 401 {
			t.Errorf("another address is answered %d", got)
		}
		// Neither keys nor addresses are in Redis.
		keys, err := redis.client().Keys(t.Context(), "*").Result()
		if err != nil || len(keys) < 3 {
			t.Errorf("Redis holds %v: %v", keys, err)
		}
		for _, k := range keys {
			if strings.Contains(k, "203.0.113") || !strings.HasPrefix(k, "leadmill:rate:") {
				t.Errorf("Redis holds %s", k)
			}
		}
		for _, a := range all {
			if strings.Contains(a.Logs.String(), "Redis") {
				t.Errorf("logged %s", a.Logs.Tail())
			}
		}
	})
}

// Without Redis each instance takes as many, and with it again both together.
func TestRedisThatIsAwayLimitsNobodyWrongly(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct{ break1, mend func(*redisServer) }{
		"killed": {(*redisServer).kill, (*redisServer).start},
		"hung":   {(*redisServer).hang, (*redisServer).goOn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				redis := startRedis(t)
				all := instances(t, databaseURL, func(c *leadmill.Config) { c.RedisURL = redis.url() })
				s := apptest.NewShop(t, all[0], nil, apptest.Rich)
				if n := taken(t, limited(t, s, 5), s, all, 20); n != 5 {
					t.Errorf("%d requests of 20 were taken, want 5", n)
				}
				fault.break1(redis)
				began := time.Now()
				away := limited(t, s, 5)
				for i := range 20 {
					if a := away.At(all[i%2]).Do("POST", "/api/leads", s.Form()); (a.Status == 200) != (i < 10) {
						t.Errorf("while Redis is away request %d is answered %s", i, a)
					}
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("22 requests took %s while Redis was away", took)
				}
				fault.mend(redis)
				for _, a := range all {
					apptest.Eventually(t, func() error {
						if log := a.Logs.String(); !strings.Contains(log, "rate limits are shared again") {
							return fmt.Errorf("logged %s", log)
						}
						return nil
					})
				}
				if n := taken(t, limited(t, s, 5), s, all, 20); n != 5 {
					t.Errorf("%d requests of 20 were taken once Redis was back, want 5", n)
				}
				fault.break1(redis) // once more within the minute
				again := limited(t, s, 1)
				for _, a := range all {
					again.At(a).Must(t, "POST", "/api/leads", s.Form())
					if n := strings.Count(a.Logs.String(), "Redis does not answer"); n != 1 {
						t.Errorf("Redis that was away twice is logged %d times:\n%s", n, a.Logs)
					}
					if strings.Contains(a.Logs.String(), "secret") {
						t.Errorf("the log has the password:\n%s", a.Logs)
					}
				}
			})
		})
	}
}

// The windows of Redis are those of application.RateLimiter.
func TestWindowsInRedis(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	hands := clock.NewManual(time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC))
	r, err := ratelimit.NewRedis(redis.url(), hands, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	limit := application.RateLimit{Requests: 2, Window: time.Hour}
	for i, want := range []application.RateState{
		{Limit: 2, Remaining: 1, Allowed: true}, {Limit: 2, Allowed: true}, {Limit: 2}, {Limit: 2},
	} {
		got := r.Take("key:1", limit)
		if left := got.ResetAt.Sub(hands.Now()); left > time.Hour || left < 59*time.Minute {
			t.Errorf("the window ends after %s", left)
		}
		if got.Limit != want.Limit || got.Remaining != want.Remaining || got.Allowed != want.Allowed || got.Window != time.Hour {
			t.Errorf("request %d: %+v, want %+v", i+1, got, want)
		}
	}
	if got := r.Peek("key:1", limit); got.Remaining != 0 {
		t.Errorf("a look says %+v", got)
	}
	if got := r.Take("key:1", application.RateLimit{Requests: 5, Window: time.Hour}); !got.Allowed || got.Remaining != 2 {
		t.Errorf("with a greater limit: %+v", got)
	}
	if got := r.Peek("key:2", limit); got.Remaining != 2 || !got.Allowed {
		t.Errorf("a look at what was not used says %+v", got)
	}
	short := application.RateLimit{Requests: 1, Window: time.Second}
	if !r.Take("key:3", short).Allowed {
		t.Error("the first request is refused")
	}
	refused := 0
	apptest.Eventually(t, func() error { // refused ones do not have the window last longer
		if !r.Take("key:3", short).Allowed {
			refused++
			return fmt.Errorf("%d were refused", refused)
		}
		return nil
	})
	if refused == 0 {
		t.Error("the second request was not refused")
	}
	if !r.Shared() {
		t.Error("Redis was away")
	}
}
