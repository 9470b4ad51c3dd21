package audit

import (
	"context"
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/contract/eventsv1"
)

const (
	// passEvents is for how many events their aggregates and ids are kept in memory at once: at most some 300 MB.
	passEvents = 2_000_000
	// maxSuspects is how many aggregates are remembered until they are looked at again, and suspectStep how many in one snapshot.
	maxSuspects = 10_000
	suspectStep = 100
)

// logAudit checks the log, and rows by what their events say. It walks the whole log, several times when it is long: each pass is about
// the aggregates and event ids that fall to it by their hash. Rows change meanwhile, so those that differ from the log are looked at
// again in a snapshot of the rows and of what the log has got since.
type logAudit struct {
	*auditor

	all     []Table
	tables  []Table             // those with rules that have facts
	kinds   map[string]*Table   // by the type of their aggregates
	rowless map[string]bool     // types of aggregates without rows
	facts   map[string][]*Facts // by the type of event
	reverse map[*Facts]*Chunk   // the rule that all of these have rows
	replays []*replaying
	keys    *keys
	ids     maphash.Seed
	passes  uint64

	touchable map[string]string // by the type of the aggregate, the prefix of the ids by whose time its rows are chosen

	noted    map[*Facts]*noted // of the pass
	eventIDs []uint64          // hashes, of the pass

	positions
}

// pass is one walk over the log.
type pass struct {
	*logAudit

	n        uint64
	last     int64          // where the last stretch begins that was taken
	waited   map[int64]bool // segments that were taken while they waited for their positions
	suspects []*suspect
	known    map[key]*suspect
	touched  map[string]map[old]bool // by the type of the aggregate
}

// suspect is an aggregate to be looked at again.
type suspect struct {
	kind, seller, id string
	event            string // one of its events, if it seems to have no row
	parts            []suspectPart
}

// suspectPart is what an event tells of a part that seems to have no row.
type suspectPart struct {
	facts       *Facts
	part, event string
}

// log audits the log.
func (a *auditor) log(ctx context.Context, tables []Table, whole []Rule, rowless []string, size int64) error {
	l := &logAudit{
		auditor: a, kinds: map[string]*Table{}, rowless: map[string]bool{}, facts: map[string][]*Facts{}, reverse: map[*Facts]*Chunk{},
		noted: map[*Facts]*noted{AllEvents: newNoted()}, keys: newKeys(), ids: maphash.MakeSeed(), positions: newPositions(a.from),
		all: tables, touchable: map[string]string{},
	}
	for _, t := range tables {
		if a.recent() && t.Since != nil && t.Since.Aggregate != "" {
			l.touchable[t.Since.Aggregate] = t.Since.Prefix
		}
	}
	for _, kind := range rowless {
		l.rowless[kind] = true
	}
	for _, t := range tables {
		if t = t.rules(func(r Rule) bool { return r.Facts != nil && a.applies(r) }); len(t.Rules) > 0 {
			l.tables = append(l.tables, t)
		}
	}
	for i := range l.tables {
		t := &l.tables[i]
		if t.Aggregate != "" {
			l.kinds[t.Aggregate] = t
		}
		for _, r := range t.Rules {
			for _, typ := range r.Facts.Types {
				if l.noted[r.Facts] == nil {
					l.noted[r.Facts] = newNoted()
				}
				if !slices.Contains(l.facts[typ], r.Facts) {
					l.facts[typ] = append(l.facts[typ], r.Facts)
				}
			}
			if r.Told == nil {
				l.reverse[r.Facts] = &Chunk{auditor: a, rule: r, table: t.Name}
			}
		}
	}
	for _, r := range whole {
		if r.Replay != nil && !a.archived() {
			started, err := a.replay(ctx, r)
			if err != nil {
				return err
			}
			l.replays = append(l.replays, started)
		}
	}
	if err := l.placeArchived(ctx, a); err != nil {
		return err
	}
	head, err := l.head(ctx, a.db.Reader)
	if err != nil {
		return err
	}
	events := max(head-max(a.before(), 0), 0)
	l.passes = uint64(max(events-1, 0)/size + 1)
	l.eventIDs = make([]uint64, 0, min(size, events)+size/20)
	for n := range l.passes {
		if err := l.pass(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// head is where the last stretch begins.
func (l *logAudit) head(ctx context.Context, q sqlx.QueryerContext) (first int64, err error) {
	err = sqlx.GetContext(ctx, q, &first, "SELECT IFNULL(MAX(first_position), 0) FROM event_positions")
	return first, err
}

// pass walks the log, then the rows, then what is told of none, and last what differs.
func (l *logAudit) pass(ctx context.Context, n uint64) error {
	p := &pass{
		logAudit: l, n: n, last: l.before(), waited: map[int64]bool{}, known: map[key]*suspect{}, touched: map[string]map[old]bool{},
	}
	for _, of := range l.noted { // the memory of one pass serves all
		clear(of.told)
	}
	l.eventIDs = l.eventIDs[:0]
	head, err := l.head(ctx, l.db.Reader)
	if err != nil {
		return err
	}
	if p.last, err = l.walk(ctx, l.db.Reader, p.last, head, func(all []stretch) error {
		if n == 0 {
			for _, r := range l.replays {
				r.apply(ctx, all)
			}
		}
		p.take(all)
		return nil
	}); err != nil {
		return err
	}
	if n == 0 {
		for _, r := range l.replays {
			r.compare(r.chunk)
		}
		if err := l.lone.scan(ctx, l.auditor, l.db.Reader, l.placed); err != nil {
			return err
		}
	}
	for _, t := range l.tables {
		if err := p.rows(ctx, t); err != nil {
			return err
		}
	}
	if err := p.touchedRows(ctx); err != nil {
		return err
	}
	if err := p.withoutRows(ctx); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	for _, rule := range []string{densityRule, aggregateRule, sellerRule} {
		l.looked(rule, len(p.noted[AllEvents].told))
	}
	for f, c := range l.reverse {
		if c.rule.Query == "" {
			c.Looked(len(l.noted[f].told))
		}
	}
	l.looked(uniqueRule, len(p.eventIDs))
	l.looked(typeRule, len(p.eventIDs))
	return p.uniqueIDs(ctx)
}

// take takes stretches that have positions.
func (p *pass) take(all []stretch) {
	for i := range all {
		s := &all[i]
		if s.first > p.checked {
			p.check(p.auditor, s)
		}
		if s.known() && !p.again[s.first] && !p.waited[s.segment] {
			for j := range s.events {
				p.event(&s.events[j])
			}
		}
	}
}

// event takes an event, behind all that are before it in its aggregate.
func (p *pass) event(e *application.StoredEvent) {
	if p.n == 0 && !eventsv1.Known(e.Type) {
		p.breach(typeRule, eventTable, e.ID, "a type of Leadmill or a module", "another")
	}
	if id := maphash.String(p.ids, e.ID); id%p.passes == p.n {
		p.eventIDs = append(p.eventIDs, id)
	}
	k, mine := p.key(e.AggregateType, e.SellerID, e.AggregateID)
	if !mine {
		return
	}
	p.touch(e.AggregateType, e.SellerID, e.AggregateID)
	all := p.noted[AllEvents].told
	t := all[k]
	if t.events == 0 && e.AggregateVersion == 1 {
		t.value |= wholeBit
	}
	more := p.blind[e.SellerID] || t.events == 0 && p.archived()
	if want := int64(t.events) + 1; e.AggregateVersion != want && (e.AggregateVersion < want || !more) {
		p.breach(densityRule, eventTable, e.ID, strconv.FormatInt(want, 10), strconv.FormatInt(e.AggregateVersion, 10))
	}
	t.events = uint32(max(int64(t.events), min(e.AggregateVersion, 1<<31)))
	if p.rowless[e.AggregateType] {
		t.value |= rowBit
	}
	all[k] = t
	for _, f := range p.facts[e.Type] {
		facts, err := f.Of(e)
		if c := p.reverse[f]; err != nil && c != nil {
			c.Breach(e.ID, "data of "+e.AggregateID, "unreadable")
		}
		for _, fact := range facts {
			p.noted[f].add(p.keys.of(e.AggregateType, e.SellerID, e.AggregateID, fact.Part), fact.Value)
		}
	}
}

// key is the key of an aggregate, and whether it falls to the pass.
func (p *pass) key(kind, seller, id string) (key, bool) {
	k := p.keys.of(kind, seller, id)
	return k, k[0]%p.passes == p.n
}

// row is what a rule with facts selects.
type row struct {
	Seller    string `db:"seller"`
	Kind      string `db:"kind"`
	Aggregate string `db:"aggregate"`
	Part      string `db:"part"`
	Value     string `db:"value"`
}

// compare calls differs for the rows of a chunk that differ from what was told of them.
func (p *pass) compare(ctx context.Context, c *Chunk, kind string, differs func(r row, want, got string) error) error {
	if c.rule.Query == "" { // another rule has the rows
		return nil
	}
	n := p.noted[c.rule.Facts]
	return c.Rows(ctx, c.rule.Query, func(rows *sqlx.Rows) error {
		r := row{Kind: kind}
		if err := rows.StructScan(&r); err != nil {
			return err
		}
		k, mine := p.key(r.Kind, r.Seller, r.Aggregate)
		if !mine {
			return nil
		}
		c.Looked(1)
		aggregate := k
		if c.rule.Facts != AllEvents {
			k = p.keys.of(r.Kind, r.Seller, r.Aggregate, r.Part)
		}
		told := n.see(k)
		if c.rule.Told == nil {
			return nil
		}
		told.Incomplete = p.blind[r.Seller]
		told.Earlier = p.archived() && !p.noted[AllEvents].told[aggregate].whole()
		if want, got := c.rule.Told(r.Value, told); want != got {
			return differs(r, want, got)
		}
		return nil
	})
}

// rows walks a table by its rules, and suspects the rows that differ.
func (p *pass) rows(ctx context.Context, t Table) error {
	rules := slices.Clone(t.Rules)
	for i := range rules {
		rules[i].Run = func(ctx context.Context, c *Chunk) error {
			if err := p.compare(ctx, c, t.Aggregate, func(r row, _, _ string) error {
				p.suspect(r.Kind, r.Seller, r.Aggregate)
				return nil
			}); err != nil {
				return err
			}
			return p.settleMany(ctx)
		}
	}
	t.Rules = rules
	return p.scan(ctx, t)
}

func (p *pass) suspect(kind, seller, id string) *suspect {
	k := p.keys.of(kind, seller, id)
	s := p.known[k]
	if s == nil {
		s = &suspect{kind: kind, seller: seller, id: id}
		p.known[k], p.suspects = s, append(p.suspects, s)
	}
	return s
}

// withoutRows suspects what events tell and no row has. The log is walked again to find the names, if there is any.
func (p *pass) withoutRows(ctx context.Context) error {
	unseen := func(f *Facts) bool {
		for _, t := range p.noted[f].told {
			if !t.seen() {
				return true
			}
		}
		return false
	}
	missing := unseen(AllEvents)
	for f := range p.reverse {
		missing = missing || unseen(f)
	}
	if !missing {
		return nil
	}
	return p.retake(ctx, func(e *application.StoredEvent) error {
		k, mine := p.key(e.AggregateType, e.SellerID, e.AggregateID)
		if !mine {
			return nil
		}
		p.withoutRow(e, k)
		return p.settleMany(ctx)
	})
}

func (p *pass) withoutRow(e *application.StoredEvent, k key) {
	if t, taken := p.noted[AllEvents].told[k]; taken && !t.seen() {
		p.suspect(e.AggregateType, e.SellerID, e.AggregateID).event = e.ID
		return
	}
	for _, f := range p.facts[e.Type] {
		if p.reverse[f] == nil {
			continue
		}
		facts, _ := f.Of(e) // an error was reported when the event was taken
		for _, fact := range facts {
			if t, taken := p.noted[f].told[p.keys.of(e.AggregateType, e.SellerID, e.AggregateID, fact.Part)]; taken && !t.seen() {
				s := p.suspect(e.AggregateType, e.SellerID, e.AggregateID)
				s.parts = append(s.parts, suspectPart{f, fact.Part, e.ID})
			}
		}
	}
}

// retake walks what has been taken once more.
func (p *pass) retake(ctx context.Context, each func(e *application.StoredEvent) error) error {
	of := func(s *stretch) error {
		if !s.known() || p.again[s.first] {
			return nil
		}
		for i := range s.events {
			if err := each(&s.events[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := p.walk(ctx, p.db.Reader, p.before(), p.last, func(all []stretch) error {
		for i := range all {
			if err := of(&all[i]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return p.snapshot(ctx, func(tx *sqlx.Tx) error {
		return p.waiting(ctx, tx, func(_ int64, _ int, found []stretch) error {
			for i := range found {
				if !p.waited[found[i].segment] || p.placed.has(found[i].segment) {
					continue
				}
				if err := of(&found[i]); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// uniqueIDs reports ids that more events than one have. The log is walked again to find them, if there is any.
func (p *pass) uniqueIDs(ctx context.Context) error {
	slices.Sort(p.eventIDs)
	twice := map[uint64]bool{}
	for i := 1; i < len(p.eventIDs); i++ {
		if p.eventIDs[i] == p.eventIDs[i-1] {
			twice[p.eventIDs[i]] = true
		}
	}
	if len(twice) == 0 {
		return nil
	}
	events := map[string]int{}
	return p.retake(ctx, func(e *application.StoredEvent) error {
		if twice[maphash.String(p.ids, e.ID)] {
			if events[e.ID]++; events[e.ID] == 2 {
				p.breach(uniqueRule, eventTable, e.ID, "1 event", "more")
			}
		}
		return nil
	})
}
