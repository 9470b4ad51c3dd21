package fault_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

// TestNoRequestIsResetByAStop stops an instance twenty times under load. Its clients keep their connections, as balancers do, and go on with
// them until they are told to close one: every request is answered.
func TestNoRequestIsResetByAStop(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) { stopUnderLoad(t, databaseURL, true) })
}

// TestNewConnectionsAreAnsweredOrRefusedByAStop is the same with clients that open a connection for each request and know nothing of
// readiness. Who connects in the very moment in which the socket closes is reset by the system; that is few of the thousands.
func TestNewConnectionsAreAnsweredOrRefusedByAStop(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) { stopUnderLoad(t, databaseURL, false) })
}

func stopUnderLoad(t *testing.T, databaseURL string, keep bool) {
	t.Helper()
	const stops, clients = 20, 16
	var answered, closed, reset atomic.Int64
	var key string
	for range stops {
		p := apptest.Run(t, databaseURL, []string{"serve"}, "LEADMILL_DRAIN=300ms")
		if key == "" {
			s := apptest.NewShop(t, &p.App, nil, apptest.Rich)
			key = s.Program.Must(t, "POST", "/v1/api-keys", apptest.Object{"name": "load", "scope": "program", "rate_limit": nil}).Data(t)["key"].(string)
		}
		transport := &http.Transport{MaxIdleConnsPerHost: clients, DisableKeepAlives: !keep}
		client := &http.Client{Transport: transport}
		var running sync.WaitGroup
		var busy atomic.Int64
		for n := range clients {
			running.Go(func() {
				for i := 0; ; i++ {
					method, path, body := "GET", "/v1/buyers", []byte(nil)
					if i%4 == 0 {
						method, path = "POST", "/v1/buyers"
						body, _ = json.Marshal(apptest.Object{"name": fmt.Sprintf("of %d", n)})
					}
					r, err := http.NewRequest(method, p.URL+path, nil)
					if err == nil && body != nil { // without GetBody, which would have the transport send it again
						r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
					}
					if err != nil {
						t.Error(err)
						return
					}
					r.Header.Set("Authorization", "Bearer "+key)
					a, err := client.Do(r)
					if !keep && errors.Is(err, syscall.ECONNRESET) {
						reset.Add(1)
						return
					}
					if !keep && errors.Is(err, syscall.ECONNREFUSED) {
						return
					}
					if err != nil {
						t.Errorf("%s under load of a stop: %v", method, err)
						return
					}
					_, err = io.Copy(io.Discard, a.Body)
					_ = a.Body.Close()
					if err != nil || a.StatusCode >= 300 {
						t.Errorf("%s is answered %d %v", method, a.StatusCode, err)
					}
					answered.Add(1)
					busy.Add(1)
					if a.Close && keep {
						closed.Add(1)
						return
					}
				}
			})
		}
		apptest.Eventually(t, func() error {
			if busy.Load() < 4*clients {
				return errDown
			}
			return nil
		})
		p.Stop(t)
		running.Wait()
		transport.CloseIdleConnections()
	}
	if keep && closed.Load() != stops*clients {
		t.Errorf("%d of %d clients were told to close their connection", closed.Load(), stops*clients)
	}
	if n := reset.Load(); n > stops/2 {
		t.Errorf("%d connections were reset", n)
	}
	t.Logf("%d requests over %d stops", answered.Load(), stops)
}

// TestNobodyReadsTheLog fills the pipe of the log, whose reader then goes away altogether. Requests are answered all the while, and the
// instance ends when it is told to.
func TestNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = read.Close() }()
			p := leadmilltest.StartProcess(t, leadmilltest.ProcessOptions{Stderr: write, Settings: []string{"LEADMILL_LOG_LEVEL=debug", "LEADMILL_LOG_FORMAT=" + format}})
			if err := write.Close(); err != nil {
				t.Fatal(err)
			}
			client := p.Client(t, "")
			logged := func(n int) {
				t.Helper()
				began := time.Now()
				for range n {
					if a := client.Do("GET", "/livez", nil); a.Status != http.StatusOK {
						t.Fatalf("while nobody reads the log: %v", a)
					}
				}
				if took := time.Since(began); took > time.Minute {
					t.Errorf("%d requests took %v", n, took)
				}
			}
			logged(12_000) // more than the pipe and what is held for its reader
			var said bytes.Buffer
			found := make(chan bool, 1)
			go func() { // a reader that comes back is told what it missed
				buffer := make([]byte, 64<<10)
				for {
					n, err := read.Read(buffer)
					said.Write(buffer[:n])
					if strings.Contains(said.String(), "lines of this log were lost") {
						found <- true
						return
					}
					if err != nil {
						found <- false
						return
					}
				}
			}()
			if !<-found {
				t.Error("nobody is told that lines were lost")
			}
			if format == "json" {
				for line := range bytes.Lines(said.Bytes()[:bytes.LastIndexByte(said.Bytes(), '\n')+1]) {
					if !json.Valid(line) {
						t.Errorf("a line is %q", line)
						break
					}
				}
			}
			if err := read.Close(); err != nil {
				t.Fatal(err)
			}
			logged(500)
			p.Stop(t)
		})
	}
}
