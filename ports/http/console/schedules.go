package consolehttp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/domain/calendar"
)

// weekdays are the days of a schedule, as its rows show them.
var weekdays = []struct{ Code, Name string }{
	{"mon", "Monday"}, {"tue", "Tuesday"}, {"wed", "Wednesday"}, {"thu", "Thursday"}, {"fri", "Friday"}, {"sat", "Saturday"}, {"sun", "Sunday"},
}

// ScheduleDay are the hours of one day in a form.
type ScheduleDay struct {
	Name      string
	Stretches []ScheduleStretch
}

// ScheduleStretch is from when to when something is open.
type ScheduleStretch struct{ From, To Field }

// stretchesADay is how many stretches a day has in a form that is filled with fewer.
const stretchesADay = 2

func hourField(day string, n int, end string) string {
	return "hours_" + day + "_" + strconv.Itoa(n) + "_" + end
}

// mostStretches is how many stretches a schedule can have.
const mostStretches = 50

// ScheduleDays are the fields for a schedule.
func (v *Visit) ScheduleDays() []ScheduleDay {
	n := stretchesADay
	for _, d := range weekdays {
		for n < mostStretches && v.Form.Value(hourField(d.Code, n, "from")) != "" {
			n++
		}
	}
	var all []ScheduleDay
	for _, d := range weekdays {
		day := ScheduleDay{Name: d.Name}
		for i := range n {
			label := d.Name
			if i > 0 {
				label += ", again"
			}
			day.Stretches = append(day.Stretches, ScheduleStretch{
				From: v.Field(hourField(d.Code, i, "from"), label+" from", "placeholder", "09:00"),
				To:   v.Field(hourField(d.Code, i, "to"), label+" to", "placeholder", "17:00"),
			})
		}
		all = append(all, day)
	}
	return all
}

// fillSchedule fills the fields.
func (v *Visit) fillSchedule(s calendar.ScheduleSpec) {
	next := map[string]int{}
	v.Form.Fill("hours_zone", s.Zone)
	for _, h := range s.Hours {
		for _, d := range h.Days {
			v.Form.Fill(hourField(d, next[d], "from"), h.From, hourField(d, next[d], "to"), h.To)
			next[d]++
		}
	}
}

// readSchedule reads the fields. fieldOf names the fields of the stretch of an index.
func (v *Visit) readSchedule() (s calendar.ScheduleSpec, fieldOf []string) {
	s.Zone = v.Form.Text("hours_zone")
	for i := range mostStretches {
		for _, d := range weekdays {
			from, to := v.Form.Text(hourField(d.Code, i, "from")), v.Form.Text(hourField(d.Code, i, "to"))
			if from == "" && to == "" {
				continue
			}
			at := slices.IndexFunc(s.Hours, func(h calendar.Hours) bool { return h.From == from && h.To == to && !slices.Contains(h.Days, d.Code) })
			if at < 0 {
				at, s.Hours = len(s.Hours), append(s.Hours, calendar.Hours{From: from, To: to})
				fieldOf = append(fieldOf, "hours_"+d.Code+"_"+strconv.Itoa(i)+"_")
			}
			s.Hours[at].Days = append(s.Hours[at].Days, d.Code)
		}
	}
	return s, fieldOf
}

// scheduledField names the field of a form for a member such as schedule.hours.0.from of what was read.
func scheduledField(fieldOf []string, member string) (field string, ok bool) {
	rest, is := strings.CutPrefix(member, "schedule.hours.")
	if !is {
		return "", false
	}
	number, of, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	if err != nil || n >= len(fieldOf) || of != "from" && of != "to" {
		return "", false
	}
	return fieldOf[n] + of, true
}

// Week is a schedule as a table of its hours.
type Week struct {
	Text  string
	Hours []string
	Days  []WeekDay
}

// WeekDay is a day of a Week: how each of its hours is, open, part or shut.
type WeekDay struct {
	Name string
	Open []string
}

// Week shows a schedule.
func (*Visit) Week(spec calendar.ScheduleSpec) Week {
	w := Week{Text: scheduleText(spec)}
	for h := range 24 {
		w.Hours = append(w.Hours, strconv.Itoa(h))
	}
	s, err := calendar.NewSchedule(spec)
	if err != nil {
		return w
	}
	const quarters = 4
	monday := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for n, d := range weekdays {
		day := WeekDay{Name: d.Name[:3]}
		for h := range 24 {
			open := 0
			for q := range quarters {
				if s.OpenAt(monday.AddDate(0, 0, n).Add(time.Duration(h)*time.Hour+time.Duration(q)*15*time.Minute), time.UTC) {
					open++
				}
			}
			how := "part"
			switch open {
			case 0:
				how = "shut"
			case quarters:
				how = "open"
			}
			day.Open = append(day.Open, how)
		}
		w.Days = append(w.Days, day)
	}
	return w
}

// scheduleText says a schedule in words: Mon, Tue 09:00–17:00.
func scheduleText(s calendar.ScheduleSpec) string {
	if len(s.Hours) == 0 {
		return "At any time"
	}
	var parts []string
	for _, h := range s.Hours {
		days := make([]string, len(h.Days))
		for i, d := range h.Days {
			days[i] = newStatus(d).Word
		}
		parts = append(parts, fmt.Sprintf("%s %s–%s", strings.Join(days, ", "), h.From, h.To))
	}
	return strings.Join(parts, "; ")
}

// ScheduleText says a schedule in words.
func (*Visit) ScheduleText(s calendar.ScheduleSpec) string { return scheduleText(s) }
