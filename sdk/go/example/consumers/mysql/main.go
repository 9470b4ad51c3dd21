// Command mysql follows the feed and sums up in a MySQL database of its own what partners earn. How far it read is stored in the transaction
// that also does what the events say, so that each event counts exactly once, whatever kills this program, the database or Leadmill, and whenever.
//
//	LEADMILL_URL, LEADMILL_KEY   the server and a key of the scope events
//	MYSQL_DSN                    such as crm:secret@tcp(127.0.0.1:3306)/crm
//	-n 10                        ends after so many events; else it goes on
//
// It ends at the first error that does not pass by itself; whatever started it starts it again.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/go-sql-driver/mysql"

	leadmill "github.com/leadmill/leadmill/sdk/go"
	"github.com/leadmill/leadmill/sdk/go/events"
)

// consumer names the position of this program, beside those of others in the same database.
const consumer = "earnings"

var tables = []string{
	`CREATE TABLE IF NOT EXISTS leadmill_positions (consumer VARCHAR(64) PRIMARY KEY, position VARCHAR(128) NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS earnings (partner_id VARCHAR(64) PRIMARY KEY, leads BIGINT NOT NULL, amount DECIMAL(20,6) NOT NULL)`,
	`INSERT IGNORE INTO leadmill_positions (consumer, position) VALUES ('` + consumer + `', '')`, // before the first event
}

func main() {
	n := flag.Int("n", 0, "how many events to end after")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, *n)
	if changed, is := errors.AsType[*leadmill.LogChangedError](err); is {
		// The database of Leadmill was restored. What was counted may not have happened: nobody but you can tell what to do about it.
		log.Fatalf("%v; see docs/events.md, \"When the log is another\"", changed) //nolint:gocritic // nothing is left to do for stop
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, n int) error {
	client, err := leadmill.New(os.Getenv("LEADMILL_URL"), os.Getenv("LEADMILL_KEY"))
	if err != nil {
		return err
	}
	db, err := sql.Open("mysql", os.Getenv("MYSQL_DSN"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for _, statement := range tables {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	var at leadmill.Cursor
	var stored string
	if err := db.QueryRowContext(ctx, "SELECT position FROM leadmill_positions WHERE consumer = ?", consumer).Scan(&stored); err != nil {
		return err
	}
	if at, err = leadmill.ParseCursor(stored); err != nil {
		return err
	}
	fmt.Printf("reads on after %q\n", at)
	handled := 0
	for page, err := range client.EventBatches(ctx, at, leadmill.EventOptions{Types: []string{"lead.sold.v1"}}) {
		if err != nil {
			return err
		}
		if err := handle(ctx, db, at, page); err != nil {
			return err
		}
		at = page.Next
		if handled += len(page.Events); n > 0 && handled >= n {
			return nil
		}
	}
	return nil
}

// handle does what the events of a page say and moves the position, both or neither.
func handle(ctx context.Context, db *sql.DB, from leadmill.Cursor, page leadmill.EventBatch) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	// First of all: who moves the position from where this program read it holds its row. A second one that was started by mistake waits here, and
	// then finds that it is elsewhere.
	moved, err := tx.ExecContext(ctx, "UPDATE leadmill_positions SET position = ? WHERE consumer = ? AND position = ?", page.Next.String(), consumer, from.String())
	if err != nil {
		return err
	}
	if rows, err := moved.RowsAffected(); err != nil || rows != 1 {
		return fmt.Errorf("another %s is running: the position is not %s any more (%w)", consumer, from, err)
	}
	for _, event := range page.Events {
		var sold events.LeadSoldV1
		if err := event.Decode(&sold); err != nil {
			return err
		}
		// The payout is a decimal as it was sent, and is added as one: floats would not add up.
		if _, err := tx.ExecContext(ctx, `INSERT INTO earnings (partner_id, leads, amount) VALUES (?, 1, ?)
			ON DUPLICATE KEY UPDATE leads = leads + 1, amount = amount + VALUES(amount)`, sold.PartnerId, sold.Payout.String()); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for _, event := range page.Events {
		fmt.Println("counted", event.Type, event.Subject)
	}
	return nil
}
