package consolehttp

import (
	"strings"

	accountquery "github.com/leadmill/leadmill/application/account/query"

	"github.com/leadmill/leadmill/application"
)

type changesContent struct {
	*Visit

	Changes  application.List[accountquery.AuditEntry]
	Filtered bool
	Sheet    string
}

func askedChanges(v *Visit) accountquery.AuditTrail {
	return accountquery.AuditTrail{Actor: v.Who(), Object: cut(v.Query("object")), By: cut(v.Query("by"))}
}

// changes shows who changed what, the latest first.
func changes(v *Visit) {
	content := changesContent{Visit: v, Sheet: peoplePath + "/changes.csv"}
	for _, name := range []string{"object", "by"} {
		v.Form.Fill(name, v.Query(name))
		content.Filtered = content.Filtered || v.Query(name) != ""
	}
	if _, query, has := strings.Cut(v.Here(), "?"); has {
		content.Sheet += "?" + query
	}
	q := askedChanges(v)
	var err error
	if q.Page, err = v.Paged(); err == nil {
		content.Changes, err = Ask[application.List[accountquery.AuditEntry]](v, q)
	}
	if err != nil {
		v.Fail(err)
		return
	}
	v.Show("changes", content)
}

// Command says in words what a command did: UpdateContract is Update contract, CreateAPIKey is Create API key.
func (*Visit) Command(name string) string {
	var b strings.Builder
	capital := func(i int) bool { return i < len(name) && name[i] >= 'A' && name[i] <= 'Z' }
	for i := range len(name) {
		short := capital(i+1) || i+1 == len(name) // of several capital letters in turn
		if i == 0 || !capital(i) || capital(i-1) && short {
			b.WriteByte(name[i])
			continue
		}
		b.WriteByte(' ')
		if short {
			b.WriteByte(name[i])
		} else {
			b.WriteByte(name[i] + 'a' - 'A')
		}
	}
	return b.String()
}

// changesSheet answers the changes that were asked for as a file.
func changesSheet(v *Visit) {
	q := askedChanges(v)
	q.Page = application.Page{Limit: application.MaxLimit, Number: 1}
	list, err := Ask[application.List[accountquery.AuditEntry]](v, q)
	if err != nil {
		v.Fail(err)
		return
	}
	v.call.Extend(exportTime)
	s := v.Call().Sheet("changes.csv", "at", "person", "name", "email", "key", "key_name", "command", "objects", "address")
	for err == nil {
		for _, e := range list.Items {
			s.Time(e.At).Text(e.PersonID).Text(e.PersonName).Text(e.PersonEmail).Text(e.KeyID).Text(e.KeyName).Text(e.Command).Text(strings.Join(e.Objects, " ")).Text(e.Address)
			if err = s.Row(); err != nil {
				break
			}
		}
		if err != nil || list.Next == "" {
			break
		}
		q.Page.After = list.Next
		list, err = Ask[application.List[accountquery.AuditEntry]](v, q)
	}
	s.End(err)
}
