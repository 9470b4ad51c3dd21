// Command webhook takes the events of a webhook and sums up in a MySQL database of its own what partners earn. A webhook tells each event at least
// once: the id of each that was handled is stored with what it did, and the answer is 2xx only after both are, so that each counts exactly once.
//
//	LEADMILL_SECRET   what the webhook answered when it was made: whsec_…; two with a space between while it is rotated
//	MYSQL_DSN         such as crm:secret@tcp(127.0.0.1:3306)/crm
//	-listen           where it listens, 127.0.0.1:8090
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	leadmill "github.com/leadmill/leadmill/sdk/go"
	"github.com/leadmill/leadmill/sdk/go/events"
)

var tables = []string{
	// Rows older than the 30 days for which a webhook can be replayed may go.
	`CREATE TABLE IF NOT EXISTS handled_events (event_id VARCHAR(64) PRIMARY KEY, handled_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)`,
	`CREATE TABLE IF NOT EXISTS earnings (partner_id VARCHAR(64) PRIMARY KEY, leads BIGINT NOT NULL, amount DECIMAL(20,6) NOT NULL)`,
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "where to listen")
	flag.Parse()
	log.Fatal(run(*listen))
}

func run(listen string) error {
	webhook, err := leadmill.NewWebhook(strings.Fields(os.Getenv("LEADMILL_SECRET"))...)
	if err != nil {
		return err
	}
	db, err := sql.Open("mysql", os.Getenv("MYSQL_DSN"))
	if err != nil {
		return err
	}
	for _, statement := range tables {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			return err
		}
	}
	server := &http.Server{Addr: listen, ReadTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		message, err := webhook.Read(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest) // not signed, or too old
			return
		}
		event, err := message.Event()
		if err == nil {
			err = handle(r.Context(), db, event)
		}
		if err != nil {
			log.Print(event.Id, " ", err)
			http.Error(w, "not now", http.StatusInternalServerError) // it is sent again
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})}
	return server.ListenAndServe()
}

// handle does what an event says, unless that was done before.
func handle(ctx context.Context, db *sql.DB, event leadmill.Event) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(ctx, "INSERT INTO handled_events (event_id) VALUES (?)", event.Id)
	if duplicate, is := errors.AsType[*mysql.MySQLError](err); is && duplicate.Number == 1062 {
		return nil
	}
	if err != nil {
		return err
	}
	if event.Type == "lead.sold.v1" { // others are taken, and nothing is done: types may be added
		var sold struct {
			events.LeadSoldV1

			Test bool `json:"test"` // it was made up by a test of the webhook
		}
		if err := event.Decode(&sold); err != nil || sold.Test {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO earnings (partner_id, leads, amount) VALUES (?, 1, ?)
			ON DUPLICATE KEY UPDATE leads = leads + 1, amount = amount + VALUES(amount)`, sold.PartnerId, sold.Payout.String()); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	fmt.Println("counted", event.Type, event.Subject)
	return nil
}
