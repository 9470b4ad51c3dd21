package campaign

import "slices"

// Dedupe returns the rule by which the contract takes no lead of a person whom its buyer bought lately, by whichever contract of the
// campaign; the zero rule is none.
func (k Contract) Dedupe() Dedupe { return k.s.Dedupe }

// BuyerDedupes returns the different duplicate rules of the campaign's contracts by their buyer; nil when no contract has one.
func (c *Campaign) BuyerDedupes() (rules map[string][]Dedupe) {
	for i := range c.s.Contracts {
		k := &c.s.Contracts[i]
		if len(k.Dedupe.Fields) == 0 || k.Status == StatusDeleted {
			continue
		}
		this := k.Dedupe.rule()
		if slices.ContainsFunc(rules[k.BuyerID], func(d Dedupe) bool { return d.rule() == this }) {
			continue
		}
		if rules == nil {
			rules = map[string][]Dedupe{}
		}
		rules[k.BuyerID] = append(rules[k.BuyerID], k.Dedupe)
	}
	return rules
}
