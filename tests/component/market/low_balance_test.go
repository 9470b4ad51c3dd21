package market_test

import (
	"strings"
	"testing"

	"github.com/leadmill/leadmill"
	"github.com/leadmill/leadmill/tests/component/apptest"
)

// TestABuyerIsToldOfALowBalance: the sale that takes the balance below the threshold is told once, in an event and in a mail; a buyer who was funded
// is told again, and one without a threshold never.
func TestABuyerIsToldOfALowBalance(t *testing.T) {
	t.Parallel()
	apptest.EachEngine(t, func(t *testing.T, databaseURL string) {
		app := apptest.Start(t, databaseURL, leadmill.StartOptions{})
		s := apptest.NewShop(t, app, apptest.Object{}, apptest.Buyer{Deposit: 100, Contract: apptest.Object{"price": 10.00}})
		buyer := "/v1/buyers/" + s.BuyerIDs[0]
		d := apptest.Open(t, databaseURL)
		sell := func(n int) {
			t.Helper()
			for range n {
				if l := s.Sell(t, s.Form()); l.Status != "sold" {
					t.Fatalf("answered %+v, want sold", l)
				}
			}
		}
		told := func() int { return len(d.Events("buyer.balance_low.v1")) }
		sell(1)
		set := s.Program.Must(t, "PUT", buyer, apptest.Object{"low_balance": 75.00, "email": "leads@best.example"})
		if !strings.Contains(string(set.Body), `"low_balance":75.00`) {
			t.Errorf("answered %s", set.Body)
		}
		sell(1)
		if n := told(); n != 0 {
			t.Errorf("%d events at 80", n)
		}
		sell(3)
		if n := told(); n != 1 {
			t.Errorf("%d events at 50, want 1", n)
		}
		mails := app.Mails.WaitFor(t, 1, "leads@best.example")
		if !strings.Contains(mails[0].Text, "which is below 75.00 USD") || !strings.Contains(mails[0].Subject, "is low") {
			t.Errorf("mail %+v", mails[0])
		}
		s.Deposit(t, s.BuyerIDs[0], 30)
		s.Program.Must(t, "POST", buyer+"/withdrawals", apptest.Object{"amount": 10.00})
		app.Mails.WaitFor(t, 2, "leads@best.example")
		s.Program.Must(t, "PUT", buyer, apptest.Object{"low_balance": nil})
		s.Deposit(t, s.BuyerIDs[0], 30)
		sell(5)
		d.Settle()
		if n := told(); n != 2 {
			t.Errorf("%d events, want 2", n)
		}
		if mails := app.Mails.To(t, "leads@best.example"); len(mails) != 2 {
			t.Errorf("%d mails, want 2", len(mails))
		}
		d.Audit()
	})
}
