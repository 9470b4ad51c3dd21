package account_test

import (
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// steps are what becomes of the time of day on a machine whose clock is corrected: no time passes.
var steps = map[string][]time.Duration{
	"forward":          {time.Hour},
	"back":             {-time.Hour},
	"forward and back": {time.Hour, -time.Hour},
}

// TestAWindowIsOverInTimeWhateverTheClockShows has the clock set while a key has nothing left in its window of a minute.
func TestAWindowIsOverInTimeWhateverTheClockShows(t *testing.T) {
	t.Parallel()
	for name, all := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				hands := leadmilltest.NewClock(time.Now())
				app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
				s := apptest.NewShop(t, app, nil)
				key := s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{
					"name": "two", "scope": "program", "rate_limit": apptest.Object{"requests": 2, "window_seconds": 60},
				}).Data(t)["key"].(string)
				client := app.Client(t, key)
				ask := func() apptest.Answer { return client.Do("GET", "/v1/buyers", nil) }
				limited := func(when string) {
					t.Helper()
					if a := ask(); a.Status != 429 {
						t.Errorf("%s: %v", when, a)
					}
				}
				for range 2 {
					if a := ask(); a.Status != 200 {
						t.Fatal(a)
					}
				}
				limited("at once")
				for _, d := range all {
					hands.Step(d)
					limited("the clock is set")
				}
				hands.Advance(59 * time.Second)
				limited("a second before the end")
				hands.Advance(time.Second)
				if a := ask(); a.Status != 200 {
					t.Errorf("a minute later: %v", a)
				}
			})
		})
	}
}

// TestARevokedKeyIsRefusedInTimeWhateverTheClockShows has the clock set after an instance remembered a key that is revoked on another.
func TestARevokedKeyIsRefusedInTimeWhateverTheClockShows(t *testing.T) {
	t.Parallel()
	for name, all := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
				hands := leadmilltest.NewClock(time.Now())
				app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands})
				other := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: leadmilltest.NewClock(time.Now())})
				s := apptest.NewShop(t, app, nil)
				made := s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{"name": "short", "scope": "program"}).Data(t)
				client := app.Client(t, made["key"].(string))
				hands.Step(all[0])
				if a := client.Do("GET", "/v1/buyers", nil); a.Status != 200 {
					t.Fatal(a)
				}
				s.Program.At(other).Must(t, "DELETE", "/v1/api-keys/"+made["id"].(string), nil)
				for _, d := range all[1:] {
					hands.Step(d)
				}
				hands.Advance(5 * time.Second)
				if a := client.Do("GET", "/v1/buyers", nil); a.Status != 401 {
					t.Errorf("5 seconds after it was revoked: %v", a)
				}
			})
		})
	}
}
