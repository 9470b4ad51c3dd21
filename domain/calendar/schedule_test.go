package calendar_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/fault"
)

func place(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := calendar.ParseZone(name)
	require.NoError(t, err)
	return l
}

func hours(from, to string, days ...string) calendar.Hours {
	return calendar.Hours{Days: days, From: from, To: to}
}

func schedule(t require.TestingT, h ...calendar.Hours) calendar.Schedule {
	s, err := calendar.NewSchedule(calendar.ScheduleSpec{Hours: h})
	require.NoError(t, err)
	return s
}

func clock(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return at
}

func TestScheduleByTheClock(t *testing.T) {
	t.Parallel()
	chicago := place(t, "America/Chicago")
	weekdays := schedule(t, hours("09:00", "17:00", "mon", "tue", "wed", "thu", "fri"))
	night := schedule(t, hours("22:00", "02:00", "fri", "sat"))
	allDay := schedule(t, hours("00:00", "24:00", "sun"))
	for _, c := range []struct {
		name string
		s    calendar.Schedule
		at   string
		want bool
	}{
		{"before it opens", weekdays, "2026-11-23T08:59:59-06:00", false},
		{"when it opens", weekdays, "2026-11-23T09:00:00-06:00", true},
		{"before it closes", weekdays, "2026-11-23T16:59:59-06:00", true},
		{"when it closes", weekdays, "2026-11-23T17:00:00-06:00", false},
		{"on Sunday", weekdays, "2026-11-22T12:00:00-06:00", false},
		{"before midnight", night, "2026-11-20T23:00:00-06:00", true},
		{"after midnight", night, "2026-11-21T01:59:00-06:00", true},
		{"after the night", night, "2026-11-21T02:00:00-06:00", false},
		{"from Saturday into Sunday, the end of the week", night, "2026-11-22T01:00:00-06:00", true},
		{"the night before the first", night, "2026-11-20T01:00:00-06:00", false},
		{"the last minute of a whole day", allDay, "2026-11-22T23:59:59-06:00", true},
		{"the day after a whole day", allDay, "2026-11-23T00:00:00-06:00", false},
	} {
		assert.Equal(t, c.want, c.s.OpenAt(clock(t, c.at), chicago), c.name)
	}
	assert.True(t, calendar.Schedule{}.OpenAt(clock(t, "2026-11-22T12:00:00Z")), "without hours it is always open")
	assert.False(t, weekdays.OpenAt(clock(t, "2026-11-23T15:00:00Z")), "without a zone it is closed")
}

// In Chicago the clock goes from 02:00 to 03:00 on 2026-03-08 and from 02:00 back to 01:00 on 2026-11-01; in Berlin on 2026-03-29 and on
// 2026-10-25, from 03:00 back to 02:00.
func TestScheduleAtAClockChangeInTwoZones(t *testing.T) {
	t.Parallel()
	early := schedule(t, hours("01:30", "02:30", "sun"))
	late := schedule(t, hours("02:30", "04:00", "sun"))
	chicago, berlin := place(t, "America/Chicago"), place(t, "Europe/Berlin")
	for _, c := range []struct {
		name string
		s    calendar.Schedule
		zone *time.Location
		at   string
		want bool
	}{
		{"Chicago, forward: before the gap", early, chicago, "2026-03-08T07:59:00Z", true},
		{"Chicago, forward: the clock shows 03:00", early, chicago, "2026-03-08T08:00:00Z", false},
		{"Chicago, forward: what begins in the gap begins behind it", late, chicago, "2026-03-08T08:00:00Z", true},
		{"Chicago, back: the first 01:45", early, chicago, "2026-11-01T06:45:00Z", true},
		{"Chicago, back: the second 01:15", early, chicago, "2026-11-01T07:15:00Z", false},
		{"Chicago, back: the second 01:45", early, chicago, "2026-11-01T07:45:00Z", true},
		{"Berlin, forward: before the gap", early, berlin, "2026-03-29T00:59:00Z", true},
		{"Berlin, forward: the clock shows 03:00", early, berlin, "2026-03-29T01:00:00Z", false},
		{"Berlin, forward: what begins in the gap begins behind it", late, berlin, "2026-03-29T01:00:00Z", true},
		{"Berlin, back: the first 02:15", early, berlin, "2026-10-25T00:15:00Z", true},
		{"Berlin, back: the first 02:45", early, berlin, "2026-10-25T00:45:00Z", false},
		{"Berlin, back: the second 02:15", early, berlin, "2026-10-25T01:15:00Z", true},
	} {
		assert.Equal(t, c.want, c.s.OpenAt(clock(t, c.at), c.zone), c.name)
	}
	for _, c := range []struct {
		name, from, want string
		s                calendar.Schedule
		zone             *time.Location
	}{
		{"Chicago, forward", "2026-03-08T06:00:00Z", "2026-03-08T07:30:00Z", early, chicago},
		{"Chicago, forward, in the gap", "2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z", late, chicago},
		{"Chicago, back", "2026-11-01T05:00:00Z", "2026-11-01T06:30:00Z", early, chicago},
		{"Chicago, back, the second time", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z", early, chicago},
		{"Berlin, forward, in the gap", "2026-03-28T20:00:00Z", "2026-03-29T01:00:00Z", late, berlin},
		{"Berlin, back", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", early, berlin},
		{"a week ahead", "2026-11-22T12:00:00-06:00", "2026-11-29T07:30:00Z", early, chicago},
	} {
		opens, ok := c.s.NextOpening(clock(t, c.from), clock(t, c.from).AddDate(1, 0, 0), c.zone)
		assert.True(t, ok, c.name)
		assert.Equal(t, clock(t, c.want).UTC(), opens, c.name)
	}
}

func TestNextOpeningInTwoZonesIsWhenBothAreOpen(t *testing.T) {
	t.Parallel()
	s := schedule(t, hours("08:00", "21:00", "mon", "tue", "wed", "thu", "fri"))
	texas := calendar.USZones("TX", "")
	require.Len(t, texas, 2)
	nextYear := clock(t, "2027-01-01T00:00:00Z")
	opens, ok := s.NextOpening(clock(t, "2026-11-22T12:00:00Z"), nextYear, texas...)
	assert.True(t, ok)
	assert.Equal(t, clock(t, "2026-11-23T15:00:00Z"), opens, "08:00 in El Paso, 09:00 in Dallas")
	assert.False(t, s.OpenAt(clock(t, "2026-11-23T14:30:00Z"), texas...))
	assert.False(t, s.OpenAt(clock(t, "2026-11-24T03:30:00Z"), texas...), "after 21:00 in Dallas")
	_, ok = s.NextOpening(clock(t, "2026-11-22T12:00:00Z"), nextYear)
	assert.False(t, ok, "without a zone it never opens")
	_, ok = calendar.Schedule{}.NextOpening(clock(t, "2026-11-22T12:00:00Z"), nextYear, texas...)
	assert.False(t, ok, "what is always open does not open")
}

// Hours that overlap or touch are open as one: the schedule opens once.
func TestHoursMayOverlap(t *testing.T) {
	t.Parallel()
	s := schedule(t, hours("09:00", "12:00", "mon"), hours("11:00", "13:00", "mon"), hours("13:00", "15:00", "mon"), hours("10:00", "11:00", "mon"),
		hours("22:00", "24:00", "sat"), hours("00:00", "02:00", "sun"), hours("23:00", "01:00", "sat"))
	from, until := clock(t, "2026-11-22T12:00:00Z"), clock(t, "2027-01-01T00:00:00Z")
	var openings []time.Time
	for at, ok := s.NextOpening(from, until, time.UTC); ok && len(openings) < 4; at, ok = s.NextOpening(at, until, time.UTC) {
		openings = append(openings, at)
	}
	assert.Equal(t, []time.Time{
		clock(t, "2026-11-23T09:00:00Z"), clock(t, "2026-11-28T22:00:00Z"), clock(t, "2026-11-30T09:00:00Z"), clock(t, "2026-12-05T22:00:00Z"),
	}, openings)
	assert.True(t, s.OpenAt(clock(t, "2026-11-23T14:59:59Z"), time.UTC))
	assert.False(t, s.OpenAt(clock(t, "2026-11-23T15:00:00Z"), time.UTC))
	assert.True(t, s.OpenAt(clock(t, "2026-11-22T01:59:59Z"), time.UTC))
	assert.False(t, s.OpenAt(clock(t, "2026-11-22T02:00:00Z"), time.UTC))
}

// NextOpening agrees with a look at every minute.
func TestNextOpeningAgainstEveryMinute(t *testing.T) {
	t.Parallel()
	starts := []string{"2026-03-07T00:00:00Z", "2026-10-31T12:00:00Z", "2026-11-18T05:30:00Z", "2026-04-03T12:00:00Z"}
	zones := []string{"America/Chicago", "Australia/Lord_Howe", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"}
	rapid.Check(t, func(r *rapid.T) {
		of := rapid.Custom(func(r *rapid.T) calendar.Hours {
			at := rapid.SampledFrom([]string{"00:00", "01:30", "02:00", "02:30", "09:00", "17:15", "22:00"})
			from := at.Draw(r, "from")
			to := rapid.SampledFrom([]string{"01:45", "02:15", "03:00", "12:00", "23:59", "24:00"}).Draw(r, "to")
			return hours(from, to, rapid.SampledFrom([]string{"sun", "mon", "sat"}).Draw(r, "day"))
		})
		all := rapid.SliceOfN(of, 1, 5).Draw(r, "hours")
		s := schedule(r, all...)
		in := []*time.Location{place(t, rapid.SampledFrom(zones).Draw(r, "zone"))}
		if rapid.Bool().Draw(r, "two") {
			in = append(in, place(t, rapid.SampledFrom(zones).Draw(r, "other")))
		}
		from := clock(t, rapid.SampledFrom(starts).Draw(r, "start")).Add(time.Duration(rapid.IntRange(0, 4000).Draw(r, "minutes")) * time.Minute)
		one := func(h calendar.Hours) bool { return schedule(r, h).OpenAt(from, in[0]) }
		require.Equal(r, slices.ContainsFunc(all, one), s.OpenAt(from, in[0]), "open when any of its hours are")
		var want time.Time
		open := s.OpenAt(from, in...)
		for at := from.Add(time.Minute); at.Before(from.Add(8 * 24 * time.Hour)); at = at.Add(time.Minute) {
			now := s.OpenAt(at, in...)
			if now && !open {
				want = at
				break
			}
			open = now
		}
		got, ok := s.NextOpening(from, from.AddDate(1, 0, 0), in...)
		if !want.IsZero() {
			soon, opens := s.NextOpening(from, want, in...)
			require.True(r, opens, "when it is asked about until then")
			require.Equal(r, got, soon)
			_, opens = s.NextOpening(from, want.Add(-time.Microsecond), in...)
			require.False(r, opens, "it opens at %v and no sooner", want)
		}
		if want.IsZero() {
			require.True(r, !ok || got.After(from.Add(8*24*time.Hour-time.Minute)), "%v", got)
			return
		}
		require.True(r, ok)
		require.Equal(r, want.UTC(), got)
	})
}

func TestAScheduleIsChecked(t *testing.T) {
	t.Parallel()
	_, err := calendar.NewSchedule(calendar.ScheduleSpec{Zone: "buyer", Hours: []calendar.Hours{
		hours("24:00", "12:00", "mon"), hours("9:00", "12:00", "mon"), hours("09:00", "24:01", "mon"), hours("09:00", "09:00", "mon"), hours("09:00", "12:00"),
		hours("09:00", "12:00", "mon", "Monday"), hours("09:00", "12:00", "mon"), hours("09:00", "12:00", "mon", "tue", "mon"),
		hours("09:00", "12:00", "mon", "mon", "mon", "mon", "mon", "mon", "mon", "mon"),
	}})
	e := fault.As(err)
	require.NotNil(t, e)
	assert.Equal(t, []string{"zone", "hours.0.from", "hours.1.from", "hours.2.to", "hours.3.to", "hours.4.days", "hours.5.days.1", "hours.7.days.2", "hours.8.days"}, e.Fields())
	_, err = calendar.NewSchedule(calendar.ScheduleSpec{Hours: make([]calendar.Hours, 51)})
	assert.ErrorContains(t, err, "at most 50")
}

func TestZonesOfTheUnitedStates(t *testing.T) {
	t.Parallel()
	names := func(state, zip string) (list []string) {
		for _, z := range calendar.USZones(state, zip) {
			list = append(list, z.String())
		}
		return list
	}
	assert.Equal(t, []string{"America/New_York"}, names("NY", "90210"), "the state goes first")
	assert.Equal(t, []string{"America/New_York", "America/Chicago"}, names("FL", ""))
	assert.Equal(t, []string{"America/Los_Angeles"}, names("", "90210"))
	assert.Equal(t, []string{"America/New_York"}, names("", "02139-1234"))
	assert.Equal(t, []string{"Pacific/Honolulu"}, names("HI", ""))
	assert.Empty(t, names("", ""))
	assert.Empty(t, names("", "09012"), "the army")
	assert.Empty(t, names("XX", "90210"))
	assert.Empty(t, names("", "9"))
}
