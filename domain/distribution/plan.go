package distribution

import (
	"fmt"
	"time"

	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// ReasonScheduleClosed says that a contract takes no leads at this time.
const ReasonScheduleClosed = "schedule_closed"

// Plan is what the filters and schedules of a campaign's contracts say, made ready once for each version of the campaign. It does not
// change and may be used by several goroutines.
type Plan struct {
	compiler  FilterCompiler
	standings []standing // in the order of Campaign.Contracts
	byID      map[string]int32
	index     index
	ranked    []int32 // all contracts in the order of sooner; nil: the plan is not large
	sooner    func(a, b *campaign.Contract) bool
	byPrice   bool    // sooner is by the contracts' prices
	tiers     []int32 // of each contract how many steps of sooner are before it; nil without sooner
	hours     []hours // those of the contracts, each once
}

// hours are a schedule and the zones whose clocks it may go by.
type hours struct {
	schedule calendar.Schedule
	zones    [][]*time.Location
}

// standing is what a contract asks of a lead before anything is counted.
type standing struct {
	contract campaign.Contract
	filter   Filter // nil: none
	broken   bool   // the filter does not compile: it takes nothing
	schedule calendar.Schedule
	zones    []*time.Location // of the schedule; nil: those of the lead
}

// NewPlan makes the plan of a campaign. It is nil when no contract has a filter or a schedule.
func NewPlan(c *campaign.Campaign, filters Filters) *Plan {
	contracts := c.Contracts()
	if !hasRules(contracts) {
		return nil
	}
	p := &Plan{compiler: filters.Over(c.Rules()), standings: make([]standing, len(contracts)), byID: make(map[string]int32, len(contracts))}
	known := map[string]calendar.Schedule{}
	for i, k := range contracts {
		s := standing{contract: k}
		if text := k.Filter(); text != "" {
			var err error
			s.filter, err = p.compiler.Compile(text)
			s.broken = err != nil
		}
		if spec := k.Schedule(); len(spec.Hours) > 0 {
			schedule, err := p.scheduled(known, spec, k.Zone())
			s.schedule, s.broken = schedule, s.broken || err != nil
			if !schedule.OfLead() {
				s.zones = []*time.Location{k.Zone()}
			}
		}
		p.standings[i], p.byID[k.ID()] = s, int32(i)
	}
	p.narrow(c.Strategy())
	return p
}

// scheduled returns a contract's schedule and adds its hours to the plan's. Known are those that were added, by what they say.
func (p *Plan) scheduled(known map[string]calendar.Schedule, spec calendar.ScheduleSpec, zone *time.Location) (calendar.Schedule, error) {
	says := fmt.Sprintf("%q %v", spec, zone)
	if s, added := known[says]; added {
		return s, nil
	}
	s, err := calendar.NewSchedule(spec)
	if err != nil {
		return s, err
	}
	known[says] = s
	h := hours{s, [][]*time.Location{{zone}}}
	if s.OfLead() {
		h.zones = calendar.AllUSZones()
	}
	p.hours = append(p.hours, h)
	return s, nil
}

func hasRules(contracts []campaign.Contract) bool {
	for i := range contracts {
		if contracts[i].Filter() != "" || len(contracts[i].Schedule().Hours) > 0 {
			return true
		}
	}
	return false
}

// open reports whether a contract takes leads at a time, by the zones of a lead where its schedule is in them. A nil reading is of any lead.
func (s *standing) open(now time.Time, r *reading) bool {
	switch {
	case s.schedule.Always():
		return true
	case s.zones != nil:
		return s.schedule.OpenAt(now, s.zones...)
	case r == nil:
		return true
	default:
		return s.schedule.OpenAt(now, r.zones()...)
	}
}

// passes reports whether a lead passes the contract's filter.
func (s *standing) passes(r *reading) bool {
	return !s.broken && (s.filter == nil || s.filter.Passes(r.input()))
}

// reading is a lead as filters and schedules read it, each part when it is first asked for.
type reading struct {
	compiler FilterCompiler
	facts    lead.Facts
	in       FilterInput
	where    []*time.Location
	located  bool
}

func (r *reading) input() FilterInput {
	if r.in == nil {
		r.in = r.compiler.Read(r.facts)
	}
	return r.in
}

func (r *reading) zones() []*time.Location {
	if !r.located {
		r.where, r.located = calendar.USZones(r.facts.Field(field.State).Text, r.facts.Field(field.Zip).Text), true
	}
	return r.where
}

// Follow makes the Book obey a plan of its campaign, nil for none, at the time it was made for.
func (b *Book) Follow(p *Plan, now time.Time) {
	if p == nil {
		return
	}
	b.plan, b.now = p, now
	for i := range b.lines {
		if at, known := p.byID[b.lines[i].contract.ID()]; known {
			b.lines[i].standing = &p.standings[at]
		}
	}
}

// ruledOut returns why the filter or the schedule of a contract keeps the lead that is decided from it, and "" when they do not.
func (b *Book) ruledOut(l *line) string {
	switch {
	case l.standing == nil:
		return ""
	case b.read != nil && !l.standing.passes(b.read):
		return ReasonFilter
	case !l.standing.open(b.now, b.read):
		return ReasonScheduleClosed
	}
	return ""
}

// reads makes a lead the one that is decided, for the rules of a plan.
func (b *Book) reads(f lead.Facts) {
	if b.plan != nil {
		b.reading = reading{compiler: b.plan.compiler, facts: f}
		b.read = &b.reading
	}
}

// OpensBetween reports whether the schedule of a contract opens after one time and not after another: for contracts whose schedule is by
// the lead's clock, that of any state.
func (p *Plan) OpensBetween(after, until time.Time) bool {
	if p == nil {
		return false
	}
	for _, h := range p.hours {
		for _, zones := range h.zones {
			if _, opens := h.schedule.NextOpening(after, until, zones...); opens {
				return true
			}
		}
	}
	return false
}
