// Package attempt holds what deliveries to receivers outside have in common: how an attempt ends, and when the next one is.
//
// Stability: experimental.
package attempt

import "time"

// Reason says why an attempt did not succeed. Reasons are part of the public API.
type Reason string

// The reasons of attempts that any receiver can fail by.
const (
	Refused     Reason = "refused"         // the receiver answered, and not with 2xx
	Gone        Reason = "gone"            // the receiver answered 410
	Timeout     Reason = "timeout"         // no answer in time
	Unreachable Reason = "unreachable"     // no connection, or one that broke
	BadAddress  Reason = "address_refused" // an address that may not be reached
	TooLarge    Reason = "body_too_large"  // it is not sent, because of its size
)

// Most is how often something is tried.
const Most = 10

// MostShake is the largest Outcome.Shake.
const MostShake = 1000

const (
	// jitter is by which part of it a pause is longer at most: a tenth.
	jitter = 10
	// mostAfter bounds what a receiver can ask for by Retry-After.
	mostAfter = 24 * time.Hour
)

// pauses are how long is waited after each attempt that failed: those of Standard Webhooks.
var pauses = [Most - 1]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Outcome is what became of an attempt. RetryAfter is what the receiver asked for, zero when it did not. Shake is a random number from 0 to MostShake.
type Outcome struct {
	Try        int64 // how many attempts there were before it
	OK, Final  bool  // Final: it is not tried again
	Reason     Reason
	RetryAfter time.Duration
	Shake      int64
}

// Next returns when it is tried again after an attempt that failed, of which there were so many; again is false when it is not.
func Next(failed int64, o Outcome, at time.Time) (next time.Time, again bool) {
	if o.Final || failed >= Most {
		return time.Time{}, false
	}
	return at.Add(Wait(pauses[failed-1], o)).Truncate(time.Microsecond), true
}

// Wait is how long is waited after an attempt that failed: a pause with what it is shaken by, or as long as the receiver asked for, a day at most.
func Wait(pause time.Duration, o Outcome) time.Duration {
	pause += pause / jitter * time.Duration(o.Shake) / MostShake
	return max(pause, min(o.RetryAfter, mostAfter))
}
