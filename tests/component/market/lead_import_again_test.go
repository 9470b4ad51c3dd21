package market_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/adapters/clock"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// A connection that breaks while the line is looked for that the database refuses does not end the import.
func TestAnImportOutlivesAnErrorBesideAPoisonedLine(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		d, idle := &sqlstoretest.Faults{}, &apptest.Unrun{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Driver: d.Wrap}, leadmill.NewModule("test", leadmill.AsInterceptor(func() *apptest.Unrun { return idle })))
		db := apptest.Open(t, databaseURL)
		if _, err := db.Writer.ExecContext(context.Background(), map[string]string{
			"sqlite": "CREATE TRIGGER poison BEFORE INSERT ON leads WHEN NEW.external_id = 'Poison' BEGIN SELECT RAISE(ABORT, 'poison'); END",
			"mysql": "CREATE TRIGGER poison BEFORE INSERT ON leads FOR EACH ROW IF NEW.external_id = 'Poison' THEN " +
				"SIGNAL SQLSTATE '22001' SET MYSQL_ERRNO = 1406, MESSAGE_TEXT = 'Data too long'; END IF",
		}[db.Name()]); err != nil {
			t.Fatal(err)
		}
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		var file strings.Builder
		file.WriteString("firstName,lastName,phone,state,external_id\n")
		for i := range 20 {
			fmt.Fprintf(&file, "John,Doe,212555%04d,TX,%s\n", i, map[bool]string{true: apptest.Poison}[i == 13])
		}
		started := importLeads(s.Supplier, "?seller="+s.Code+"&category="+url.QueryEscape(apptest.Category), file.String())
		var inserts, broken atomic.Int64
		d.Before(func(query string) error {
			if strings.HasPrefix(query, "INSERT INTO leads ") && inserts.Add(1) > 1 && broken.Add(1) <= 20 { // behind the first, while it is looked for
				return driver.ErrBadConn
			}
			return nil
		})
		idle.Run()
		apptest.Eventually(t, func() error {
			if broken.Load() < 20 {
				return fmt.Errorf("the connection broke %d times", broken.Load())
			}
			return nil
		})
		j := imported(t, s.Supplier, started)
		if j.State != "done" || j.Failed != 1 || j.Done != 20 {
			t.Fatalf("the import is %+v", j)
		}
		if n := db.Number("SELECT COUNT(*) FROM leads"); n != 19 {
			t.Errorf("there are %d leads", n)
		}
		db.Audit()
	})
}

// An import that is not done in days fails, says so, and leaves nothing of its file.
func TestAnImportEndsInTime(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		hands, idle := clock.NewManual(time.Now()), &apptest.Unrun{}
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{Clock: hands}, leadmill.NewModule("test", leadmill.AsInterceptor(func() *apptest.Unrun { return idle })))
		s := apptest.NewShop(t, app, nil, apptest.Rich)
		q, file := "?seller="+s.Code+"&category="+url.QueryEscape(apptest.Category), "firstName,lastName,phone,state\nA,B,2125550001,TX\n"
		late := importLeads(s.Supplier, q, file)
		hands.Advance(2 * 24 * time.Hour)
		young := importLeads(s.Supplier, q, file)
		hands.Advance(24*time.Hour + time.Second)
		idle.Run()
		if j := imported(t, s.Supplier, late); j.State != "failed" || j.Error != "was not done within 3 days" || j.Done != 0 || j.Failed != 0 {
			t.Errorf("the import is %+v", j)
		}
		if j := imported(t, s.Supplier, young); j.State != "done" || j.Error != "" || j.Done != 1 {
			t.Errorf("the younger import is %+v", j)
		}
		db := apptest.Open(t, databaseURL)
		if n := db.Number("SELECT COUNT(*) FROM seller_job_pieces"); n != 0 {
			t.Errorf("%d pieces are kept", n)
		}
		db.Audit()
	})
}
