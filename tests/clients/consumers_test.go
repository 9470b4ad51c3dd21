package clients_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/leadmill/leadmill/tests/dbtest"
)

var (
	goConsumers = filepath.Join("..", "..", "sdk", "go", "example", "consumers")
	builtGo     sync.Once
)

// consumers returns how the example consumers are started that keep what they do in MySQL, by language. Those of Go are built once.
func consumers(t *testing.T) map[string]example {
	t.Helper()
	dir := filepath.Join(shared, "consumers")
	builtGo.Do(func() {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		run(t, goConsumers, "", "go", "build", "-o", dir, "./...")
	})
	node := filepath.Join(typeScript(t), "out", "example")
	return map[string]example{
		"Go": func(arguments ...string) *exec.Cmd {
			return exec.CommandContext(t.Context(), filepath.Join(dir, arguments[0]), arguments[1:]...)
		},
		"TypeScript": func(arguments ...string) *exec.Cmd {
			arguments[0] = filepath.Join(node, arguments[0]+".js")
			return exec.CommandContext(t.Context(), "node", arguments...)
		},
	}
}

// ledgerOf is the database of a consumer, as programs of both languages are told of it.
type ledgerOf struct {
	t           *testing.T
	db          *sql.DB
	dsn, url    string
	environment []string
}

func newLedger(t *testing.T) ledgerOf {
	t.Helper()
	address := dbtest.URL(t, dbtest.MySQL)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.DBName = "tcp", u.Host, u.User.Username(), strings.TrimPrefix(u.Path, "/")
	c.Passwd, _ = u.User.Password()
	db, err := sql.Open("mysql", c.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return ledgerOf{t, db, c.FormatDSN(), address, []string{"MYSQL_DSN=" + c.FormatDSN(), "MYSQL_URL=" + address}}
}

// earned is what partners earn: how many leads, and what for.
type earned map[string]earning

type earning struct {
	leads  int
	amount string // as a fraction
}

func (e earned) add(partner string, leads int, amount string) error {
	before, of := new(big.Rat), e[partner]
	if of.amount != "" {
		before.SetString(of.amount)
	}
	more, ok := new(big.Rat).SetString(amount)
	if !ok {
		return fmt.Errorf("%q is no amount", amount)
	}
	e[partner] = earning{of.leads + leads, before.Add(before, more).RatString()}
	return nil
}

func (e earned) leads() (n int) {
	for _, of := range e {
		n += of.leads
	}
	return n
}

// read returns what the consumer counted; nothing before it made its tables.
func (l ledgerOf) read() (earned, error) {
	e := earned{}
	rows, err := l.db.QueryContext(l.t.Context(), "SELECT partner_id, leads, amount FROM earnings")
	if missing, is := errors.AsType[*mysql.MySQLError](err); is && missing.Number == 1146 {
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var partner, amount string
		var leads int
		if err := errors.Join(rows.Scan(&partner, &leads, &amount), e.add(partner, leads, amount)); err != nil {
			return nil, err
		}
	}
	return e, rows.Err()
}

// market is a seller whose only buyer takes every lead of three suppliers, on a server that may be killed.
type market struct {
	t          *testing.T
	server     server
	program    string
	suppliers  []string
	campaignID string
	sent       int
}

// ask calls the API and reads the answer.
func ask(t *testing.T, key, address, body string, into any) {
	t.Helper()
	command := []string{"curl", "-sS", "--fail-with-body", address, "-H", "Authorization: Bearer " + key}
	if body != "" {
		command = append(command, "-H", "Content-Type: application/json", "-d", body)
	}
	printed := run(t, "", "", command...)
	if err := json.Unmarshal([]byte(printed), into); err != nil {
		t.Fatalf("%s answers %s", address, printed)
	}
}

type created struct {
	Data struct {
		ID, Key string
		APIKey  struct{ Key string } `json:"api_key"`
	}
}

func newMarket(t *testing.T, settings ...string) *market {
	t.Helper()
	m := &market{t: t, server: startIn(t, append(environment(t), settings...), "serve", listens)}
	create := func(key, path, body string) (c created) {
		ask(t, key, m.server.address+path, body, &c)
		return c
	}
	m.program = create(adminKey, "/v1/sellers", `{"name":"Consumers","code":"CONSUMER"}`).Data.APIKey.Key
	m.campaignID = create(m.program, "/v1/campaigns", `{"name":"Solar","category":"Solar","supplier_payout":{"type":"percent","value":70}}`).Data.ID
	buyer := create(m.program, "/v1/buyers", `{"name":"Best","credit_limit":1000000}`).Data.ID
	create(m.program, "/v1/campaigns/"+m.campaignID+"/contracts", `{"buyer_id":"`+buyer+`","price":45.10}`)
	for n := range 3 {
		partner := create(m.program, "/v1/partners", fmt.Sprintf(`{"email":"supplier%d@example.com"}`, n)).Data.ID
		m.suppliers = append(m.suppliers, create(m.program, "/v1/api-keys", `{"scope":"supplier","partner":{"id":"`+partner+`"}}`).Data.Key)
	}
	return m
}

// sell sells some leads, of one supplier after the other.
func (m *market) sell(n int) {
	m.t.Helper()
	leads := make([]string, n)
	for i := range leads {
		leads[i] = fmt.Sprintf(`{"seller":"CONSUMER","category":"Solar","firstName":"Jane","lastName":"Doe","phone":"604785%04d","state":"CA"}`, m.sent+i)
	}
	var answer struct{ Leads []struct{ Status string } }
	ask(m.t, m.suppliers[m.sent%len(m.suppliers)], m.server.address+"/api/leads/bulk", `{"leads":[`+strings.Join(leads, ",")+`]}`, &answer)
	for _, lead := range answer.Leads {
		if lead.Status != "sold" {
			m.t.Fatalf("a lead is %s", lead.Status)
		}
	}
	m.sent += n + 1 // the next one is of another supplier
}

// killed kills the server and starts it again, at another address.
func (m *market) killed() {
	m.t.Helper()
	m.server.kill()
	m.server = startIn(m.t, m.server.environment, "serve", listens)
}

// log returns what partners earned by all events of the log.
func (m *market) log() earned {
	m.t.Helper()
	e := earned{}
	for after := int64(0); ; {
		var page struct {
			Data []struct {
				Data struct {
					Partner string      `json:"partner_id"`
					Payout  json.Number `json:"payout"`
				}
			}
			Next int64
		}
		ask(m.t, m.program, fmt.Sprintf("%s/v1/events?types=lead.sold.v1&limit=1000&after=%d", m.server.address, after), "", &page)
		for _, event := range page.Data {
			if err := e.add(event.Data.Partner, 1, event.Data.Payout.String()); err != nil {
				m.t.Fatal(err)
			}
		}
		if page.Next == after {
			return e
		}
		after = page.Next
	}
}

// client is the environment of who reads the events.
func (m *market) client() []string {
	return []string{"LEADMILL_URL=" + m.server.address, "LEADMILL_KEY=" + m.program}
}

// process is a consumer that runs.
type process struct {
	*exec.Cmd
	lines chan string // what it prints, until it ends
	log   *bytes.Buffer
}

func launch(t *testing.T, c *exec.Cmd, environment []string) process {
	t.Helper()
	p := process{c, make(chan string, 1000), new(bytes.Buffer)}
	c.Env, c.Stderr = append(os.Environ(), environment...), p.log
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	return p
}

// kill kills it after it printed some lines and some milliseconds more, or in a while when there are none: at any point of what it does.
func (p process) kill(t *testing.T) {
	t.Helper()
	after, longest := 1, 60_000 // often in the midst of what waited for it
	if rand.IntN(2) == 0 {
		after, longest = 1+rand.IntN(25), 3000
	}
	idle := time.NewTimer(time.Duration(1000+rand.IntN(1000)) * time.Millisecond)
	defer idle.Stop()
	for printed := 0; printed < after; {
		select {
		case _, more := <-p.lines:
			if !more {
				t.Fatalf("%v ended by itself: %v\n%s", p.Args, p.Wait(), p.log)
			}
			printed++
			continue
		case <-idle.C:
		}
		break
	}
	<-time.NewTimer(time.Duration(rand.IntN(longest)) * time.Microsecond).C
	_ = p.Process.Kill()
	for range p.lines { // what it printed before
	}
	_ = p.Wait()
}

// kills is how often a consumer is killed at least.
const kills = 12

// survive starts and kills a consumer while leads are sold, and then waits until it has counted all of them.
func survive(t *testing.T, m *market, l ledgerOf, start func() process, sell func(n int)) {
	t.Helper()
	sold := make(chan struct{})
	go func() {
		defer close(sold)
		for n := range 20 {
			sell(n)
		}
	}()
	times := 0
	for selling := true; selling || times < kills; times++ {
		start().kill(t)
		select {
		case <-sold:
			selling = false
		default:
		}
	}
	<-sold
	if t.Failed() {
		t.FailNow()
	}
	want := m.log()
	last := start()
	defer func() {
		_ = last.Process.Kill()
		_ = last.Wait()
	}()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		got, err := l.read()
		if err == nil && got.leads() >= want.leads() {
			if !maps.Equal(got, want) || len(want) != 3 {
				t.Errorf("after %d kills it counted %v, and the log has %v", times, got, want)
			}
			t.Logf("killed %d times over %d leads", times, want.leads())
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("it counted %v (%v), and the log has %v", got, err, want)
		case _, more := <-last.lines:
			if !more {
				t.Fatalf("it ended: %s", last.log)
			}
		}
	}
}

// A consumer of the feed that keeps its position with what it does counts each event once, and refuses the log of a database that was restored.
func TestAConsumerOfTheFeedCountsEachEventOnceThroughKills(t *testing.T) {
	t.Parallel()
	for language, program := range consumers(t) {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			m, l := newMarket(t), newLedger(t)
			environment := append(m.client(), l.environment...)
			survive(t, m, l, func() process { return launch(t, program("mysql"), environment) }, func(int) { m.sell(15) })

			m.server.kill()
			rebase := exec.CommandContext(t.Context(), binary, "events", "rebase")
			rebase.Env = m.server.environment
			if out, err := rebase.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			m.server = startIn(t, m.server.environment, "serve", listens)
			c := program("mysql")
			c.Env = append(append(os.Environ(), m.client()...), l.environment...)
			out, err := c.CombinedOutput()
			if err == nil || c.ProcessState.ExitCode() != 1 {
				t.Errorf("of another log it says %v", err)
			}
			contains(t, "the consumer", string(out), "docs/events.md")
			if got, err := l.read(); err != nil || !maps.Equal(got, m.log()) {
				t.Errorf("then it counted %v (%v)", got, err)
			}
		})
	}
}

// again hands each request to a receiver until that answers, and many of them once more, as whoever sends at least once may.
func again(t *testing.T, to string) *httptest.Server {
	t.Helper()
	send := func(r *http.Request, body []byte) (status int) {
		for r.Context().Err() == nil {
			out, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://"+to, bytes.NewReader(body))
			if err != nil {
				return http.StatusInternalServerError
			}
			out.Header = r.Header.Clone()
			if answer, err := http.DefaultClient.Do(out); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				return answer.StatusCode
			}
			<-time.NewTimer(20 * time.Millisecond).C // it is being started
		}
		return http.StatusServiceUnavailable
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		status := send(r, body)
		if rand.IntN(3) == 0 {
			status = send(r, body)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

// A receiver of a webhook that keeps the ids of events with what they did counts each once, and takes nothing that is not signed.
func TestAReceiverOfAWebhookCountsEachEventOnceThroughKills(t *testing.T) {
	t.Parallel()
	for language, program := range consumers(t) {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			m, l, address := newMarket(t), newLedger(t), freeAddress(t)
			var hook created
			ask(t, m.program, m.server.address+"/v1/webhooks", `{"name":"CRM","url":"`+again(t, address).URL+`","events":["lead.sold.v1"]}`, &hook)
			arguments := map[string][]string{"Go": {"webhook", "-listen", address}, "TypeScript": {"webhook", address}}[language]
			environment := append(l.environment, "LEADMILL_SECRET="+hook.Data.Key)
			receiver := func() process { return launch(t, program(append([]string(nil), arguments...)...), environment) }
			survive(t, m, l, receiver, func(int) { m.sell(15) })

			last := receiver()
			defer func() {
				_ = last.Process.Kill()
				_ = last.Wait()
			}()
			forged := `{"id":"evt_1","type":"lead.sold.v1","data":{"partner_id":"partner_1","payout":1000000}}`
			printed := run(t, "", "", "curl", "-s", "--retry", "50", "--retry-connrefused", "--retry-delay", "1", "-o", os.DevNull, "-w", "%{http_code}", "http://"+address, "-d", forged,
				"-H", "webhook-id: evt_1", "-H", fmt.Sprintf("webhook-timestamp: %d", time.Now().Unix()), "-H", "webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=")
			if got, err := l.read(); printed != "400" || err != nil || !maps.Equal(got, m.log()) {
				t.Errorf("what is not signed is answered %s, and then it counted %v (%v)", printed, got, err)
			}
		})
	}
}

// A consumer of a Kafka topic that keeps the ids of events with what they did counts each once, also when Leadmill is killed while it sends.
func TestAConsumerOfKafkaCountsEachEventOnceThroughKills(t *testing.T) {
	t.Parallel()
	program, l := consumers(t)["Go"], newLedger(t)
	brokers := kafka(t)
	m := newMarket(t, "LEADMILL_EVENTS_SINK=kafka://"+brokers+"/events")
	environment := append(l.environment, "KAFKA_BROKERS="+brokers)
	survive(t, m, l, func() process { return launch(t, program("kafka"), environment) }, func(n int) {
		if m.sell(15); n%5 == 1 {
			m.killed()
		}
	})
}

// kafka returns the addresses of a cluster with the topic events.
func kafka(t *testing.T) (brokers string) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return strings.Join(c.ListenAddrs(), ",")
}
