// Command example shows how a Go program works with Leadmill. LEADMILL_URL and LEADMILL_KEY say with which server and as whom:
//
//	example sell ACME1234    sells a lead, with a supplier key
//	example partners         lists the partners, with a program key
//	example follow           sums up what suppliers earn, in sold.json, until it is interrupted; with a program key
//	example receive          takes signed deliveries at 127.0.0.1:8090; LEADMILL_SECRET is what they are signed with
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	leadmill "github.com/leadmill/leadmill/sdk/go"
	"github.com/leadmill/leadmill/sdk/go/api"
	"github.com/leadmill/leadmill/sdk/go/events"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, append(os.Args[1:], "", "")); err != nil {
		log.Fatalln(err) //nolint:gocritic // nothing is left to do for stop
	}
}

func run(ctx context.Context, arguments []string) error {
	client, err := leadmill.New(os.Getenv("LEADMILL_URL"), os.Getenv("LEADMILL_KEY"), leadmill.WithOnRetry(func(r leadmill.Retry) {
		log.Printf("%s %s: %v; again in %s", r.Method, r.Path, r.Err, r.Pause)
	}))
	if err != nil {
		return err
	}
	switch arguments[0] {
	case "sell":
		return sell(ctx, client, arguments[1])
	case "partners":
		return partners(ctx, client)
	case "follow":
		return follow(ctx, client, "sold.json")
	case "receive":
		return receive("127.0.0.1:8090", os.Getenv("LEADMILL_SECRET"))
	}
	return errors.New("say sell, partners, follow or receive")
}

// sell sends a lead. If the connection fails it is sent again, and sold once.
func sell(ctx context.Context, client *leadmill.Client, seller string) error {
	lead, err := client.SubmitLead(ctx, nil, api.SupplierLeadInput{
		Seller: seller, Category: "Auto Insurance", FirstName: "John", LastName: "Doe", Phone: "604-785-3793", State: "TX",
	})
	if refused, is := errors.AsType[*leadmill.Error](err); is {
		return fmt.Errorf("%s, request %s: %v", refused.Code, refused.RequestID, refused.Fields)
	}
	if err != nil {
		return err
	}
	fmt.Println(lead.LeadId, lead.Status)
	return nil
}

// partners goes through all pages.
func partners(ctx context.Context, client *leadmill.Client) error {
	for partner, err := range client.EachPartners(ctx, &api.ListPartnersParams{Limit: new(100)}) {
		if err != nil {
			return err
		}
		fmt.Println(partner.Id, partner.Email, partner.Status)
	}
	return nil
}

// ledger is what the events did, and how far they were read: they are stored together, so that each event counts once.
type ledger struct {
	Cursor leadmill.Cursor          `json:"cursor"`
	Earned map[string][]json.Number `json:"earned"`
}

// follow goes on where the file says, whatever ended the program before.
func follow(ctx context.Context, client *leadmill.Client, file string) error {
	l := ledger{Earned: map[string][]json.Number{}}
	stored, err := os.ReadFile(file) //nolint:gosec // it is named above
	if err == nil {
		err = json.Unmarshal(stored, &l)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for event, err := range client.Events(ctx, l.Cursor, leadmill.EventOptions{Types: []string{"lead.sold.v1"}}) {
		if err != nil {
			return err
		}
		var sold events.LeadSoldV1
		if err := event.Decode(&sold); err != nil {
			return err
		}
		l.Cursor, l.Earned[sold.PartnerId] = event.Cursor, append(l.Earned[sold.PartnerId], sold.Payout)
		if err := l.store(file); err != nil {
			return err
		}
		fmt.Println(sold.LeadId, "earned", sold.PartnerId, sold.Payout)
	}
	return nil
}

// store replaces the file as a whole.
func (l ledger) store(file string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// receive takes what is signed with one of the secrets; give the old and the new while one is rotated.
func receive(address string, secrets ...string) error {
	webhook, err := leadmill.NewWebhook(secrets...)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, ReadTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		message, err := webhook.Read(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Printf("%s %s\n", message.ID, message.Body) // pass over an ID that was handled before
	})}
	return server.ListenAndServe()
}
