// Package command holds what can be changed: one file a use case with the command, its result and its handler.
package command

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
)

// Errors of replays (api/lead-ingestion.md, "Once only").
var (
	ErrKeyReused  = fault.New(fault.RuleViolated, "idempotency_key_reused", "The Idempotency-Key was used for another request")
	ErrInProgress = fault.New(fault.Conflict, "idempotency_in_progress", "A request with this Idempotency-Key is in progress")
)

// keepResponses is how long an answer can be replayed under its Idempotency-Key.
const keepResponses = 24 * time.Hour

// Once makes a command replayable. Fingerprint identifies the whole request; Render turns the result into the answer that
// is stored with the effect and sent again by a replay.
type Once[R any] struct {
	Key         string // the Idempotency-Key; empty: none
	Fingerprint [sha256.Size]byte
	Render      func(R) application.Response
}

// Done is what became of a replayable command: the answer to send, and whether it is a replay of an earlier one.
type Done struct {
	Response application.Response
	Replayed bool
}

// Deps is what every command needs.
type Deps struct {
	Work     application.UnitOfWork[application.Tx]
	Clock    application.Clock
	IDs      application.IDs
	InFlight *InFlight
}

// do runs a use case in one transaction; under an Idempotency-Key it runs once, and its answer is stored with its effect.
func do[R any](ctx context.Context, d Deps, actor application.Actor, once Once[R], use func(ctx context.Context, tx application.Tx) (R, error)) (Done, error) {
	if once.Key != "" {
		release, err := d.InFlight.Enter(ctx, actor.KeyID, once.Key)
		if err != nil {
			return Done{}, err
		}
		defer release()
	}
	var done Done
	now := d.Clock.Now()
	err := d.Work.Do(ctx, func(ctx context.Context, tx application.Tx) error {
		done = Done{}
		if once.Key != "" {
			stored, taken, err := tx.Idempotency().Claim(ctx, actor.KeyID, once.Key, once.Fingerprint, now, now.Add(keepResponses))
			if err != nil {
				return err
			}
			if !taken {
				if stored.Fingerprint != once.Fingerprint {
					return ErrKeyReused
				}
				done = Done{Response: stored.Response, Replayed: true}
				return nil
			}
		}
		result, err := use(ctx, tx)
		if err != nil {
			return err
		}
		done = Done{Response: once.Render(result)}
		if once.Key == "" {
			return nil
		}
		return tx.Idempotency().Complete(ctx, actor.KeyID, once.Key, done.Response)
	})
	if err != nil {
		return Done{}, err
	}
	return done, nil
}
