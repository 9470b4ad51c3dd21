package apptest

import (
	"maps"
	"testing"
)

// addBuyers gives the first buyer people, who may do all that a seller can let them do.
func (d *ConsoleData) addBuyers(t testing.TB) {
	t.Helper()
	d.Program.Must(t, "PUT", "/v1/buyers/"+d.BuyerIDs[0], Object{"portal": Object{"pause_contracts": true, "change_caps": true}})
	d.SignIn(t, "owner")
	invited := d.invite(t, "buyer", "invited-buyer@"+d.Slug+".example")
	maps.Copy(d.Examples, map[string]string{
		"/console/buyers/:id/people/:person": "/console/buyers/" + d.BuyerIDs[0] + "/people/" + invited.PersonID,
		"/buyer/leads/:id":                   "/buyer/leads/" + d.SaleTo(t, d.BuyerIDs[0]),
		"/buyer/contracts/:id":               "/buyer/contracts/" + d.ContractIDs[0],
	})
}

// SaleTo returns the id of the newest sale to a buyer.
func (d *ConsoleData) SaleTo(t testing.TB, buyerID string) string {
	t.Helper()
	return text(t, d.Program.Must(t, "GET", "/v1/sales?buyer="+buyerID, nil).List(t)[0]["id"])
}
