package engine

import (
	"time"

	"github.com/oklog/ulid/v2"
)

// FirstID is not above any id of a prefix that was made at a time or later: ids begin with when they were made, in milliseconds.
func FirstID(prefix string, at time.Time) string {
	var id ulid.ULID
	if at.UnixMilli() > 0 && id.SetTime(ulid.Timestamp(at)) != nil { // beyond the year 10889
		return prefix + "~"
	}
	return prefix + "_" + id.String()
}
