// Command kafka reads the events that Leadmill sends to a Kafka topic (LEADMILL_EVENTS_SINK=kafka://…) and sums up in a MySQL database of its own
// what partners earn. What Leadmill sends comes at least once, and so does what a group of consumers reads: the id of each event is stored with what
// it did, and the group's offset is committed after that, so that each event counts exactly once.
//
//	KAFKA_BROKERS   127.0.0.1:9092, several with commas between
//	MYSQL_DSN       such as crm:secret@tcp(127.0.0.1:3306)/crm
//	-n 10           ends after so many events; else it goes on
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/leadmill/leadmill/sdk/go/events"
)

var tables = []string{
	// Rows older than what the topic keeps may go.
	`CREATE TABLE IF NOT EXISTS handled_events (event_id VARCHAR(64) PRIMARY KEY, handled_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)`,
	`CREATE TABLE IF NOT EXISTS earnings (partner_id VARCHAR(64) PRIMARY KEY, leads BIGINT NOT NULL, amount DECIMAL(20,6) NOT NULL)`,
}

func main() {
	n := flag.Int("n", 0, "how many events to end after")
	topic := flag.String("topic", "events", "the topic")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *topic, *n); err != nil && ctx.Err() == nil {
		log.Fatal(err) //nolint:gocritic // nothing is left to do for stop
	}
}

func run(ctx context.Context, topic string, n int) error {
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
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(os.Getenv("KAFKA_BROKERS"), ",")...),
		kgo.ConsumerGroup("earnings"), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.InstanceID("earnings-1"), // one that starts again takes its partitions at once; give each instance its own
		kgo.DisableAutoCommit(),      // an offset is committed when what lies before it is in the database
	)
	if err != nil {
		return err
	}
	defer client.Close()
	for handled := 0; n == 0 || handled < n; {
		records := client.PollRecords(ctx, 100)
		if err := records.Err(); err != nil {
			return err
		}
		for _, record := range records.Records() {
			counted, err := handle(ctx, db, record)
			if err != nil {
				return err
			}
			if counted {
				handled++
			}
		}
		if err := client.CommitUncommittedOffsets(ctx); err != nil {
			return err
		}
	}
	return nil
}

// handle does what an event says, unless that was done before, and reports whether it was a sold lead that counts now.
func handle(ctx context.Context, db *sql.DB, record *kgo.Record) (counted bool, err error) {
	attributes := map[string]string{} // of the CloudEvent, in binary mode: each is a header, and the value is its data
	for _, header := range record.Headers {
		attributes[header.Key] = string(header.Value)
	}
	if attributes["ce_type"] != "lead.sold.v1" {
		return false, nil
	}
	var sold events.LeadSoldV1
	if err := json.Unmarshal(record.Value, &sold); err != nil {
		return false, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(ctx, "INSERT INTO handled_events (event_id) VALUES (?)", attributes["ce_id"])
	if duplicate, is := errors.AsType[*mysql.MySQLError](err); is && duplicate.Number == 1062 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO earnings (partner_id, leads, amount) VALUES (?, 1, ?)
		ON DUPLICATE KEY UPDATE leads = leads + 1, amount = amount + VALUES(amount)`, sold.PartnerId, sold.Payout.String()); err != nil {
		return false, err
	}
	if err := tx.Commit(); err != nil {
		return false, err
	}
	fmt.Println("counted", attributes["ce_type"], sold.LeadId)
	return true, nil
}
