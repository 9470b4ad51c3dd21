package command

import (
	"fmt"

	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/distribution"
	"github.com/leadmill/leadmill/domain/fault"
)

// checkFilter says what is wrong with the filter among terms, over the fields of a campaign; nil when it is right, or is not among them.
func checkFilter(filters distribution.Filters, c *campaign.Campaign, t *campaign.Terms) error {
	if t.Filter == nil || *t.Filter == "" {
		return nil
	}
	_, err := filters.Over(c.Rules()).Compile(*t.Filter)
	return err
}

// maxToldFilters is how many contracts are named whose filters a change of a campaign breaks.
const maxToldFilters = 10

// checkFilters says which contracts' filters a campaign's fields are not right for after a change of them or of the consent fields:
// fault.ErrValidation, which names them.
func checkFilters(filters distribution.Filters, c *campaign.Campaign, change campaign.Definition) error {
	member := "fields"
	if change.Fields == nil {
		member = "consent.required"
		if change.Consent == nil {
			return nil
		}
	}
	compiler, known := filters.Over(c.Rules()), map[string]error{}
	var v fault.Violations
	broken := 0
	for _, k := range c.Contracts() {
		text := k.Filter()
		if text == "" {
			continue
		}
		err, tried := known[text]
		if !tried {
			_, err = compiler.Compile(text)
			known[text] = err
		}
		if err == nil {
			continue
		}
		if broken++; broken <= maxToldFilters {
			why := "does not compile"
			if e := fault.As(err); e != nil {
				why = e.Message
			}
			v.Add(member, fault.InvalidValue, fmt.Sprintf("the filter of the contract %s needs them as they are: %s", k.ID(), why))
		}
	}
	if broken > maxToldFilters {
		v.Add(member, fault.InvalidValue, fmt.Sprintf("so do the filters of %d other contracts", broken-maxToldFilters))
	}
	return v.Err()
}
