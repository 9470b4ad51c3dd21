package market

import "github.com/leadmill/leadmill/domain/calendar"

// scheduleRules is a contract's schedule in the column contracts.rules.
type scheduleRules struct {
	Hours []scheduleHours `json:"hours"`
	Zone  string          `json:"zone,omitempty"`
}

type scheduleHours struct {
	Days []string `json:"days"`
	From string   `json:"from"`
	To   string   `json:"to"`
}

// rulesOfSchedule returns nil for a contract that takes leads at any time.
func rulesOfSchedule(s calendar.ScheduleSpec) *scheduleRules {
	if len(s.Hours) == 0 {
		return nil
	}
	r := &scheduleRules{Zone: s.Zone}
	for _, h := range s.Hours {
		r.Hours = append(r.Hours, scheduleHours(h))
	}
	return r
}

func (r *scheduleRules) restore() (s calendar.ScheduleSpec) {
	if r == nil {
		return s
	}
	s.Zone = r.Zone
	for _, h := range r.Hours {
		s.Hours = append(s.Hours, calendar.Hours(h))
	}
	return s
}
