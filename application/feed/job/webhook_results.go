package job

import (
	"context"
	"log/slog"
	"time"

	feedcommand "github.com/leadmill/leadmill/application/feed/command"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/receiver"
	"github.com/leadmill/leadmill/domain/fault"
)

type result struct {
	feedcommand.WebhookResult

	endpoint application.Ref
	place    place
	probe    bool
	broke    bool // it panicked
	freed    bool // its place was given back
}

// stored is what became of results that were to be stored, of which left are not.
type stored struct {
	notes []note
	left  []result
}

// note is of results that were stored together, or of one that the database does not take.
type note struct {
	of      []result
	done    feedcommand.WebhookAttemptsRecorded
	refused bool
}

// store begins to store the results that came, beside all else.
func (r *sending) store(ctx context.Context) {
	some := r.unstored
	r.unstored, r.storing = nil, true
	all := r.toStore(some)
	r.group.Go(func() {
		var done stored
		for len(some) > 0 && len(done.left) == 0 {
			n := min(atOnce, len(some))
			var notes []note
			notes, done.left = r.record(ctx, some[:n], all[:n])
			done.notes = append(done.notes, notes...)
			some, all = some[n:], all[n:]
		}
		done.left = append(done.left, some...)
		r.stored <- done
	})
}

// toStore is what is stored of results.
func (r *sending) toStore(some []result) []feedcommand.WebhookResult {
	all := make([]feedcommand.WebhookResult, len(some))
	for i := range some {
		all[i] = some[i].WebhookResult
		all[i].FailingSince = r.endpoints[some[i].endpoint].failing
	}
	return all
}

// record stores results, and returns those that are left when ctx ends. While the database cannot take them, it tries again.
func (r *sending) record(ctx context.Context, some []result, all []feedcommand.WebhookResult) (notes []note, left []result) {
	for {
		done, err := r.Record.Handle(ctx, feedcommand.RecordWebhookAttempts{Results: all})
		switch {
		case err == nil:
			return []note{{of: some, done: done}}, nil
		case len(some) > 1 && fault.KindOf(err) != fault.Unavailable: // only what the database does not take is left out
			for i := range some {
				one, left := r.record(ctx, some[i:i+1], all[i:i+1])
				notes = append(notes, one...)
				if len(left) > 0 {
					return notes, some[i:]
				}
			}
			return notes, nil
		case fault.KindOf(err) != fault.Unavailable:
			r.Logger.ErrorContext(ctx, "the result of a webhook cannot be stored", slog.String("webhook_id", some[0].WebhookID), slog.String("code", string(fault.CodeOf(err))),
				slog.String("cause", fault.Chain(err)))
			return []note{{of: some, done: done, refused: true}}, nil
		}
		pause := time.NewTimer(r.Poll)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, some
		}
	}
}

// noteAll notes what became of results.
func (r *sending) noteAll(ctx context.Context, all stored) {
	r.storing = false
	r.unstored = append(all.left, r.unstored...)
	for _, n := range all.notes {
		for i := range n.of {
			r.note(&n.of[i], n.refused)
		}
		for _, ref := range n.done.Disabled {
			r.Logger.WarnContext(ctx, "a webhook was disabled", slog.String("webhook_id", ref.ID))
			r.Observer.Disabled()
			e := r.endpoints[ref]
			e.drop()
			e.due = false
		}
	}
}

// note notes a result that was stored. A webhook of which one could not be stored is left alone for a while, so that it does not get the same again and
// again.
func (r *sending) note(one *result, refused bool) {
	now, e := application.Elapsed(r.Clock), r.leave(one)
	outcome := string(one.Reason)
	switch {
	case refused:
		e.rest(now, receiver.LongestProbe)
	case one.OK:
		e.Succeeded(r.PerEndpoint)
		e.failing = time.Time{}
		outcome = "delivered"
	default:
		if e.failing.IsZero() {
			e.failing = one.At
		}
		if answered(one.Posted) {
			e.Answered()
		} else {
			e.failed(now, one.probe, one.Reason)
		}
		e.rest(now, min(one.RetryAfter, receiver.LongestProbe))
	}
	r.queue(e)
	r.Observer.Attempted(outcome)
}

// last stores what came back until the end: it was received, and would be sent again otherwise.
func (r *sending) last(ctx context.Context) {
	close(r.results)
	canceled, cancel := context.WithCancel(ctx)
	cancel() // nothing more is sent
	if r.storing {
		r.noteAll(ctx, <-r.stored)
	}
	for one := range r.results {
		r.came(canceled, one)
	}
	if len(r.unstored) == 0 {
		return
	}
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), writeLast)
	defer cancel()
	r.store(ctx)
	r.noteAll(ctx, <-r.stored)
	if n := len(r.unstored); n > 0 {
		r.Logger.WarnContext(ctx, "results of webhooks were not stored; they are sent again", slog.Int("deliveries", n))
	}
}
