package command

import "github.com/leadmill/leadmill/domain/campaign"

// either returns what refuses a contract that one of two refuses, each of which may be nil.
func either(a, b func(campaign.Contract) string) func(campaign.Contract) string {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(k campaign.Contract) string {
		if reason := a(k); reason != "" {
			return reason
		}
		return b(k)
	}
}
