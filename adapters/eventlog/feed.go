package eventlog

import (
	"context"
	"errors"

	feedquery "github.com/leadmill/leadmill/application/feed/query"
)

// Feed handles feedquery.Events: it reads the public events of one seller.
type Feed struct {
	reader *Reader
	public []string
}

// NewFeed returns a feed that only ever shows events of the given types and of teams' modules.
func NewFeed(reader *Reader, public []string) *Feed { return &Feed{reader, public} }

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
