// Package calendar knows time zones and the windows in which caps are counted.
package calendar

import (
	"fmt"
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

// Window is a span of time in which a cap counts (distribution.md, "Caps and time").
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
// by the UTC instant at which they start, so that the repeated hour of a clock change is two spans.
func SpanAt(w Window, t time.Time, zone *time.Location) Span {
	local := t.In(zone)
	y, m, d := local.Date()
	switch w {
	case Hour:
		start := t.Add(-time.Duration(local.Minute())*time.Minute - time.Duration(local.Second())*time.Second -
			time.Duration(local.Nanosecond())).UTC()
		return Span{w, "hour:" + start.Format("2006-01-02T15:04Z"), start, start.Add(time.Hour)}
	case Day:
		return Span{w, "day:" + local.Format(time.DateOnly), midnight(y, m, d, zone), midnight(y, m, d+1, zone)}
	case Week:
		monday := d - (int(local.Weekday())+6)%7
		isoYear, week := local.ISOWeek()
		return Span{w, fmt.Sprintf("week:%04d-W%02d", isoYear, week), midnight(y, m, monday, zone), midnight(y, m, monday+7, zone)}
	case Month:
		return Span{w, "month:" + local.Format("2006-01"), midnight(y, m, 1, zone), midnight(y, m+1, 1, zone)}
	default:
		return Span{Window: Total, Key: "total"}
	}
}

// midnight returns the first instant of a local date, in UTC. Where a clock change removes midnight, the day starts later.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	noon := time.Date(y, m, d, 12, 0, 0, 0, zone)
	start := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if start.In(zone).Day() != noon.Day() {
		// time.Date answered with an instant of the day before; the day starts at the end of the gap.
		for start.In(zone).Day() != noon.Day() {
			start = start.Add(time.Minute)
		}
	}
	return start.UTC()
}
