package application

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// Errors of requests with an Idempotency-Key.
var (
	ErrKeyReused  = fault.New(fault.RuleViolated, "idempotency_key_reused", "The Idempotency-Key was used for another request")
	ErrInProgress = fault.New(fault.Conflict, "idempotency_in_progress", "A request with this Idempotency-Key is in progress")
)

// KeepResponses is how long a response can be replayed under its Idempotency-Key.
const KeepResponses = 24 * time.Hour

// Once makes a command replayable. Fingerprint identifies the whole request; Render turns the result into the response,
// which is stored with the effect and sent again by a replay. Whoever needs no response, such as a reaction that sends a command,
// leaves Render nil; with a Key made of the reaction's name and the event's id the command is then done once, however often it is
// sent. The zero Once is a command that is done each time.
type Once[R any] struct {
	Key         string // the Idempotency-Key; empty: none
	Fingerprint [sha256.Size]byte
	Render      func(R) Response
}

// response returns what is answered to a result.
func (o Once[R]) response(result R) Response {
	if o.Render == nil {
		return Response{}
	}
	return o.Render(result)
}

// Done is the result of a replayable command: the response to send, and whether it is the stored response of an earlier
// request.
type Done struct {
	Response Response
	Replayed bool
	// Awaits is the lead of which a buyer is asked, so that the response may become another one soon; nil when it is final.
	Awaits *Awaited
}

// Awaited is a lead of which buyers are asked to confirm a sale. Until is when its supplier is answered at the latest.
type Awaited struct {
	Lead  Ref
	Until time.Time
}

// Deps is what every command handler of a room needs; T is the room's transaction.
type Deps[T any] struct {
	Work     UnitOfWork[T]
	Clock    Clock
	IDs      IDs
	InFlight *InFlight
}

// OnceTx is the part of a transaction that DoOnce needs.
type OnceTx interface {
	Idempotency() IdempotencyRepository
}

// DoOnce runs use in one transaction. With an Idempotency-Key use runs once within 24 hours: the rendered response is stored
// with the effect, and the same request gets that response again. Errors: those of use and of UnitOfWork.Do; ErrKeyReused
// when a different request used the key; ErrInProgress when a request with the key is not done within 5 seconds.
func DoOnce[T OnceTx, R any](ctx context.Context, d Deps[T], actor Actor, once Once[R], use func(ctx context.Context, tx T) (R, error)) (Done, error) {
	if once.Key == "" {
		return doAlways(ctx, d, once, use)
	}
	release, err := d.InFlight.Enter(ctx, actor.KeyID, once.Key)
	if err != nil {
		return Done{}, err
	}
	defer release()
	var done Done
	now := d.Clock.Now()
	err = d.Work.Do(ctx, func(ctx context.Context, tx T) error {
		stored, taken, err := tx.Idempotency().Claim(ctx, actor.SellerID, actor.KeyID, once.Key, once.Fingerprint, now, now.Add(KeepResponses))
		if err != nil {
			return err
		}
		nothingNew(ctx, !taken)
		if !taken {
			done = Done{Response: stored.Response, Replayed: true}
			if stored.Fingerprint != once.Fingerprint {
				return ErrKeyReused
			}
			return nil
		}
		result, err := use(ctx, tx)
		if err != nil {
			return err
		}
		done = Done{Response: once.response(result)}
		return tx.Idempotency().Complete(ctx, actor.SellerID, actor.KeyID, once.Key, done.Response)
	})
	if err != nil {
		return Done{}, err
	}
	return done, nil
}

func doAlways[T, R any](ctx context.Context, d Deps[T], once Once[R], use func(ctx context.Context, tx T) (R, error)) (Done, error) {
	var done Done
	err := d.Work.Do(ctx, func(ctx context.Context, tx T) error {
		result, err := use(ctx, tx)
		if err == nil {
			done = Done{Response: once.response(result)}
		}
		return err
	})
	if err != nil {
		return Done{}, err
	}
	return done, nil
}
