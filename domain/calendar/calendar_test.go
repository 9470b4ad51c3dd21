package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
)

func zone(t require.TestingT, name string) *time.Location {
	z, err := calendar.ParseZone(name)
	require.NoError(t, err, name)
	return z
}

func utc(t require.TestingT, s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	require.NoError(t, err)
	return at.UTC()
}

func TestParseZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"UTC", "America/Chicago", "Asia/Kathmandu"} {
		assert.Equal(t, name, zone(t, name).String())
		first, again := zone(t, name), zone(t, name)
		assert.Same(t, first, again, "a zone is loaded once")
	}
	for _, name := range []string{
		"", "Local", "local", "LOCAL", "America/Nowhere", "../../etc/passwd", "/etc/localtime", "Central Time",
		"America/Chicago\x00", strings.Repeat("a", 65),
	} {
		z, err := calendar.ParseZone(name)
		require.Error(t, err, name)
		assert.Nil(t, z)
		assert.Equal(t, fault.Invalid, fault.KindOf(err))
		assert.Equal(t, fault.InvalidValue, fault.CodeOf(err))
		if name != "" {
			assert.NotContains(t, err.Error(), name+" ", "the input is not repeated")
		}
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []calendar.Window{"hour", "day", "week", "month", "total"}, calendar.Windows())
}

func TestSpanAt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name            string
		window          calendar.Window
		zone, at        string
		key, start, end string
	}{
		{"an hour of UTC", calendar.Hour, "UTC", "2026-01-31T23:59:59.999999Z", "hour:2026-01-31T23:00Z", "2026-01-31T23:00:00Z", "2026-02-01T00:00:00Z"},
		{"the first instant is inside", calendar.Hour, "UTC", "2026-01-31T23:00:00Z", "hour:2026-01-31T23:00Z", "2026-01-31T23:00:00Z", "2026-02-01T00:00:00Z"},
		{"hours of a half-hour zone", calendar.Hour, "Asia/Kolkata", "2026-01-31T18:29:59Z", "hour:2026-01-31T17:30Z", "2026-01-31T17:30:00Z", "2026-01-31T18:30:00Z"},
		{"hours of a 45-minute zone", calendar.Hour, "Asia/Kathmandu", "2026-01-31T18:15:00Z", "hour:2026-01-31T18:15Z", "2026-01-31T18:15:00Z", "2026-01-31T19:15:00Z"},
		{"the repeated hour, first time", calendar.Hour, "America/Chicago", "2026-11-01T06:30:00Z", "hour:2026-11-01T06:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"},
		{"the repeated hour, second time", calendar.Hour, "America/Chicago", "2026-11-01T07:30:00Z", "hour:2026-11-01T07:00Z", "2026-11-01T07:00:00Z", "2026-11-01T08:00:00Z"},
		{"an hour cut by a half-hour change", calendar.Hour, "Australia/Lord_Howe", "2026-04-04T15:10:00Z", "hour:2026-04-04T15:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"},
		{"a day", calendar.Day, "America/Chicago", "2026-01-01T05:59:59Z", "day:2025-12-31", "2025-12-31T06:00:00Z", "2026-01-01T06:00:00Z"},
		{"a day of 23 hours", calendar.Day, "America/Chicago", "2026-03-08T12:00:00Z", "day:2026-03-08", "2026-03-08T06:00:00Z", "2026-03-09T05:00:00Z"},
		{"a day of 25 hours", calendar.Day, "America/Chicago", "2026-11-01T12:00:00Z", "day:2026-11-01", "2026-11-01T05:00:00Z", "2026-11-02T06:00:00Z"},
		{"a day that starts at one", calendar.Day, "America/Havana", "2025-03-09T05:00:00Z", "day:2025-03-09", "2025-03-09T05:00:00Z", "2025-03-10T04:00:00Z"},
		{"the day before it", calendar.Day, "America/Havana", "2025-03-09T04:59:59Z", "day:2025-03-08", "2025-03-08T05:00:00Z", "2025-03-09T05:00:00Z"},
		{"midnight comes twice, first", calendar.Day, "America/Havana", "2025-11-02T04:00:00Z", "day:2025-11-02", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"},
		{"midnight skipped east of Greenwich", calendar.Day, "Asia/Beirut", "2025-03-29T22:00:00Z", "day:2025-03-30", "2025-03-29T22:00:00Z", "2025-03-30T21:00:00Z"},
		{"midnight skipped south", calendar.Day, "America/Sao_Paulo", "2018-11-04T03:00:00Z", "day:2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"the last hour of the day comes twice", calendar.Day, "America/Sao_Paulo", "2018-02-18T02:59:59Z", "day:2018-02-17", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"},
		{"midnight skipped in Egypt", calendar.Day, "Africa/Cairo", "2014-05-15T22:00:00Z", "day:2014-05-16", "2014-05-15T22:00:00Z", "2014-05-16T21:00:00Z"},
		{"midnight comes twice east of Greenwich, first", calendar.Day, "Asia/Amman", "2021-10-28T21:30:00Z", "day:2021-10-29", "2021-10-28T21:00:00Z", "2021-10-29T22:00:00Z"},
		{"the clock goes back over midnight, before", calendar.Day, "America/St_Johns", "2010-11-07T02:30:30Z", "day:2010-11-07", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
		{"the clock goes back over midnight, after: yesterday does not come back", calendar.Day, "America/St_Johns", "2010-11-07T03:00:00Z", "day:2010-11-07", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
		{"a gap from before midnight", calendar.Day, "America/Toronto", "1919-03-31T04:30:00Z", "day:1919-03-31", "1919-03-31T04:30:00Z", "1919-04-01T04:00:00Z"},
		{"the day before one that never was", calendar.Day, "Pacific/Apia", "2011-12-30T09:59:59Z", "day:2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"the day after one that never was", calendar.Day, "Pacific/Apia", "2011-12-30T10:00:00Z", "day:2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		{"a week starts on Monday", calendar.Week, "UTC", "2026-03-01T23:59:59Z", "week:2026-W09", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"a Monday", calendar.Week, "UTC", "2026-03-02T00:00:00Z", "week:2026-W10", "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"},
		{"the last week of a year with 53", calendar.Week, "UTC", "2027-01-03T23:00:00Z", "week:2026-W53", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"},
		{"the first week starts in the old year", calendar.Week, "UTC", "2024-12-30T00:00:00Z", "week:2025-W01", "2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z"},
		{"a week of 167 hours", calendar.Week, "America/Chicago", "2026-03-08T20:00:00Z", "week:2026-W10", "2026-03-02T06:00:00Z", "2026-03-09T05:00:00Z"},
		{"a month", calendar.Month, "America/Chicago", "2026-02-01T05:59:59Z", "month:2026-01", "2026-01-01T06:00:00Z", "2026-02-01T06:00:00Z"},
		{"a December", calendar.Month, "Asia/Kolkata", "2026-12-31T18:00:00Z", "month:2026-12", "2026-11-30T18:30:00Z", "2026-12-31T18:30:00Z"},
		{"a month with a clock change", calendar.Month, "America/Chicago", "2026-03-31T12:00:00Z", "month:2026-03", "2026-03-01T06:00:00Z", "2026-04-01T05:00:00Z"},
		{"the last day of a leap year", calendar.Day, "America/Chicago", "2028-12-31T18:00:00Z", "day:2028-12-31", "2028-12-31T06:00:00Z", "2029-01-01T06:00:00Z"},
		{"the hour of new year in UTC", calendar.Hour, "America/St_Johns", "2040-01-01T00:10:00Z", "hour:2039-12-31T23:30Z", "2039-12-31T23:30:00Z", "2040-01-01T00:30:00Z"},
		{"a leap February from its last day", calendar.Month, "UTC", "2024-02-29T12:00:00Z", "month:2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := calendar.SpanAt(tc.window, utc(t, tc.at), zone(t, tc.zone))
			want := calendar.Span{Window: tc.window, Key: tc.key, Start: utc(t, tc.start), End: utc(t, tc.end)}
			assert.Equal(t, want, got)
			assert.Equal(t, want, calendar.SpanAt(tc.window, utc(t, tc.at).In(zone(t, "Asia/Tokyo")), zone(t, tc.zone)),
				"the location in which the time is given does not count")
		})
	}
}

func TestTotalNeverEnds(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"1970-01-01T00:00:00Z", "2026-03-08T08:00:00Z"} {
		assert.Equal(t, calendar.Span{Window: calendar.Total, Key: "total"}, calendar.SpanAt(calendar.Total, utc(t, at), zone(t, "America/Chicago")))
	}
}

// hardZones change their clocks in every way there is: at midnight, by half an hour, over midnight, by a day.
var hardZones = []string{
	"UTC", "America/Chicago", "America/Sao_Paulo", "America/Havana", "America/St_Johns", "America/Scoresbysund",
	"America/Nuuk", "America/Asuncion", "America/Toronto", "Atlantic/Azores", "Asia/Beirut", "Asia/Amman", "Asia/Gaza", "Asia/Tehran",
	"Asia/Kolkata", "Asia/Kathmandu", "Asia/Pyongyang", "Africa/Cairo", "Africa/Monrovia", "Australia/Lord_Howe", "Pacific/Apia",
	"Pacific/Chatham", "Pacific/Kwajalein", "Pacific/Kiritimati", "Europe/Dublin",
}

// around draws an instant, half of the time next to a clock change.
func around(t *rapid.T, z *time.Location) time.Time {
	at := time.Unix(rapid.Int64Range(-1_600_000_000, 2_500_000_000).Draw(t, "unix"), rapid.Int64Range(0, 999_999).Draw(t, "µs")*1000)
	if rapid.Bool().Draw(t, "at a change") {
		if _, change := at.In(z).ZoneBounds(); !change.IsZero() {
			at = change.Add(time.Duration(rapid.Int64Range(-90_000, 90_000).Draw(t, "seconds")) * time.Second)
		}
	}
	return at.UTC()
}

func TestSpansTileTheTimeLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(hardZones).Draw(t, "zone"))
		w := rapid.SampledFrom([]calendar.Window{calendar.Hour, calendar.Day, calendar.Week, calendar.Month}).Draw(t, "window")
		at := around(t, z)

		s := calendar.SpanAt(w, at, z)
		require.False(t, at.Before(s.Start), "%v is before %v", at, s)
		require.True(t, at.Before(s.End), "%v is not before the end of %v", at, s)
		require.Equal(t, s, calendar.SpanAt(w, s.Start, z), "the first instant")
		require.Equal(t, s, calendar.SpanAt(w, s.End.Add(-1), z), "the last instant")
		after := calendar.SpanAt(w, s.End, z)
		require.Equal(t, s.End, after.Start, "no hole and no overlap")
		require.NotEqual(t, s.Key, after.Key)
		before := calendar.SpanAt(w, s.Start.Add(-1), z)
		require.Equal(t, s.Start, before.End)
		require.NotEqual(t, s.Key, before.Key)
		require.Equal(t, time.UTC, s.Start.Location())

		other := calendar.SpanAt(w, around(t, z), z)
		require.Equal(t, other.Key == s.Key, other.Start.Equal(s.Start), "same key means same start: %v %v", s, other)
	})
}

func TestDayKeysAreLocalDates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Zones whose clock never goes back over midnight: there the key is the date on the wall.
		z := zone(t, rapid.SampledFrom([]string{"UTC", "America/Chicago", "Asia/Kathmandu", "America/Havana", "Europe/Dublin"}).Draw(t, "zone"))
		at := time.Unix(rapid.Int64Range(1_000_000_000, 2_500_000_000).Draw(t, "unix"), 0)
		require.Equal(t, "day:"+at.In(z).Format(time.DateOnly), calendar.SpanAt(calendar.Day, at, z).Key)
		require.Equal(t, "month:"+at.In(z).Format("2006-01"), calendar.SpanAt(calendar.Month, at, z).Key)
		week := calendar.SpanAt(calendar.Week, at, z)
		require.Equal(t, time.Monday, week.Start.In(z).Weekday())
	})
}
