// Package fault kills processes and databases under load and checks that nothing that was answered is lost and nothing
// happens twice.
package fault_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/leadmill/leadmill/tests/component/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// load is clients that post leads without a pause, but for a short one after an answer that says nothing of a lead: what
// they send while nobody is there is only sent again in the end.
type load struct {
	s *apptest.Shop

	mu       sync.Mutex
	answered map[string]string // status by lead id
	open     []request         // sent, but without an answer that says what became of it
	sent     int
	strange  []string
}

// request is one lead under an Idempotency-Key.
type request struct {
	form apptest.Form
	key  string
}

func newLoad(s *apptest.Shop) *load { return &load{s: s, answered: map[string]string{}} }

const afterFailure = 50 * time.Millisecond

// run posts over some connections until ctx ends; tolerated says which answers but 200 may come.
func (l *load) run(ctx context.Context, at *apptest.App, connections int, tolerated func(apptest.Answer) bool) {
	client := l.s.Supplier.At(at).Unchecked()
	apptest.Parallel(connections, func(int) {
		for ctx.Err() == nil {
			l.mu.Lock()
			l.sent++
			r := request{form: l.s.Form(), key: fmt.Sprintf("load-%d", l.sent)}
			l.mu.Unlock()
			if !l.post(client, r, tolerated) {
				select {
				case <-ctx.Done():
				case <-time.After(afterFailure):
				}
			}
		}
	})
}

// post reports whether the lead was answered.
func (l *load) post(client *apptest.Client, r request, tolerated func(apptest.Answer) bool) bool {
	a := client.Do("POST", "/api/leads", r.form, "Idempotency-Key", r.key)
	lead := a.Lead()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case a.Err == nil && a.Status == 200 && (lead.Status == "sold" || lead.Status == "pending"):
		l.answered[lead.ID] = lead.Status
		return true
	case tolerated(a):
		l.open = append(l.open, r)
	default:
		l.strange = append(l.strange, a.String())
	}
	return false
}

// retry sends again what has no answer, as a client that uses an Idempotency-Key does: each lead is decided once, whether
// its first request had an effect or not.
func (l *load) retry(at *apptest.App) {
	l.mu.Lock()
	open := l.open
	l.open = nil
	l.mu.Unlock()
	client := l.s.Supplier.At(at).Unchecked()
	const connections = 16
	apptest.Parallel(connections, func(n int) {
		for i := n; i < len(open); i += connections {
			l.post(client, open[i], func(apptest.Answer) bool { return false })
		}
	})
}

// check compares what was answered with what is stored.
func (l *load) check(t *testing.T, db *apptest.Database) {
	t.Helper()
	for i, s := range l.strange {
		if t.Errorf("answered %s", s); i == 5 {
			t.Errorf("and %d more", len(l.strange)-i)
			break
		}
	}
	stored := map[string]string{}
	rows, err := db.Reader.QueryContext(t.Context(), "SELECT id, status FROM leads")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, status string
		if err := rows.Scan(&id, &status); err != nil {
			t.Fatal(err)
		}
		stored[id] = status
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for id, status := range l.answered {
		if is := stored[id]; is != status && (status != "pending" || is != "sold") {
			if wrong++; wrong <= 5 {
				t.Errorf("lead %s was answered as %s and is stored as %q", id, status, is)
			}
		}
	}
	if len(l.answered) != l.sent || len(stored) != l.sent {
		t.Errorf("%d leads were sent, %d answered, %d are stored; each must be there once", l.sent, len(l.answered), len(stored))
	}
	db.Audit()
}

var errDown = errors.New("the database is thought to be in another state")

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.answered)
}

// more says whether n leads were answered since there were before.
func (l *load) more(before, n int) error {
	if now := l.count(); now < before+n {
		return fmt.Errorf("%d leads answered, want %d", now-before, n)
	}
	return nil
}
