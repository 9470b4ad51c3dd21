package calendar

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// ScheduleSpec says in which hours of the week something is open, by the clock of a zone. Zone is ZoneContract or ZoneLead; empty is
// ZoneContract. Without Hours there is no schedule.
type ScheduleSpec struct {
	Hours []Hours
	Zone  string
}

// Clone returns a copy that shares no memory with s.
func (s ScheduleSpec) Clone() ScheduleSpec {
	s.Hours = slices.Clone(s.Hours)
	for i := range s.Hours {
		s.Hours[i].Days = slices.Clone(s.Hours[i].Days)
	}
	return s
}

// Hours are a stretch of some days: Days are mon to sun, From and To are times such as 09:00. To is not in the stretch; it may be 24:00,
// and one before From is of the next day.
type Hours struct {
	Days     []string
	From, To string
}

// The zones that a schedule can be in: that of the contract, or that of the lead's state.
const (
	ZoneContract = "contract"
	ZoneLead     = "lead"
)

const (
	maxHours     = 50
	minutesADay  = 24 * 60
	minutesAWeek = 7 * minutesADay
)

var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as time.Weekday counts

// Schedule is a ScheduleSpec that was checked. The zero Schedule is always open.
type Schedule struct {
	stretches []stretch // in order, none of them touching another
	ofLead    bool
}

// stretch is in minutes of the week from Sunday 00:00 on; to is not in it.
type stretch struct{ from, to int }

// NewSchedule checks a schedule. The error is fault.ErrValidation, which names each member at fault as "hours.<index>.<member>".
func NewSchedule(spec ScheduleSpec) (Schedule, error) {
	var v fault.Violations
	s := Schedule{ofLead: spec.Zone == ZoneLead}
	if spec.Zone != "" && spec.Zone != ZoneContract && spec.Zone != ZoneLead {
		v.Add("zone", fault.InvalidValue, "must be contract or lead")
	}
	if len(spec.Hours) > maxHours {
		v.Add("hours", fault.InvalidValue, "must have at most 50 entries")
		return Schedule{}, v.Err()
	}
	for i, h := range spec.Hours {
		at := "hours." + strconv.Itoa(i) + "."
		from, okFrom := minute(h.From)
		to, okTo := minute(h.To)
		switch {
		case !okFrom || from == minutesADay:
			v.Add(at+"from", fault.InvalidValue, "must be a time from 00:00 to 23:59")
		case !okTo:
			v.Add(at+"to", fault.InvalidValue, "must be a time from 00:00 to 24:00")
		case from == to:
			v.Add(at+"to", fault.InvalidValue, "must differ from the beginning; a whole day is 00:00 to 24:00")
		case to < from:
			to += minutesADay
		}
		switch {
		case len(h.Days) == 0:
			v.Add(at+"days", fault.Required, "is required")
		case len(h.Days) > len(days):
			v.Add(at+"days", fault.InvalidValue, "must have at most 7 entries")
			continue
		}
		for n, name := range h.Days {
			day := slices.Index(days, name)
			switch {
			case day < 0:
				v.Add(at+"days."+strconv.Itoa(n), fault.InvalidValue, "must be mon, tue, wed, thu, fri, sat or sun")
			case slices.Contains(h.Days[:n], name):
				v.Add(at+"days."+strconv.Itoa(n), fault.InvalidValue, "must not be repeated")
			}
			s.stretches = append(s.stretches, stretch{day*minutesADay + from, day*minutesADay + to})
		}
	}
	if err := v.Err(); err != nil {
		return Schedule{}, err
	}
	s.stretches = merge(s.stretches)
	return s, nil
}

// merge returns the minutes of stretches, which may overlap and go on into the next week, as a Schedule has them.
func merge(all []stretch) []stretch {
	for i := range all {
		if beyond := all[i].to - minutesAWeek; beyond > 0 {
			all[i].to = minutesAWeek
			all = append(all, stretch{0, beyond})
		}
	}
	slices.SortFunc(all, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	merged := all[:0]
	for _, s := range all {
		if n := len(merged); n > 0 && s.from <= merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// minute reads a time of day as minutes since midnight.
func minute(clock string) (n int, ok bool) {
	hours, minutes, cut := strings.Cut(clock, ":")
	h, err := strconv.ParseUint(hours, 10, 8)
	m, err2 := strconv.ParseUint(minutes, 10, 8)
	if !cut || err != nil || err2 != nil || len(hours) != 2 || len(minutes) != 2 || h > 24 || m > 59 || h == 24 && m > 0 {
		return 0, false
	}
	return int(h)*60 + int(m), true
}

// Always reports whether there is no schedule.
func (s Schedule) Always() bool { return len(s.stretches) == 0 }

// OfLead reports whether the clock is that of the lead, ZoneLead.
func (s Schedule) OfLead() bool { return s.ofLead }

// OpenAt reports whether the schedule is open at a time, by the clocks of all zones; without zones it is closed. What a clock shows
// twice is open twice, and what it skips is not.
func (s Schedule) OpenAt(t time.Time, zones ...*time.Location) bool {
	if s.Always() {
		return true
	}
	for _, zone := range zones {
		if !s.openAt(minuteOfWeek(t.In(zone))) {
			return false
		}
	}
	return len(zones) > 0
}

func (s Schedule) openAt(minute int) bool {
	i := s.endingAfter(minute)
	return i < len(s.stretches) && s.stretches[i].from <= minute
}

// endingAfter returns the place of the first stretch that ends after a minute of the week.
func (s Schedule) endingAfter(minute int) int {
	i, _ := slices.BinarySearchFunc(s.stretches, minute+1, func(s stretch, end int) int { return cmp.Compare(s.to, end) })
	return i
}

// edgeAfter returns the first minute after a minute of the week at which a stretch begins or ends, perhaps of the next week.
func (s Schedule) edgeAfter(minute int) int {
	i := s.endingAfter(minute)
	switch {
	case i == len(s.stretches):
		return s.stretches[0].from + minutesAWeek
	case s.stretches[i].from > minute:
		return s.stretches[i].from
	default:
		return s.stretches[i].to
	}
}

func minuteOfWeek(local time.Time) int {
	return int(local.Weekday())*minutesADay + local.Hour()*60 + local.Minute()
}

// farthestOpening is how far NextOpening looks at most: a week and what the clocks may be changed by.
const farthestOpening = 9 * 24 * time.Hour

// NextOpening returns the first time after t, and not after until, at which the schedule, closed until then, opens by the clocks of all
// zones. ok is false when it does not.
func (s Schedule) NextOpening(t, until time.Time, zones ...*time.Location) (opens time.Time, ok bool) {
	if s.Always() || len(zones) == 0 {
		return time.Time{}, false
	}
	if farthest := t.Add(farthestOpening); farthest.Before(until) {
		until = farthest
	}
	open := s.OpenAt(t, zones...)
	for t.Before(until) {
		t = s.next(t, until, zones)
		now := s.OpenAt(t, zones...)
		if now && !open {
			return t.UTC(), true
		}
		open = now
	}
	return time.Time{}, false
}

// next returns the first time after t at which a stretch begins or ends, or a clock is changed, in one of the zones; at most a day later,
// and not after until.
func (s Schedule) next(t, until time.Time, zones []*time.Location) time.Time {
	soonest := t.Add(24 * time.Hour)
	if until.Before(soonest) {
		soonest = until
	}
	for _, zone := range zones {
		local := t.In(zone)
		now := minuteOfWeek(local)
		begun := local.Add(-time.Duration(local.Second())*time.Second - time.Duration(local.Nanosecond()))
		if at := begun.Add(time.Duration(s.edgeAfter(now)-now) * time.Minute); at.Before(soonest) {
			soonest = at
		}
	}
	for _, zone := range zones {
		now, then := t.In(zone).Truncate(time.Second), soonest.In(zone)
		if offset(now) != offset(then) {
			if at := change(now, then); at.Before(soonest) {
				soonest = at
			}
		}
	}
	return soonest
}
