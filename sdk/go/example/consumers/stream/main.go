// Command stream prints each lead as it is sold, from the stream of server-sent events. It comes back with the id of the last event, so that none is
// missed and none comes twice while it runs; to keep that through its own end, store the id with what the event did.
//
//	LEADMILL_URL, LEADMILL_KEY   the server and a key of the scope events
//	-after 0                     begins with the first event there is; else with what happens from now on
//	-n 10                        ends after so many events; else it goes on
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	leadmill "github.com/leadmill/leadmill/sdk/go"
	"github.com/leadmill/leadmill/sdk/go/events"
)

func main() {
	after, n := flag.String("after", "", "the position to begin behind"), flag.Int("n", 0, "how many events to end after")
	flag.Parse()
	f := follower{enough: *n}
	if *after != "" {
		f.after = "&after=" + *after
	}
	for {
		err := f.follow(context.Background())
		if errors.Is(err, errEnough) {
			return
		}
		if refused, is := errors.AsType[*refusal](err); is {
			log.Fatal(refused) // the key, the filter or the position is wrong: to come back would help nothing
		}
		log.Printf("%v; again in two seconds", err)
		time.Sleep(2 * time.Second)
	}
}

var errEnough = errors.New("as many events as were asked for")

// refusal is an answer that will not be another the next time.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

type follower struct {
	after, last     string // where it begins, and the id of the last event
	enough, handled int
}

// follow reads the stream until the connection ends.
func (f *follower) follow(ctx context.Context) error {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("LEADMILL_URL")+"/v1/events/stream?types=lead.sold.v1"+f.after, nil) //nolint:gosec // who starts it says where
	if err != nil {
		return &refusal{err.Error()}
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("LEADMILL_KEY"))
	if f.last != "" {
		r.Header.Set("Last-Event-ID", f.last)
	}
	answer, err := http.DefaultClient.Do(r) //nolint:gosec // as above
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		if err := fmt.Sprintf("%s: %s", answer.Status, text); answer.StatusCode < 500 && answer.StatusCode != http.StatusTooManyRequests {
			return &refusal{err}
		}
		return fmt.Errorf("%s", answer.Status)
	}
	silence := time.AfterFunc(time.Minute, cut) // a heartbeat comes every 15 seconds
	lines, id := bufio.NewReader(answer.Body), f.last
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		silence.Reset(time.Minute)
		switch name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": "); name {
		case "id":
			id = value
		case "data":
			if err := f.handle(value); err != nil {
				return err
			}
		case "":
			f.last = id // what it is the id of was handled
			if f.enough > 0 && f.handled >= f.enough {
				return errEnough
			}
		}
	}
}

func (f *follower) handle(text string) error {
	var event leadmill.Event
	if err := json.Unmarshal([]byte(text), &event.CloudEvent); err != nil {
		return err
	}
	var sold events.LeadSoldV1
	if err := event.Decode(&sold); err != nil {
		return err
	}
	fmt.Println(event.Id, sold.LeadId, "earned", sold.PartnerId, sold.Payout)
	f.handled++
	return nil
}
