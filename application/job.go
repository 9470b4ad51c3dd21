package application

import (
	"context"
	"strings"
	"time"
)

// Job is housekeeping that is repeated by a schedule, on one instance at a time: whichever is free when it is due takes it, and
// when that one dies another does. Do may begin again after it was cut off, and now and then before its time, so it goes in
// small steps and does no harm when it finds nothing to do.
type Job struct {
	// Name is 1 to 64 of a-z, 0-9, dot and hyphen, and no other job's: "send-mails". When it last ran and is due next is kept
	// under it, so it is never changed.
	Name     string
	Schedule Schedule
	// Do does the work. Its context ends when Leadmill stops, or when another instance may have taken the job over. An error or
	// a panic is counted, logged and shown by "leadmill jobs", and does not end the job.
	Do func(ctx context.Context) error
}

// Schedule says when a job is due. Make one with Every or Cron; the zero Schedule is refused at the start.
type Schedule struct {
	every, quiet time.Duration
	cron         *string
}

// Every is the Schedule of a job that is due again so long after it ended, at least a second. A tenth of it, at most 30 seconds,
// is added at random, so that jobs do not all begin at once. A new job is first due when this time has passed.
func Every(d time.Duration) Schedule { return Schedule{every: d} }

// WhileQuiet returns a Schedule of Every by which the job is due only so often while nothing happens on any instance: for a job whose work
// comes from what happens. Quiet is when the log had no event for some time.
func (s Schedule) WhileQuiet(d time.Duration) Schedule {
	s.quiet = d
	return s
}

// Quiet returns how often the job is due while nothing happens; zero when that is no other.
func (s Schedule) Quiet() time.Duration { return s.quiet }

// Cron is the Schedule of a job that is due at times of the calendar in UTC: the five fields minute, hour, day of the month,
// month and day of the week, as in "30 3 * * MON-FRI". Up to a second is added at random. Times that passed while no instance
// ran are made up once. A text that cannot be read is refused at the start.
func Cron(spec string) Schedule {
	spec = strings.Join(strings.Fields(spec), " ")
	return Schedule{cron: &spec}
}

// Interval returns the time of an Every schedule; zero for a Cron one.
func (s Schedule) Interval() time.Duration { return s.every }

// Spec returns the text of a Cron schedule, and whether it is one.
func (s Schedule) Spec() (spec string, ok bool) {
	if s.cron == nil {
		return "", false
	}
	return *s.cron, true
}

// String returns the schedule as operators see it: "every 5s", "30 3 * * MON-FRI".
func (s Schedule) String() string {
	if spec, ok := s.Spec(); ok {
		return spec
	}
	text := s.every.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return "every " + text
}
