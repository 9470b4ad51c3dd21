package consolehttp

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	feedquery "github.com/leadmill/leadmill/application/feed/query"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

const (
	// liveHeartbeat is how often an open page hears that the connection is there, and whether its session still is.
	liveHeartbeat = 15 * time.Second
	// livePace is how often an open page is told at most that something changed: what it then asks for costs more than the event.
	livePace = 2 * time.Second
)

// switchedEvent tells an open page that the pages of another seller are open now: it follows nothing any more.
const switchedEvent = "event: switched\ndata:\n\n"

// live tells an open page what changes: an event a kind of thing, such as lead or buyer, without what changed in it, and one for all of them. The
// page then asks for the part of it that shows such things. It begins with what happened since the page was made, or since the connection was lost,
// and ends with the session.
func live(v *Visit) {
	k := v.call
	if of := v.Query("seller"); of != "" && of != v.Who().SellerCode {
		out, _, release := k.Push("text/event-stream")
		defer release()
		_ = tell(out, switchedEvent) // the page ends either way
		return
	}
	page, err := v.console.lives.join(v)
	if err != nil {
		if errors.Is(err, feedquery.ErrTooManyStreams) {
			k.Writer().Header().Set("Retry-After", "30")
		}
		k.Fail(err)
		return
	}
	defer page.leave()
	out, ctx, release := k.Push("text/event-stream")
	defer release()
	if err = tell(out, "retry: 5000\n\n"+v.missed(page.from)); err == nil {
		over := func(ctx context.Context) string { return v.console.over(ctx, v.cookie(), v.Who()) }
		err = page.follow(ctx, over, func(text string) error { return tell(out, text) })
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		k.Note("what an open page follows ended", err)
	}
}

// follow tells a page what changes until ctx ends, the stream does, or over says what to tell it last. That is asked for every liveHeartbeat, whatever
// happens meanwhile.
func (p *openPage) follow(ctx context.Context, over func(context.Context) string, tell func(string) error) error {
	look := time.NewTicker(liveHeartbeat)
	defer look.Stop()
	for {
		kinds, err := p.next(ctx, liveHeartbeat)
		if err != nil {
			return err
		}
		due := len(kinds) == 0
		select {
		case <-look.C:
			due = true
		default:
		}
		if due {
			if last := over(ctx); last != "" {
				return tell(last)
			}
		}
		if len(kinds) == 0 {
			err = tell(":\n\n")
		} else if err = tell(changed(kinds)); err == nil {
			err = pause(ctx, livePace)
		}
		if err != nil {
			return err
		}
	}
}

// over is what a page is told last, when its session ended or is at another seller; empty when it goes on.
func (c Console) over(ctx context.Context, cookie string, who application.Actor) string {
	person, err := c.Sessions.Look(ctx, cookie)
	switch {
	case fault.KindOf(err) == fault.Unauthenticated:
		return "event: signed-out\ndata:\n\n"
	case err == nil && person.Actor.SellerID != who.SellerID:
		return switchedEvent
	}
	return ""
}

// mostMissed is how many events are looked at that happened before a page began to listen. Behind as many, everything may have changed.
const mostMissed = 200

// missed is what happened between the position at which the page was made and the one from which it hears everything. Without it a page would
// go on to show what changed while it was on its way.
func (v *Visit) missed(until int64) string {
	after, err := strconv.ParseInt(v.Query("after"), 10, 64)
	if err != nil || after < 0 || after >= until {
		return ""
	}
	page, err := Ask[feedquery.EventPage](v, feedquery.Events{Actor: v.Who(), After: after, Limit: mostMissed})
	if err != nil {
		return "" // the page is as it was when it was made
	}
	types := make([]string, len(page.Events))
	for i, e := range page.Events {
		types[i] = e.Type
	}
	if len(types) == mostMissed {
		types = v.console.Catalogue.Types() // what else happened is not known
	}
	return changed(kindsOf(types))
}

// kindOf is the kind of thing that events of a type are about.
func kindOf(eventType string) string {
	kind, _, _ := strings.Cut(eventType, ".")
	return kind
}

// kindsOf are the kinds of things that events of some types are about, once each.
func kindsOf(types []string) []string {
	found := map[string]bool{}
	for _, t := range types {
		found[kindOf(t)] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// anyKind is told behind the kinds that changed, once: for parts that show things of several.
const anyKind = "any"

// changed tells of kinds of things that changed.
func changed(kinds []string) string {
	if len(kinds) == 0 {
		return ""
	}
	var text strings.Builder
	for _, kind := range append(slices.Sorted(slices.Values(kinds)), anyKind) {
		text.WriteString("event: " + kind + "\ndata:\n\n")
	}
	return text.String()
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
