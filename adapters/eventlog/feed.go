package eventlog

import (
	"context"
	"errors"
	"log/slog"
	"sync"

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

var errWaited = errors.New("waited long enough")

// Events handles the query: application.ErrUnavailable. It waits up to q.Wait for the first event. Events that the feed does
// not show advance Next, but do not end the wait.
func (f *Feed) Events(ctx context.Context, q feedquery.Events) (feedquery.EventPage, error) {
	filter := Filter{SellerID: q.SellerID, Types: q.Types}
	if len(filter.Types) == 0 {
		// A build that lacks a module, as one that is being replaced by the next does, must not pass by the events of it: whoever reads
		// through several instances would never see them.
		filter.Types, filter.Teams = f.public, true
	}
	page := feedquery.EventPage{Next: q.After}
	if q.Wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, q.Wait, errWaited)
		defer cancel()
	}
	for {
		events, next, err := f.reader.Page(ctx, page.Next, q.Limit, filter)
		if err != nil {
			if errors.Is(context.Cause(ctx), errWaited) {
				return page, nil
			}
			f.tell(ctx, err)
			return feedquery.EventPage{}, err
		}
		scanned := next > page.Next
		page.Events, page.Next = events, next
		if len(events) > 0 || q.Wait <= 0 {
			return page, nil
		}
		if scanned {
			continue
		}
		switch err := f.reader.Wait(ctx, q.SellerID, page.Next); {
		case err == nil:
		case errors.Is(err, errWaited), errors.Is(context.Cause(ctx), errWaited), ctx.Err() != nil:
			return page, nil
		default:
			return feedquery.EventPage{}, err
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
