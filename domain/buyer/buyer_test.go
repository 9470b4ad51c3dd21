package buyer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/calendar"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/quota"
)

const most money.Micros = 9_000_000_000_000_000

var (
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	later = now.Add(time.Hour)
)

func fields(err error) []string {
	if e := fault.As(err); e != nil {
		return e.Fields()
	}
	return nil
}

func best(t require.TestingT) *buyer.Buyer {
	b, err := buyer.New("buyer_1", "seller_1", buyer.Details{Name: new(" Best Insurance "), Email: new("Leads@best.example"), TimeZone: new("America/New_York"), CreditLimit: new(money.Micros(50))}, now)
	require.NoError(t, err)
	return b
}

func TestNew(t *testing.T) {
	t.Parallel()
	b := best(t)
	assert.Equal(t, buyer.Snapshot{
		ID: "buyer_1", SellerID: "seller_1", Name: "Best Insurance", Email: "Leads@best.example", Status: buyer.StatusActive,
		TimeZone: "America/New_York", CreditLimit: 50, CreatedAt: now, UpdatedAt: now, Version: 1,
	}, b.Snapshot())
	assert.Equal(t, []event.Event{buyer.Created{BuyerID: "buyer_1", At: now}}, b.Pending())
	assert.Len(t, b.Pending(), 1, "reading does not clear")
	assert.Equal(t, "America/New_York", b.TimeZone())

	_, err := buyer.New("buyer_1", "seller_1", buyer.Details{}, now)
	require.ErrorIs(t, err, fault.ErrValidation)
	assert.Equal(t, []string{"name"}, fields(err))
	_, err = buyer.New("buyer_1", "seller_1", buyer.Details{Name: new(" "), Email: new("x"), TimeZone: new("Local"), CreditLimit: new(money.Micros(-1))}, now)
	assert.Equal(t, []string{"name", "email", "time_zone", "credit_limit"}, fields(err))
	_, err = buyer.New("buyer_1", "seller_1", buyer.Details{Name: new(strings.Repeat("x", 201)), CreditLimit: new(most + 1)}, now)
	assert.Equal(t, []string{"name", "credit_limit"}, fields(err))
	_, err = buyer.New("buyer_1", "seller_1", buyer.Details{Name: new("x"), CreditLimit: new(most)}, now)
	require.NoError(t, err)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	b := best(t)
	before := b.Snapshot()
	changed, err := b.Update(buyer.Details{Name: new("Other"), TimeZone: new("UTC"), Email: new("x")}, later)
	require.ErrorIs(t, err, fault.ErrValidation)
	assert.False(t, changed)
	assert.Equal(t, before, b.Snapshot(), "nothing changes when something is wrong")
	assert.Len(t, b.Pending(), 1)

	changed, err = b.Update(buyer.Details{Email: new("")}, later)
	require.NoError(t, err)
	assert.False(t, changed)
	want := before
	want.Email, want.UpdatedAt, want.Version = "", later, 2
	assert.Equal(t, want, b.Snapshot())

	changed, err = b.Update(buyer.Details{TimeZone: new("")}, later)
	require.NoError(t, err)
	assert.True(t, changed, "back to the seller's zone")
	assert.Equal(t, buyer.Updated{BuyerID: "buyer_1", At: later}, b.Pending()[2])
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	b := best(t)
	require.ErrorIs(t, b.Resume(later), buyer.ErrNotPaused)
	require.NoError(t, b.Pause(later))
	assert.Equal(t, buyer.StatusPaused, b.Status())
	require.ErrorIs(t, b.Pause(later), buyer.ErrAlreadyPaused)
	require.NoError(t, b.Resume(later))
	assert.Equal(t, buyer.StatusActive, b.Status())
	assert.Equal(t, []event.Event{buyer.Created{BuyerID: "buyer_1", At: now}, buyer.Paused{BuyerID: "buyer_1", At: later}, buyer.Resumed{BuyerID: "buyer_1", At: later}}, b.Pending())
	assert.Equal(t, int64(3), b.Version())
	assert.Equal(t, later, b.Snapshot().UpdatedAt)
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]event.Event{
		"buyer.created": buyer.Created{}, "buyer.updated": buyer.Updated{}, "buyer.paused": buyer.Paused{},
		"buyer.resumed": buyer.Resumed{}, "buyer.funded": buyer.Funded{}, "buyer.withdrawn": buyer.Withdrawn{},
		"buyer.balance_low": buyer.BalanceLow{},
	} {
		assert.Equal(t, want, e.EventType())
	}
}

func TestMoney(t *testing.T) {
	t.Parallel()
	b := best(t)
	e, err := b.Deposit("entry_1", 100, "wire 42", later)
	require.NoError(t, err)
	assert.Equal(t, buyer.Entry{ID: "entry_1", SellerID: "seller_1", BuyerID: "buyer_1", Type: buyer.Deposit, Amount: 100, BalanceAfter: 100, Note: "wire 42", At: later}, e)
	assert.Equal(t, buyer.Funded{BuyerID: "buyer_1", EntryID: "entry_1", Amount: 100, BalanceAfter: 100, At: later}, b.Pending()[1])

	_, err = b.Withdraw("entry_x", 101, "", later)
	require.ErrorIs(t, err, buyer.ErrInsufficientBalance, "the credit cannot be taken out")
	e, err = b.Withdraw("entry_2", 40, "", later)
	require.NoError(t, err)
	assert.Equal(t, buyer.Entry{ID: "entry_2", SellerID: "seller_1", BuyerID: "buyer_1", Type: buyer.Withdrawal, Amount: -40, BalanceAfter: 60, At: later}, e)
	assert.Equal(t, buyer.Withdrawn{BuyerID: "buyer_1", EntryID: "entry_2", Amount: 40, BalanceAfter: 60, At: later}, b.Pending()[2])

	assert.True(t, b.CanPay(110), "balance and credit")
	assert.False(t, b.CanPay(111))
	_, err = b.Charge("entry_x", "sale_x", 111, later)
	require.ErrorIs(t, err, buyer.ErrInsufficientBalance)
	e, err = b.Charge("entry_3", "sale_1", 110, later)
	require.NoError(t, err)
	assert.Equal(t, buyer.Entry{ID: "entry_3", SellerID: "seller_1", BuyerID: "buyer_1", Type: buyer.SaleEntry, Amount: -110, BalanceAfter: -50, SaleID: "sale_1", At: later}, e)
	assert.Equal(t, money.Micros(-50), b.Balance())
	assert.False(t, b.CanPay(1))
	assert.True(t, b.CanPay(0))
	assert.Len(t, b.Entries(), 3, "what failed left no entry")
	assert.Len(t, b.Pending(), 3, "a charge is told by the lead's event")
}

func TestHeldMoneyIsNotSpent(t *testing.T) {
	t.Parallel()
	b := buyer.FromSnapshot(buyer.Snapshot{ID: "buyer_1", Status: buyer.StatusActive, Balance: 100, Held: 30, CreditLimit: 5})
	assert.True(t, b.CanPay(75))
	assert.False(t, b.CanPay(76))
	_, err := b.Withdraw("e", 71, "", now)
	require.ErrorIs(t, err, buyer.ErrInsufficientBalance)
	_, err = b.Withdraw("e", 70, "", now)
	require.NoError(t, err)
}

func TestMovementRules(t *testing.T) {
	t.Parallel()
	for _, amount := range []money.Micros{0, -1, most + 1} {
		for _, move := range []func(*buyer.Buyer) error{
			func(b *buyer.Buyer) error {
				_, err := b.Deposit("e", amount, strings.Repeat("n", 501), now)
				return err
			},
			func(b *buyer.Buyer) error { _, err := b.Withdraw("e", amount, "a\x00", now); return err },
		} {
			b := best(t)
			before := b.Snapshot()
			err := move(b)
			require.ErrorIs(t, err, fault.ErrValidation)
			assert.Equal(t, []string{"amount", "note"}, fields(err))
			assert.Equal(t, before, b.Snapshot())
			assert.Empty(t, b.Entries())
		}
	}
	b := best(t)
	_, err := b.Deposit("e1", most, "", now)
	require.NoError(t, err)
	_, err = b.Deposit("e2", 1, "", now)
	require.ErrorIs(t, err, buyer.ErrBalanceTooLarge)
	assert.Equal(t, most, b.Balance())
}

func TestFromSnapshotNeverValidates(t *testing.T) {
	t.Parallel()
	s := buyer.Snapshot{ID: "b", SellerID: "s", Name: "", Email: "no address", Status: "gone", TimeZone: "Gone/Zone", Balance: -1 << 60, Held: -5, CreditLimit: -7, CreatedAt: now, UpdatedAt: later, Version: 12}
	b := buyer.FromSnapshot(s)
	assert.Equal(t, s, b.Snapshot())
	assert.Empty(t, b.Pending())
	assert.Empty(t, b.Entries())
}

// The ledger compared with a naive model: the balance is the sum of the entries and never below minus the credit limit.
func TestLedgerModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := best(t)
		var sum money.Micros
		entries := 0
		t.Repeat(map[string]func(*rapid.T){
			"deposit": func(t *rapid.T) {
				n := money.Micros(rapid.Int64Range(-5, 100).Draw(t, "amount"))
				_, err := b.Deposit("e", n, "", now)
				require.Equal(t, n > 0, err == nil)
				if err == nil {
					sum += n
					entries++
				}
			},
			"withdraw": func(t *rapid.T) {
				n := money.Micros(rapid.Int64Range(-5, 100).Draw(t, "amount"))
				_, err := b.Withdraw("e", n, "", now)
				require.Equal(t, n > 0 && n <= sum, err == nil)
				if err == nil {
					sum -= n
					entries++
				}
			},
			"charge": func(t *rapid.T) {
				n := money.Micros(rapid.Int64Range(0, 100).Draw(t, "price"))
				_, err := b.Charge("e", "s", n, now)
				require.Equal(t, sum+50 >= n, err == nil)
				if err == nil {
					sum -= n
					entries++
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, sum, b.Balance())
				require.GreaterOrEqual(t, sum, money.Micros(-50))
				require.Len(t, b.Entries(), entries)
				var total money.Micros
				for _, e := range b.Entries() {
					total += e.Amount
					require.Equal(t, total, e.BalanceAfter)
				}
			},
		})
	})
}

// TestLowBalance tells each time the balance falls below the threshold, once until it was not below again, whatever it falls with.
func TestLowBalance(t *testing.T) {
	t.Parallel()
	b := best(t)
	_, err := b.Update(buyer.Details{LowBalance: &buyer.Threshold{On: true, At: -1}}, later)
	require.ErrorIs(t, err, fault.ErrValidation)
	_, err = b.Update(buyer.Details{LowBalance: &buyer.Threshold{On: true, At: 50}}, later)
	require.NoError(t, err)
	require.Equal(t, buyer.Threshold{On: true, At: 50}, buyer.FromSnapshot(b.Snapshot()).Snapshot().LowBalance)
	told := func() (low []buyer.BalanceLow) {
		for _, e := range b.Pending() {
			if e, ok := e.(buyer.BalanceLow); ok {
				low = append(low, e)
			}
		}
		return low
	}
	move := func(id string, amount money.Micros) {
		t.Helper()
		var err error
		if amount > 0 {
			_, err = b.Deposit(id, amount, "", later)
		} else {
			_, err = b.Charge(id, "sale", -amount, later)
		}
		require.NoError(t, err)
	}
	require.Empty(t, told(), "a balance that was low before nobody set a threshold is not told")
	move("a", 100)
	move("b", -50)
	require.Empty(t, told(), "50 is not below 50")
	move("c", -1)
	require.Equal(t, []buyer.BalanceLow{{BuyerID: "buyer_1", EntryID: "c", Balance: 49, LowBalance: 50, At: later}}, told())
	move("d", -10)
	move("e", 5)
	move("f", -5)
	require.Len(t, told(), 1, "it was below all the time")
	move("g", 11)
	_, err = b.Withdraw("h", 20, "", later)
	require.NoError(t, err)
	require.Len(t, told(), 2)
	_, err = b.Update(buyer.Details{LowBalance: &buyer.Threshold{}}, later)
	require.NoError(t, err)
	move("i", 100)
	move("j", -100)
	require.Len(t, told(), 2, "without a threshold nothing is low")
}

func TestCapsOfABuyer(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b, err := buyer.New("buyer_1", "seller_1", buyer.Details{Name: new("B")}, at)
	require.NoError(t, err)
	assert.False(t, b.CountIn("America/Chicago", at), "without caps there is nothing to count")
	_, err = b.Update(buyer.Details{Caps: &[]quota.Cap{{Window: calendar.Day, HasLeads: true, Leads: 1}, {Window: calendar.Day, HasLeads: true, Leads: 2}}}, at)
	require.Equal(t, []string{"caps.1.window"}, fault.As(err).Fields())
	_, err = b.Update(buyer.Details{Caps: &[]quota.Cap{{Window: calendar.Month, HasBudget: true, Budget: 5}, {Window: calendar.Day, HasLeads: true, Leads: 1}}}, at)
	require.NoError(t, err)
	assert.True(t, b.CountIn("America/Chicago", at))
	spans := b.Spans(at)
	require.Len(t, spans, 2)
	assert.Equal(t, []string{"day:2026-01-01", "month:2026-01"}, []string{spans[0].Key, spans[1].Key}, "in the seller's zone")
	limit, ok := b.Cap(calendar.Month)
	assert.True(t, ok)
	assert.Equal(t, quota.Cap{Window: calendar.Month, HasBudget: true, Budget: 5}, limit)
	_, err = b.Update(buyer.Details{TimeZone: new("Asia/Tokyo")}, at)
	require.NoError(t, err)
	assert.True(t, b.CountIn("America/Chicago", at), "its own zone goes before the seller's")
	assert.Equal(t, "day:2026-01-02", b.Spans(at)[0].Key)
	events := len(b.Pending())
	assert.False(t, b.Rezone("Europe/Berlin", at))
	_, err = b.Update(buyer.Details{TimeZone: new("")}, at)
	require.NoError(t, err)
	assert.True(t, b.Rezone("Europe/Berlin", at))
	assert.Len(t, b.Pending(), events+2)
	_, err = b.Update(buyer.Details{Caps: &[]quota.Cap{}}, at)
	require.NoError(t, err)
	assert.Empty(t, b.Spans(at))
	assert.Empty(t, b.Snapshot().CapZone)
}

func TestPortal(t *testing.T) {
	t.Parallel()
	b := best(t)
	assert.Equal(t, buyer.Portal{}, b.Portal(), "nothing is allowed at first")
	_, err := b.Update(buyer.Details{Portal: &buyer.Portal{ChangeCaps: true}}, later)
	require.NoError(t, err)
	_, err = b.Update(buyer.Details{Name: new("Same")}, later)
	require.NoError(t, err)
	assert.Equal(t, buyer.Portal{ChangeCaps: true}, b.Portal())
	assert.Equal(t, b.Portal(), buyer.FromSnapshot(b.Snapshot()).Portal())
	_, err = b.Update(buyer.Details{Portal: &buyer.Portal{PauseContracts: true}}, later)
	require.NoError(t, err)
	assert.Equal(t, buyer.Portal{PauseContracts: true}, b.Portal())
}
