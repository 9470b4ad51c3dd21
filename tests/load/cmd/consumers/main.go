// Command consumers is Leadmill with six reactions more, to events that never happen while leads are sold: what a consumer
// of the event log costs that has nothing to do. make bench compares it with Leadmill as it is (docs/benchmarks.md).
package main

import (
	"context"
	"strconv"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

// more is how many there are beside the four that Leadmill has.
const more = 6

func main() {
	var idle []leadmill.Extension
	for i := range more {
		idle = append(idle, leadmill.AsReaction("idle-"+strconv.Itoa(i+1), []string{eventsv1.BuyerWithdrawn{}.Type()}, newIdle))
	}
	leadmill.New(leadmill.NewModule("idle", idle...)).Run()
}

// newIdle makes a reaction that does nothing.
func newIdle() application.ReactorFunc {
	return func(context.Context, application.StoredEvent) error { return nil }
}
