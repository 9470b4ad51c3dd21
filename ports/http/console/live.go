package consolehttp

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	feedquery "github.com/leadmill/leadmill/application/feed/query"

	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

const (
	// liveHeartbeat is how often an open page hears that the connection is there, and whether its session still is.
	liveHeartbeat = 15 * time.Second
	// livePace is how often an open page is told at most that something changed: what it then asks for costs more than the event.
	livePace = 2 * time.Second
)

// live tells an open page what changes: an event a kind of thing, such as lead or buyer, without what changed in it. The page then asks for
// the part of it that shows such things. It ends with the session.
func live(v *Visit) {
	k := v.call
	stream, err := Ask[feedquery.OpenStream](v, feedquery.EventStream{Actor: v.Who(), FromHead: true})
	if err != nil {
		if errors.Is(err, feedquery.ErrTooManyStreams) {
			k.Writer().Header().Set("Retry-After", "30")
		}
		k.Fail(err)
		return
	}
	defer stream.Close()
	out, ctx, release := k.Push("text/event-stream")
	defer release()
	err = tell(out, "retry: 5000\n\n")
	for err == nil {
		var events []feedquery.StreamedEvent
		if events, err = stream.Next(ctx, liveHeartbeat); err != nil {
			break
		}
		if len(events) == 0 {
			if _, gone := v.console.Sessions.PersonOf(ctx, v.cookie()); fault.KindOf(gone) == fault.Unauthenticated {
				_ = tell(out, "event: signed-out\ndata:\n\n") // the page ends either way
				return
			}
			err = tell(out, ":\n\n")
			continue
		}
		var text strings.Builder
		for _, kind := range kinds(events) {
			text.WriteString("event: " + kind + "\ndata:\n\n")
		}
		if err = tell(out, text.String()); err == nil {
			err = pause(ctx, livePace)
		}
	}
	if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		k.Note("what an open page follows ended", err)
	}
}

// kinds are the kinds of things that events are about, once each.
func kinds(events []feedquery.StreamedEvent) []string {
	found := map[string]bool{}
	for _, e := range events {
		kind, _, _ := strings.Cut(e.Type, ".")
		found[kind] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func tell(out *httpport.Push, text string) error {
	if _, err := out.Write([]byte(text)); err != nil {
		return err
	}
	return out.Flush()
}

// pause waits, or returns why not.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
