// Package leadmill talks to a Leadmill server: a function for each operation of its API, an iterator for each list, the events of a
// seller as they happen, and the check of what webhooks are signed with. It needs nothing but the standard library.
//
//	client, err := leadmill.New("https://leads.example.com", "lm_program_…")
//	for partner, err := range client.EachPartners(ctx, nil) { … }
//
// Calls are repeated where that is safe: after 429 and 503, as Retry-After says, and after connections that failed. What changes
// something carries an Idempotency-Key, made once for the call, so that it happens once however often it is sent. What the server refuses
// is an [*Error].
//
// The types are in the package api, the data of events in the package events. Amounts are [encoding/json.Number], the decimal as it was
// sent: a constant such as "45.10" is one.
//
// Stability: experimental.
package leadmill
