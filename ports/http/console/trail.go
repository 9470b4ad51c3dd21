package consolehttp

import (
	accountquery "github.com/leadmill/leadmill/application/account/query"

	"github.com/leadmill/leadmill/application"
)

// Trail is who changed one thing, the latest first, for those who may know.
type Trail struct {
	*Visit

	Object  string
	Changes []accountquery.AuditEntry
	More    bool
	Shown   bool
}

// Trail is the end of the audit trail of a thing; a viewer is not told of it. Errors: those of the query.
func (v *Visit) Trail(id string) (Trail, error) {
	t := Trail{Visit: v, Object: id, Shown: id != "" && v.Person.Actor.Role.Includes(application.Operator)}
	if !t.Shown {
		return t, nil
	}
	list, err := Ask[application.List[accountquery.AuditEntry]](v, accountquery.AuditTrail{Actor: v.Who(), Object: id, Page: application.Page{Limit: fewRows, Number: 1}})
	t.Changes, t.More = list.Items, list.Next != ""
	return t, err
}
