package eventsv1

import (
	"maps"
	"strings"
)

// otherTypes is the number that types without one of their own share: those of teams.
const otherTypes = 63

// internal are the types in the log that no reader outside of Leadmill sees, with their numbers.
var internal = map[string]int{
	"seller.created.v1":  35,
	"seller.updated.v1":  36,
	"lead.deleted.v1":    37,
	"partner.clicked.v1": 38,
	"webhook.changed.v1": 57,
}

// Known reports whether events of a type can be in a log: those of Leadmill, public or internal, and those of teams, whichever they are.
func Known(typ string) bool {
	_, own := numbers[typ]
	return own || strings.HasPrefix(typ, "x.")
}

var numbers = func() map[string]int {
	all := make(map[string]int, len(public)+len(internal))
	for _, n := range public {
		all[n.event.Type()] = n.number
	}
	maps.Copy(all, internal)
	return all
}()

// UnknownMask has the bits that types may have which are not Leadmill's own in this build: those of teams, and those of newer releases.
func UnknownMask() uint64 {
	var own uint64
	for _, n := range numbers {
		own |= 1 << n
	}
	return ^own | 1<<otherTypes
}

// Mask has a bit for each of the types. The log keeps such a mask of every stretch of events, so that a reader who wants few
// types passes by the stretches without any of them. A type of Leadmill's own, public or internal, has the bit of its
// number, which never changes; all types of teams share the last bit. So a common bit says that a type may be there, and no common bit
// that it is not.
func Mask(types ...string) uint64 {
	var m uint64
	for _, typ := range types {
		n, ok := numbers[typ]
		if !ok {
			n = otherTypes
		}
		m |= 1 << n
	}
	return m
}
