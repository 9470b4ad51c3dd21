package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

const (
	// bursts is how many requests with passwords and links come at once.
	bursts = 200
	// mostMemory is what the process may have in RAM at its peak, in bytes, with GOMEMLIMIT=256MiB.
	mostMemory = 300_000_000
)

var peak = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakOf is the largest memory in bytes that a process ever had in RAM.
func peakOf(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := peak.FindSubmatch(status)
	if found == nil {
		t.Fatalf("no VmHWM in\n%s", status)
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// TestABurstOfPasswordsStaysWithinTheMemory accepts invitations, creates partners with passwords and signs partners in, 200 at once, beside
// clients that post leads all the time. LEADMILL_TEST_ROUNDS=20 does it so often.
func TestABurstOfPasswordsStaysWithinTheMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the peak of a process")
	}
	rounds := 1
	if text := os.Getenv("LEADMILL_TEST_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		p := apptest.Run(t, databaseURL, []string{"serve"}, "GOMEMLIMIT=256MiB")
		s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
		var links []string
		for i := range bursts / 5 {
			email := fmt.Sprintf("invited-%d@people.example", i)
			s.Program.Must(t, "POST", "/v1/partners:invite", apptest.Object{"email": email, "name": "Jane"})
		}
		for i := range bursts / 5 {
			links = append(links, p.Mails.WaitFor(t, 1, fmt.Sprintf("invited-%d@people.example", i))[0].Links()[0])
		}
		s.Partner(t, "partner_signs_in", nil)

		visitor := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		var load sync.WaitGroup
		var over atomic.Bool
		var leads atomic.Int64
		for range 32 {
			load.Go(func() {
				for !over.Load() {
					if s.Supplier.Do("POST", "/api/leads", s.Form()).Status == http.StatusOK {
						leads.Add(1)
					}
				}
			})
		}
		var mu sync.Mutex
		answers := map[string]int{}
		count := func(what string, status int, header http.Header) {
			mu.Lock()
			defer mu.Unlock()
			answers[fmt.Sprintf("%s %d", what, status)]++
			if (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) && header.Get("Retry-After") == "" {
				t.Errorf("%s is answered %d without Retry-After", what, status)
			}
		}
		for round := range rounds {
			apptest.Parallel(bursts, func(i int) {
				switch {
				case i < len(links) && round == 0:
					r, err := visitor.PostForm(links[i], url.Values{"password": {"Jane's-Passw0rd"}, "tos": {"1"}})
					if err != nil {
						t.Error(err)
						return
					}
					_ = r.Body.Close()
					count("accept", r.StatusCode, r.Header)
				case i%2 == 0:
					a := s.Program.Do("POST", "/v1/partners", apptest.Object{"email": fmt.Sprintf("made-%d-%d@people.example", round, i), "name": "Joe", "password": "J0e's-password"})
					count("create", a.Status, a.Header)
				default:
					a := s.Program.Do("POST", "/v1/partners:sign-in-url", apptest.Object{"id": "partner_signs_in"})
					count("ask for a sign-in", a.Status, a.Header)
					if a.Status != http.StatusOK {
						return
					}
					link, _ := a.Data(t)["url"].(string)
					r, err := visitor.PostForm(link, nil)
					if err != nil {
						t.Error(err)
						return
					}
					_ = r.Body.Close()
					count("sign in", r.StatusCode, r.Header)
				}
			})
		}
		over.Store(true)
		load.Wait()
		t.Logf("%d MB at the peak; %d leads; %v", peakOf(t, p.PID())/1_000_000, leads.Load(), answers)
		if got := peakOf(t, p.PID()); got > mostMemory {
			t.Errorf("it had %d bytes in RAM, want at most %d", got, mostMemory)
		}
		for _, answer := range slices.Sorted(maps.Keys(answers)) {
			if status := answer[strings.LastIndex(answer, " ")+1:]; !slices.Contains([]string{"200", "201", "302", "303", "429", "503"}, status) {
				t.Errorf("%s (%d times)", answer, answers[answer])
			}
		}
		if made := answers["create 200"] + answers["create 201"]; made < 20 || leads.Load() == 0 || answers["ask for a sign-in 200"] == 0 {
			t.Errorf("%d leads were sold, and answered was %v", leads.Load(), answers)
		}
		p.Stop(t)
	})
}
