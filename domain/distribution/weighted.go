package distribution

import (
	"cmp"
	"slices"

	"github.com/leadmill/leadmill/domain/lead"
)

// RoundRobin asks the contract with the least recent win first.
type RoundRobin struct{}

// Code implements Strategy.
func (RoundRobin) Code() string { return "round_robin" }

// Order implements Strategy.
func (RoundRobin) Order() int { return 2 }

// Rank implements Strategy.
func (RoundRobin) Rank(_ lead.Facts, c []Candidate) []Candidate {
	return sorted(c, leastRecent)
}

// Weighted shares each lead out among the contracts that can take it: each is due a part of the lead by its weight, and the one that is
// due most takes it whole. So of 5 : 3 : 2 that take the same leads each ten are evenly spread, and whichever contracts can take which
// leads, each has won what it was due, give or take as many leads as there are other contracts. What a contract cannot take it is not due: one
// that is new, or could not take leads for a time, makes up for nothing.
//
// A strategy that embeds Weighted gets the turns too.
type Weighted struct{}

// Code implements Strategy.
func (Weighted) Code() string { return "weighted" }

// Order implements Strategy.
func (Weighted) Order() int { return 3 }

// Rank implements Strategy.
func (Weighted) Rank(_ lead.Facts, c []Candidate) []Candidate {
	return sorted(c, byTurn)
}

func (Weighted) takesTurns() {}

// takesTurns reports whether the contracts of a strategy have turns.
func takesTurns(s Strategy) bool {
	_, ok := s.(interface{ takesTurns() })
	return ok
}

func byTurn(a, b *Candidate) int {
	if n := cmp.Compare(a.turn, b.turn); n != 0 {
		return n
	}
	return leastRecent(a, b)
}

// turnUnit is a whole lead in the turns of contracts. A turn is what a contract won less what it was due, so the least is first.
const turnUnit = 1_000_000_000

// answer is whether a contract can take the lead that is decided, before any other contract takes it.
type answer struct {
	reason string
	of     Owner
}

// dues finds out which contracts among those of places can take a lead, and sets their turns with what they are due of it.
func (b *Book) dues(a *Ask, places []int) {
	var weights int64
	for _, i := range places {
		l, of := &b.lines[i], &b.answers[i]
		of.reason, of.of = b.refusal(l, a, nil)
		b.offers[i].turn = l.total().Turn
		if of.reason == ReasonSold {
			weights += l.contract.Weight()
		}
	}
	for _, i := range places {
		if b.answers[i].reason == ReasonSold {
			b.offers[i].turn -= part(b.lines[i].contract.Weight(), weights)
		}
	}
}

// part is what a contract is due of a lead that contracts of some weights together can take.
func part(weight, weights int64) int64 { return turnUnit * weight / weights }

// settle moves the turns of the contracts that competed for a sale of the lead that was decided last: each was due a part, which the winner
// owes. The turns of all contracts together stay what they are, with whatever is rounded.
func (b *Book) settle(winner int) {
	at := slices.Index(b.asked, winner)
	if at < 0 {
		return
	}
	behind := b.asked[at:]
	var weights, owed int64
	for _, i := range behind {
		if b.competed(i, winner) {
			weights += b.lines[i].contract.Weight()
		}
	}
	for _, i := range behind {
		if !b.competed(i, winner) {
			continue
		}
		n, due := b.lines[i].total(), part(b.lines[i].contract.Weight(), weights)
		n.Turn, n.Turned = n.Turn-due, true
		owed += due
	}
	b.lines[winner].total().Turn += owed
}

// competed reports whether a contract that was asked with the winner of a sale, or would have been asked behind it, could have been the
// winner. It could not when its buyer has the lead by a sale before. Nor did it compete when it was its turn and a strategy of a team
// preferred another contract nevertheless: what is never asked would else be due ever more.
func (b *Book) competed(i, winner int) bool {
	if i == winner {
		return true
	}
	if b.answers[i].reason != ReasonSold || b.offers[i].turn < b.offers[winner].turn {
		return false
	}
	for n := range b.takers {
		if b.takers[n].ID() == b.lines[winner].contract.ID() {
			break
		}
		if b.takers[n].BuyerID() == b.lines[i].contract.BuyerID() {
			return false
		}
	}
	return true
}
