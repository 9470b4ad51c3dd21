package contact

import (
	"slices"
	"strings"

	"github.com/leadmill/leadmill/domain/fault"
)

const (
	maxTags = 100
	maxTag  = 100
)

// ParseTags checks the tags of a partner or a customer: at most 100 texts of 1 to 100 characters. Spaces around them and
// repetitions are dropped; the order is kept.
func ParseTags(tags []string) ([]string, error) {
	if len(tags) > maxTags {
		return nil, fault.New(fault.Invalid, fault.InvalidValue, "must have at most 100 tags")
	}
	out := make([]string, 0, len(tags))
	for _, t := range tags {
		t, err := ParseText(strings.TrimSpace(t), maxTag)
		if err != nil {
			return nil, err
		}
		if t == "" {
			return nil, fault.New(fault.Invalid, fault.InvalidValue, "must not hold an empty tag")
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, nil
}
