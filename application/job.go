package application

import (
	"context"
	"time"
)

// Job is done again and again by every instance, with a pause between. It must not matter that several instances do it at a
// time. An error is logged and ends nothing.
type Job struct {
	Name  string // as logged: "sweep pending leads"
	Every time.Duration
	Do    func(ctx context.Context) error
}
