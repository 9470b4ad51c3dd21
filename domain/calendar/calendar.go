// Package calendar knows time zones and the windows in which caps are counted.
//
// Stability: stable.
package calendar

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

var zones sync.Map // IANA name -> *time.Location

// ParseZone returns the location of an IANA time zone name such as "America/Chicago". The machine's own zone ("Local")
// is refused, because it differs between instances.
func ParseZone(name string) (*time.Location, error) {
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	if name == "" || strings.EqualFold(name, "local") || len(name) > 64 {
		return nil, errZone
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil, errZone
	}
	zones.Store(name, l)
	return l, nil
}

var errZone = fault.New(fault.Invalid, fault.InvalidValue, "must be an IANA time zone such as America/Chicago")

// Window is a span of time in which a cap counts (docs/marketplace.md).
type Window string

// The windows.
const (
	Hour  Window = "hour"
	Day   Window = "day"
	Week  Window = "week"
	Month Window = "month"
	Total Window = "total"
)

// Windows returns all windows, the shortest first.
func Windows() []Window { return []Window{Hour, Day, Week, Month, Total} }

// Span is one window on the time line: its key within the contract and its bounds, End exclusive.
// The span of Total has zero bounds: it never starts nor ends.
type Span struct {
	Window     Window
	Key        string
	Start, End time.Time
}

// SpanAt returns the span of w that holds t in a zone. Days, ISO weeks (Monday) and months are keyed by local date; hours
// by the UTC instant at which they start, so that the repeated hour of a clock change is two spans. The spans of a window
// cover the time line without hole or overlap, whatever the zone's clock does.
func SpanAt(w Window, t time.Time, zone *time.Location) Span {
	switch w {
	case Hour:
		return hourAt(t.In(zone))
	case Day:
		d := dateAt(t, zone)
		return Span{w, "day:" + d.Format(time.DateOnly), startOf(d, zone), startOf(d.AddDate(0, 0, 1), zone)}
	case Week:
		d := dateAt(t, zone)
		monday := d.AddDate(0, 0, -(int(d.Weekday())+6)%7)
		isoYear, week := d.ISOWeek()
		return Span{w, fmt.Sprintf("week:%04d-W%02d", isoYear, week), startOf(monday, zone), startOf(monday.AddDate(0, 0, 7), zone)}
	case Month:
		d := dateAt(t, zone)
		first := d.AddDate(0, 0, 1-d.Day())
		return Span{w, "month:" + d.Format("2006-01"), startOf(first, zone), startOf(first.AddDate(0, 1, 0), zone)}
	default:
		return Span{Window: Total, Key: "total"}
	}
}

// hourAt returns the hour of the local clock that holds a time. A clock change inside the hour cuts it into two spans, as
// with changes by half an hour.
func hourAt(local time.Time) Span {
	past := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	start := local.Add(-past)
	end := start.Add(time.Hour)
	now := local.Truncate(time.Second)
	if offset(start) != offset(now) {
		start = change(start, now)
	}
	if last := end.Add(-time.Second); offset(last) != offset(now) {
		end = change(now, last)
	}
	start, end = start.UTC(), end.UTC()
	layout := "2006-01-02T15:04Z"
	if start.Second() != 0 {
		layout = "2006-01-02T15:04:05Z"
	}
	return Span{Hour, "hour:" + start.Format(layout), start, end}
}

// dateAt returns the local date at t, as midnight UTC. When the clock is set back over midnight, the date is not set back.
func dateAt(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	date := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	for {
		next := date.AddDate(0, 0, 1)
		if t.Before(startOf(next, zone)) {
			return date
		}
		date = next
	}
}

// farthest is more than the greatest offset from UTC that any zone ever had.
const farthest = 16 * time.Hour

// startOf returns the first instant, in UTC, at which a zone's clock shows date (given as midnight UTC) or later. It does
// not use time.Date, which may return either of two instants where midnight is skipped or comes twice, nor Time.ZoneBounds,
// whose end lies before the time itself on the last day of a leap year.
func startOf(date time.Time, zone *time.Location) time.Time {
	t := date.Add(-farthest).In(zone)
	if o := offset(t); o == offset(date.In(zone)) && o == offset(date.Add(farthest).In(zone)) {
		return date.Add(-o)
	}
	for {
		start, next := date.Add(-offset(t)), t.Add(time.Hour)
		if start.Before(t) {
			start = t
		}
		if offset(next) != offset(t) {
			next = change(t, next)
		}
		if start.Before(next) {
			return start.UTC()
		}
		t = next
	}
}

// change returns the second at which the offset of from's zone changes, between from (before the change) and to (after it).
func change(from, to time.Time) time.Time {
	seconds := int(to.Sub(from) / time.Second)
	n := sort.Search(seconds, func(n int) bool { return offset(from.Add(time.Duration(n)*time.Second)) != offset(from) })
	return from.Add(time.Duration(n) * time.Second)
}

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
