package markethttp

import (
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// fillSchedule binds the member schedule of a contract; null takes it away.
func fillSchedule(o *httpport.Object, into **calendar.ScheduleSpec) {
	if o.IsNull("schedule") {
		*into = &calendar.ScheduleSpec{}
		return
	}
	o.Nested("schedule", func(o *httpport.Object) {
		spec := calendar.ScheduleSpec{Zone: o.Text("zone")}
		var hours *[]calendar.Hours
		httpport.FillObjects(o, "hours", &hours, func(o *httpport.Object, h *calendar.Hours) {
			h.Days, _ = o.Texts("days")
			h.From, h.To = o.Text("from"), o.Text("to")
		})
		if hours == nil {
			if !o.Has("hours") {
				o.Violate("hours", fault.Required, "is required")
			}
			return
		}
		spec.Hours = *hours
		*into = &spec
	})
}

// showSchedule returns nil for a contract that takes leads at any time.
func showSchedule(s calendar.ScheduleSpec) *ScheduleOrNull {
	if len(s.Hours) == 0 {
		return nil
	}
	out := &ScheduleOrNull{Zone: &s.Zone}
	if s.Zone == "" {
		out.Zone = new(calendar.ZoneContract)
	}
	for _, h := range s.Hours {
		out.Hours = append(out.Hours, ScheduleHours(h))
	}
	return out
}
