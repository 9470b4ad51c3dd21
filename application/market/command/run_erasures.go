package command

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/lead"
)

// RunErasures finishes what was asked to be erased: it goes through the rows of each seller that has open erasures, in small steps, each
// of which is stored with the place that it came to. Cut off, it goes on there when it is sent again. Two at once do nothing twice.
type RunErasures struct{}

// Needs implements application.Message.
func (RunErasures) Needs() application.Scope { return application.Internal }

// ErasuresRun says how many steps were stored.
type ErasuresRun struct{ Steps int }

// RunErasuresHandler handles RunErasures.
type RunErasuresHandler struct {
	market.Deps
	market.Erasing
}

// The stages of a run, in their order. Customers come first, so that leads which became one of them are known to be of the same person;
// marks come last, when nothing more is erased.
const (
	stageCustomers = "customers"
	stageLeads     = "leads"
	stageMails     = "mails"
	stageClaims    = "claims"
	stageRequests  = "requests"
	stageAnswers   = "answers"
	stageEnd       = "end"
)

var stages = []string{stageCustomers, stageLeads, stageMails, stageClaims, stageRequests, stageAnswers, stageEnd}

const (
	// eraseRead is how many rows are read at a time, and so erased at most in one transaction.
	eraseRead = 500
	// eraseQuiet is how many of these without anybody that is looked for go by before the place is stored.
	eraseQuiet = 20
	// erasuresAtOnce is how many erasures of a seller go through its rows together.
	erasuresAtOnce = 500
)

// errMoved says that somebody else stored a step of the same run, or that what was read of a lead is not so any more: the step is
// worked out again.
var errMoved = errors.New("the run of erasures was moved on meanwhile")

// Handle implements bus.Handler. An error of one seller does not stop the others.
func (h RunErasuresHandler) Handle(ctx context.Context, _ RunErasures) (done ErasuresRun, err error) {
	sellers, err := h.Reader.SellersToErase(ctx)
	if err != nil {
		return ErasuresRun{}, err
	}
	var failed error
	for _, id := range sellers {
		n, err := h.ofSeller(ctx, id)
		done.Steps += n
		failed = errors.Join(failed, err)
	}
	return done, failed
}

// ofSeller stores steps until the seller has no open erasure.
func (h RunErasuresHandler) ofSeller(ctx context.Context, sellerID string) (steps int, err error) {
	for ctx.Err() == nil {
		run, err := h.Reader.ErasureRun(ctx, sellerID)
		if err != nil {
			return steps, err
		}
		more, err := h.step(ctx, run)
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil || !more {
			return steps, err
		}
		steps++
	}
	return steps, ctx.Err()
}

// change is one step of a run: what it erases, and the place that it comes to. Erase may be nil.
type change struct {
	to    market.ErasureRun
	erase func(ctx context.Context, tx market.Tx) error
}

// step works out and stores the next step of a run; more is false when there is none.
func (h RunErasuresHandler) step(ctx context.Context, run market.ErasureRun) (more bool, err error) {
	if run.Stage == "" {
		return h.start(ctx, run)
	}
	running, err := h.Reader.RunningErasures(ctx, run.SellerID)
	if err != nil {
		return false, err
	}
	var c change
	switch run.Stage {
	case stageCustomers:
		c, err = h.customers(ctx, run, running)
	case stageLeads:
		c, err = h.leads(ctx, run, running)
	case stageMails:
		c = mails(run, running)
	case stageClaims:
		c, err = h.marks(ctx, run, market.MarkClaims)
	case stageRequests:
		c, err = h.marks(ctx, run, market.MarkRequests)
	case stageAnswers:
		c, err = h.answers(ctx, run)
	case stageEnd:
		now := h.Clock.Now()
		c = change{market.ErasureRun{SellerID: run.SellerID, Step: run.Step}, func(ctx context.Context, tx market.Tx) error {
			return tx.Erasures().Finish(ctx, run.SellerID, now)
		}}
	default:
		return false, fmt.Errorf("the erasures of seller %s are at an unknown stage %q", run.SellerID, run.Stage)
	}
	if err != nil {
		return false, err
	}
	return true, h.store(ctx, run, c)
}

// store does one step, unless the run was moved on meanwhile: errMoved.
func (h RunErasuresHandler) store(ctx context.Context, from market.ErasureRun, c change) error {
	return h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		now, err := tx.Erasures().LockRun(ctx, from.SellerID)
		if err != nil {
			return err
		}
		if now != from {
			return errMoved
		}
		if c.erase != nil {
			if err := c.erase(ctx, tx); err != nil {
				return err
			}
		}
		return tx.Erasures().SaveRun(ctx, c.to)
	})
}

// start lets pending erasures run. Those that name a lead only have erased it already, so that nobody needs to be looked for.
func (h RunErasuresHandler) start(ctx context.Context, run market.ErasureRun) (more bool, err error) {
	err = h.Work.Do(ctx, func(ctx context.Context, tx market.Tx) error {
		now, err := tx.Erasures().LockRun(ctx, run.SellerID)
		if err != nil {
			return err
		}
		if now != run {
			return errMoved
		}
		started, err := tx.Erasures().Start(ctx, run.SellerID, erasuresAtOnce)
		if more = len(started) > 0; err != nil || !more {
			return err
		}
		run := run
		run.Stage = stageMails
		for _, e := range started {
			if isAboutSomebody(e) {
				run.Stage = stageCustomers
			}
		}
		return tx.Erasures().SaveRun(ctx, run)
	})
	return more, err
}

func isAboutSomebody(e market.Erasure) bool { return e.Person != (lead.Person{}) || e.CustomerID != "" }

// after is the run at the beginning of its next stage.
func after(run market.ErasureRun) market.ErasureRun {
	run.Stage, run.Place = stages[slices.Index(stages, run.Stage)+1], ""
	return run
}

// at is the run at a place of its stage.
func at(run market.ErasureRun, place string) market.ErasureRun {
	run.Place = place
	return run
}

func isCustomer(e market.Erasure, c application.CustomerTraits) bool {
	if c.ID > e.LastCustomer || !c.DeletedAt.IsZero() {
		return false
	}
	if c.ID == e.CustomerID {
		return true
	}
	email, _ := e.Person.Keys()
	return email != "" && c.Has(email)
}

// customers looks through the customers of a seller.
func (h RunErasuresHandler) customers(ctx context.Context, run market.ErasureRun, running []market.Erasure) (change, error) {
	place := run.Place
	for range eraseQuiet {
		all, err := h.Customers.CustomersAfter(ctx, run.SellerID, place, eraseRead)
		if err != nil {
			return change{}, err
		}
		if len(all) == 0 {
			return change{to: after(run)}, nil
		}
		place = all[len(all)-1].ID
		found := found{}
		for _, c := range all {
			for _, e := range running {
				if isCustomer(e, c) {
					found.customer(e, c.ID)
					break
				}
			}
		}
		if len(found) > 0 {
			return change{at(run, place), h.eraseFound(found)}, nil
		}
	}
	return change{to: at(run, place)}, nil
}

// leads looks through the leads of a seller.
func (h RunErasuresHandler) leads(ctx context.Context, run market.ErasureRun, running []market.Erasure) (change, error) {
	place := run.Place
	for range eraseQuiet {
		all, err := h.Reader.HeldLeadsAfter(ctx, run.SellerID, place, eraseRead)
		if err != nil {
			return change{}, err
		}
		if len(all) == 0 {
			return change{to: after(run)}, nil
		}
		place = all[len(all)-1].ID
		found, err := h.whose(ctx, run.SellerID, all, running)
		if err != nil {
			return change{}, err
		}
		if len(found) > 0 {
			return change{at(run, place), h.eraseFound(found)}, nil
		}
	}
	return change{to: at(run, place)}, nil
}

// whose returns those of some leads that are of somebody who is looked for, with the customers that they became.
func (h RunErasuresHandler) whose(ctx context.Context, sellerID string, all []market.HeldLead, running []market.Erasure) (found, error) {
	var became []string
	for _, l := range all {
		if l.CustomerID != "" && !l.Erased {
			became = append(became, l.CustomerID)
		}
	}
	erasedBy, err := h.Reader.ErasedBy(ctx, sellerID, became)
	if err != nil {
		return nil, err
	}
	found := found{}
	for _, l := range all {
		if l.Erased {
			continue
		}
		for _, e := range running {
			if l.ID <= e.LastLead && (l.Holds(e.Person) || l.CustomerID != "" && (l.CustomerID == e.CustomerID || erasedBy[l.CustomerID] == e.ID)) {
				found.lead(e, l)
				break
			}
		}
	}
	return found, nil
}

// found is what is to be erased, by the erasure because of which.
type found map[string]*haul

type haul struct {
	of               market.Erasure
	leads, customers []string
}

func (f found) haul(e market.Erasure) *haul {
	if f[e.ID] == nil {
		f[e.ID] = &haul{of: e}
	}
	return f[e.ID]
}

func (f found) customer(e market.Erasure, id string) {
	h := f.haul(e)
	h.customers = append(h.customers, id)
}

func (f found) lead(e market.Erasure, l market.HeldLead) {
	h := f.haul(e)
	h.leads = append(h.leads, l.ID)
	if l.CustomerID != "" && !slices.Contains(h.customers, l.CustomerID) {
		h.customers = append(h.customers, l.CustomerID)
	}
}

// hauls returns what was found in the order of the ids of erasures.
func (f found) hauls() []*haul {
	out := make([]*haul, 0, len(f))
	for _, h := range f {
		slices.Sort(h.customers)
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b *haul) int { return strings.Compare(a.of.ID, b.of.ID) })
	return out
}

// eraseFound erases customers and then leads, as rows are locked everywhere.
func (h RunErasuresHandler) eraseFound(f found) func(ctx context.Context, tx market.Tx) error {
	now := h.Clock.Now()
	return func(ctx context.Context, tx market.Tx) error {
		for _, haul := range f.hauls() {
			if _, err := eraseCustomers(ctx, tx, haul.of, haul.customers, now); err != nil {
				return err
			}
		}
		for _, haul := range f.hauls() {
			leads, err := tx.LeadErasures().LockToErase(ctx, haul.of.SellerID, haul.leads)
			if err != nil {
				return err
			}
			reviews, err := eraseLeads(ctx, tx, haul.of, leads, now)
			if err != nil {
				return err
			}
			for _, r := range reviews {
				if r.CustomerID != "" && !slices.Contains(haul.customers, r.CustomerID) {
					return errMoved // it became a customer since it was read
				}
			}
		}
		return nil
	}
}

// mails takes back what is still to be sent to somebody, and forgets what is shown of the suppressions of whoever wants nothing: only their
// hashes stay, so that nothing is taken of the person later.
func mails(run market.ErasureRun, running []market.Erasure) change {
	return change{after(run), func(ctx context.Context, tx market.Tx) error {
		for _, e := range running {
			if err := forgetSuppressions(ctx, tx, e); err != nil {
				return err
			}
			email, _ := e.Person.Keys()
			if email == "" {
				continue
			}
			n, err := tx.MailErasures().DeleteMailsTo(ctx, e.SellerID, email)
			if err != nil {
				return err
			}
			if err := tx.Erasures().Count(ctx, e.SellerID, e.ID, market.ErasureCounts{Mails: int64(n)}); err != nil {
				return err
			}
		}
		return nil
	}}
}

// marks looks through the claims or the recent requests of a seller for those of erased leads.
func (h RunErasuresHandler) marks(ctx context.Context, run market.ErasureRun, kind market.MarkKind) (change, error) {
	place, err := hex.DecodeString(run.Place)
	if err != nil {
		return change{}, fmt.Errorf("place of the erasures of seller %s: %w", run.SellerID, err)
	}
	if len(place) == 0 {
		place = nil
	}
	for range eraseQuiet {
		all, err := h.Reader.MarksAfter(ctx, kind, run.SellerID, place, eraseRead)
		if err != nil {
			return change{}, err
		}
		if len(all) == 0 {
			return change{to: after(run)}, nil
		}
		place = slices.Clone(all[len(all)-1].Key[:])
		var leads []string
		for _, m := range all {
			leads = append(leads, m.LeadID)
		}
		slices.Sort(leads)
		erasedBy, err := h.Reader.ErasedBy(ctx, run.SellerID, slices.Compact(leads))
		if err != nil {
			return change{}, err
		}
		counts := map[string]market.ErasureCounts{}
		all = slices.DeleteFunc(all, func(m market.Mark) bool { return erasedBy[m.LeadID] == "" })
		for _, m := range all {
			c := counts[erasedBy[m.LeadID]]
			if kind == market.MarkClaims {
				c.Claims++
			} else {
				c.Requests++
			}
			counts[erasedBy[m.LeadID]] = c
		}
		if len(all) > 0 {
			return change{at(run, hex.EncodeToString(place)), func(ctx context.Context, tx market.Tx) error {
				if err := tx.Erasures().DeleteMarks(ctx, kind, run.SellerID, all); err != nil {
					return err
				}
				return count(ctx, tx, run.SellerID, counts)
			}}, nil
		}
	}
	return change{to: at(run, hex.EncodeToString(place))}, nil
}

// answers looks through the stored responses to requests of a seller's keys for those about erased leads and customers.
func (h RunErasuresHandler) answers(ctx context.Context, run market.ErasureRun) (change, error) {
	place, err := placeOfAnswer(run)
	if err != nil {
		return change{}, err
	}
	for range eraseQuiet {
		all, err := h.Answers.AnswersAfter(ctx, run.SellerID, place, eraseRead)
		if err != nil {
			return change{}, err
		}
		if len(all) == 0 {
			return change{to: after(run)}, nil
		}
		place = all[len(all)-1]
		var about []string
		for _, a := range all {
			about = append(about, a.About...)
		}
		slices.Sort(about)
		counts := map[string]market.ErasureCounts{}
		var gone []application.AnswerRef
		for ids := range slices.Chunk(slices.Compact(about), 2*eraseRead) {
			erasedBy, err := h.Reader.ErasedBy(ctx, run.SellerID, ids)
			if err != nil {
				return change{}, err
			}
			all = slices.DeleteFunc(all, func(a application.AnswerRef) bool {
				for _, id := range a.About {
					if by := erasedBy[id]; by != "" {
						c := counts[by]
						c.Answers++
						counts[by] = c
						gone = append(gone, a)
						return true
					}
				}
				return false
			})
		}
		if len(gone) > 0 {
			return change{at(run, place.KeyID+" "+hex.EncodeToString(place.Hash[:])), func(ctx context.Context, tx market.Tx) error {
				if err := tx.AnswerErasures().DeleteAnswers(ctx, run.SellerID, gone); err != nil {
					return err
				}
				return count(ctx, tx, run.SellerID, counts)
			}}, nil
		}
	}
	return change{to: at(run, place.KeyID+" "+hex.EncodeToString(place.Hash[:]))}, nil
}

func placeOfAnswer(run market.ErasureRun) (place application.AnswerRef, err error) {
	if run.Place == "" {
		return place, nil
	}
	key, hash, _ := strings.Cut(run.Place, " ")
	b, err := hex.DecodeString(hash)
	if err != nil || len(b) != len(place.Hash) {
		return place, fmt.Errorf("place of the erasures of seller %s: %q", run.SellerID, run.Place)
	}
	place.KeyID = key
	copy(place.Hash[:], b)
	return place, nil
}

// count adds to the counts of erasures, in the order of their ids.
func count(ctx context.Context, tx market.Tx, sellerID string, counts map[string]market.ErasureCounts) error {
	ids := make([]string, 0, len(counts))
	for id := range counts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := tx.Erasures().Count(ctx, sellerID, id, counts[id]); err != nil {
			return err
		}
	}
	return nil
}
