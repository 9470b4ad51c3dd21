package eventlog

import (
	"context"
	"errors"
	"time"

	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

// Feed handles feedquery.Events: it reads the public events of one seller.
type Feed struct {
	reader *Reader
	public []string
}

// NewFeed returns a feed that only ever shows events of the given types.
func NewFeed(reader *Reader, public []string) *Feed { return &Feed{reader, public} }

var errWaited = errors.New("waited long enough")

// Events handles the query: application.ErrUnavailable, *feedquery.LogError and *feedquery.ArchivedError. It waits up to q.Wait for
// the first event, and gathers more as q says. Events that the feed does not show advance Next, but do not end the wait. When ctx ends
// meanwhile, the page has what was gathered.
func (f *Feed) Events(ctx context.Context, q feedquery.Events) (feedquery.EventPage, error) {
	filter := Filter{SellerID: q.SellerID, Types: q.Types}
	if len(filter.Types) == 0 {
		filter.Types = f.public
	}
	page, enough := feedquery.EventPage{Next: q.After, LogID: q.LogID}, q.Enough()
	first := enough
	if q.Linger > 0 {
		first = 1
	}
	err := f.gather(ctx, &page, first, q.Limit, q.Wait, filter)
	if got := len(page.Events); err == nil && q.Linger > 0 && got > 0 && got < enough {
		err = f.gather(ctx, &page, enough, q.Limit, q.Linger, filter)
	}
	if err != nil && len(page.Events) == 0 {
		return feedquery.EventPage{}, err
	}
	return page, nil // what became wrong meanwhile is told by the next page, if it still is
}

// gather adds events to a page until it has enough of them or the time is over. It looks once at least.
func (f *Feed) gather(ctx context.Context, page *feedquery.EventPage, enough, limit int, d time.Duration, filter Filter) error {
	waiting, stop := context.WithTimeoutCause(ctx, d, errWaited)
	defer stop()
	for looked := false; ; looked = true {
		before := page.Next
		if err := f.more(ctx, page, limit, filter); err != nil {
			if looked && ctx.Err() != nil {
				return nil
			}
			return err
		}
		if len(page.Events) >= enough || waiting.Err() != nil {
			return nil
		}
		if page.Next > before {
			continue
		}
		if err := f.reader.Wait(waiting, filter.SellerID, page.Next); err != nil {
			if waiting.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// more adds events to a page, up to limit in all, when it is one of this log.
func (f *Feed) more(ctx context.Context, page *feedquery.EventPage, limit int, filter Filter) error {
	b, err := f.reader.head.bounds(ctx)
	switch {
	case err != nil:
		return err
	case page.LogID != "" && page.LogID != b.log:
		return &feedquery.LogError{Err: feedquery.ErrLogChanged, LogID: b.log, Head: b.head}
	case page.Next > b.head:
		return &feedquery.LogError{Err: feedquery.ErrPositionAhead, LogID: b.log, Head: b.head}
	}
	page.LogID = b.log
	events, next, err := f.reader.within(ctx, b, page.Next, limit-len(page.Events), filter)
	if err != nil {
		return err
	}
	page.Events, page.Next = append(page.Events, events...), next
	return nil
}
