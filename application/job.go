package application

import (
	"context"
	"time"
)

// Job is work that every instance repeats, with a pause of Every between. Several instances may do it at the same time. An
// error is logged and does not end the job.
type Job struct {
	Name  string // as logged: "sweep pending leads"
	Every time.Duration
	Do    func(ctx context.Context) error
}
