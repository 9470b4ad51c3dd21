package command

import (
	"sync"
	"time"
)

// visitLife is for how long a visit is the same as the one before.
const visitLife = 60 * time.Second

// maxVisits bounds how many visits are remembered; beyond it, some views of pages may count twice.
const maxVisits = 100_000

// visit is a referral key of a seller and the address of a visitor that has it.
type visit struct{ sellerID, key, address string }

// seen is when a visit was last counted, by following a link and by the view of a page, on the clock's application.Elapsed and a nanosecond; 0 is never.
type seen struct{ followed, viewed time.Duration }

// visits remembers what was counted within visitLife, so that a referral link that leads to a page with the key in its address is one
// click and not two.
type visits struct {
	mu   sync.Mutex
	seen map[visit]seen
}

// counts reports whether a visit is a click, and remembers it then.
func (s *visits) counts(v visit, page bool, now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := func(at time.Duration) bool { return at != 0 && now-at < visitLife }
	was, known := s.seen[v]
	if fresh(was.viewed) || page && fresh(was.followed) {
		return false
	}
	if !known && len(s.seen) >= maxVisits {
		for other, at := range s.seen {
			if !fresh(at.followed) && !fresh(at.viewed) {
				delete(s.seen, other)
			}
		}
		if len(s.seen) >= maxVisits {
			clear(s.seen)
		}
	}
	if page {
		was.viewed = now
	} else {
		was.followed = now
	}
	if s.seen == nil {
		s.seen = map[visit]seen{}
	}
	s.seen[v] = was
	return true
}
