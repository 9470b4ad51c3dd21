// Command nats reads the events that Leadmill sends to NATS JetStream (LEADMILL_EVENTS_SINK=nats://…/EVENTS) and prints what is earned by each lead
// that is sold. Each comes at least once: keep the ids of those that were handled with what they did, as ../kafka does.
//
//	NATS_URL   nats://127.0.0.1:4222
//	-n 10      ends after so many events; else it goes on
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/leadmill/leadmill/sdk/go/events"
)

func main() {
	n := flag.Int("n", 0, "how many events to end after")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *n); err != nil && ctx.Err() == nil {
		log.Fatal(err) //nolint:gocritic // nothing is left to do for stop
	}
}

func run(ctx context.Context, n int) error {
	connection, err := nats.Connect(os.Getenv("NATS_URL"))
	if err != nil {
		return err
	}
	defer connection.Close()
	stream, err := jetstream.New(connection)
	if err != nil {
		return err
	}
	// NATS keeps under this name what was acknowledged. One at a time keeps the order, also when one is sent again.
	consumer, err := stream.CreateOrUpdateConsumer(ctx, "EVENTS", jetstream.ConsumerConfig{
		Durable: "earnings", FilterSubject: "EVENTS.*.lead.sold.v1", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1,
	})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, messages.Stop)()
	for handled := 0; n == 0 || handled < n; handled++ {
		message, err := messages.Next()
		if err != nil {
			return err
		}
		var sold events.LeadSoldV1
		if err := json.Unmarshal(message.Data(), &sold); err != nil {
			return err
		}
		fmt.Println(message.Headers().Get("ce-id"), sold.LeadId, "earned", sold.PartnerId, sold.Payout)
		if err := message.DoubleAck(ctx); err != nil { // after what the event did is stored
			return err
		}
	}
	return nil
}
