package eventlog

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

// Feed handles feedquery.Events: it reads the public events of one seller.
type Feed struct {
	reader *Reader
	public []string
	log    *slog.Logger
	told   sync.Map // the ids of segments that cannot be read and that the log was told of
}

// NewFeed returns a feed that only ever shows events of the given types and of teams' modules.
// Logger is told once of each segment at which readers are refused.
func NewFeed(reader *Reader, public []string, logger *slog.Logger) *Feed {
	return &Feed{reader: reader, public: public, log: loggerOr(logger)}
}

// filter chooses what a seller's reader sees of the log: all that is public, or some types of it.
func (f *Feed) filter(sellerID string, types []string) Filter {
	if len(types) == 0 {
		// A build that lacks a module, as one that is being replaced by the next does, must not pass by the events of it: whoever reads
		// through several instances would never see them.
		return Filter{SellerID: sellerID, Types: f.public, Teams: true}
	}
	return Filter{SellerID: sellerID, Types: types}
}

var errWaited = errors.New("waited long enough")

// Events handles the query: application.ErrUnavailable, *feedquery.LogError and *feedquery.ArchivedError. It waits up to q.Wait for
// the first event, and gathers more as q says. Events that the feed does not show advance Next, but do not end the wait. When ctx ends
// meanwhile, the page has what was gathered.
func (f *Feed) Events(ctx context.Context, q feedquery.Events) (feedquery.EventPage, error) {
	filter := f.filter(q.SellerID, q.Types)
	if q.UpTo > 0 {
		q.Wait, q.Linger = 0, 0
	}
	page, enough := feedquery.EventPage{Next: q.After, LogID: q.LogID}, q.Enough()
	first := enough
	if q.Linger > 0 {
		first = 1
	}
	err := f.gather(ctx, &page, q, first, q.Wait, filter)
	if got := len(page.Events); err == nil && q.Linger > 0 && got > 0 && got < enough {
		err = f.gather(ctx, &page, q, enough, q.Linger, filter)
	}
	if err != nil && len(page.Events) == 0 {
		return feedquery.EventPage{}, err
	}
	return page, nil // what became wrong meanwhile is told by the next page, if it still is
}

// gather adds events to a page until it has enough of them or the time is over. It looks once at least.
func (f *Feed) gather(ctx context.Context, page *feedquery.EventPage, q feedquery.Events, enough int, d time.Duration, filter Filter) error {
	waiting, stop := context.WithTimeoutCause(ctx, d, errWaited)
	defer stop()
	for looked := false; ; looked = true {
		before := page.Next
		if err := f.more(ctx, page, q, filter); err != nil {
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

// tell tells the log of a segment that cannot be read: an answer of 503 tells nobody why.
func (f *Feed) tell(ctx context.Context, err error) {
	e, ok := errors.AsType[*SegmentError](err)
	if !ok {
		return
	}
	if _, told := f.told.LoadOrStore(e.Segment, true); !told {
		f.log.ErrorContext(ctx, "event log: readers of /v1/events are refused at a segment that cannot be read", slog.Int64("segment", e.Segment),
			slog.String("seller_id", e.SellerID), slog.Any("error", e))
	}
}

// more adds events to a page, up to q.Limit in all, when it is one of this log.
func (f *Feed) more(ctx context.Context, page *feedquery.EventPage, q feedquery.Events, filter Filter) error {
	b, err := f.reader.head.bounds(ctx)
	if err != nil {
		return err
	}
	if err := within(b, page.LogID, page.Next); err != nil {
		return err
	}
	page.LogID = b.log
	if q.UpTo > 0 {
		b.head = min(b.head, q.UpTo)
	}
	events, next, err := f.reader.within(ctx, b, page.Next, q.Limit-len(page.Events), filter)
	if err != nil {
		f.tell(ctx, err)
		return err
	}
	page.Events, page.Next = append(page.Events, events...), next
	return nil
}
