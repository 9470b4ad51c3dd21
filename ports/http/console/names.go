package consolehttp

import (
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/fault"
)

// named is how many buyers and campaigns are read for their names; those of others are asked for one by one.
const named = application.MaxLimit

// buyerNames returns the name of a buyer by its id: the id itself for one that is not there.
func (v *Visit) buyerNames() (func(id string) string, []marketquery.Buyer, error) {
	list, err := Ask[application.List[marketquery.Buyer]](v, marketquery.Buyers{Actor: v.Who(), Page: application.Page{Limit: named, Number: 1}})
	if err != nil {
		return nil, nil, err
	}
	names := map[string]string{}
	for _, b := range list.Items {
		names[b.ID] = b.Name
	}
	return func(id string) string {
		if name, known := names[id]; known || id == "" {
			return name
		}
		names[id] = id
		if b, err := Ask[marketquery.Buyer](v, marketquery.BuyerByID{Actor: v.Who(), ID: id}); err == nil {
			names[id] = b.Name
		}
		return names[id]
	}, list.Items, nil
}

// campaigns returns the seller's newest campaigns, of which most sellers have few.
func (v *Visit) campaigns() ([]marketquery.Campaign, error) {
	list, err := Ask[application.List[marketquery.Campaign]](v, marketquery.Campaigns{Actor: v.Who(), Page: application.Page{Limit: named, Number: 1}})
	return list.Items, err
}

// isFound reports whether an error says that there is something, and passes on all but that there is nothing.
func isFound(err error) (found bool, other error) {
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}
