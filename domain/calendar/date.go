package calendar

import "time"

// StartOf returns the first instant, in UTC, at which a zone's clock shows a date or a later one. date is midnight UTC of the date. Where
// midnight is skipped it is the first instant behind the gap, where midnight comes twice the first of both: a date ends where the next one
// starts, for days, months and every other span.
func StartOf(date time.Time, zone *time.Location) time.Time { return startOf(date, zone) }
