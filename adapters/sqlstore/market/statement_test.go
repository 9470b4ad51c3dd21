package market_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	marketstore "github.com/leadmill/leadmill/adapters/sqlstore/market"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// stated is a statement as it was told.
type stated struct {
	marketquery.StatementOpening
	marketquery.StatementClosing

	entries []marketquery.LedgerEntry
}

func state(ctx context.Context, r *marketstore.Reader, buyerID, month string) (s stated, err error) {
	s.StatementClosing, err = marketquery.StatementHandler{Reader: r}.Handle(ctx, marketquery.Statement{
		Actor: application.Actor{SellerID: "seller_1"}, BuyerID: buyerID, Month: month,
		Begin: func(o marketquery.StatementOpening) error {
			s.StatementOpening = o
			return nil
		},
		Entry: func(e marketquery.LedgerEntry) error {
			s.entries = append(s.entries, e)
			return nil
		},
	})
	return s, err
}

func entryID(at time.Time, number int) string {
	var id ulid.ULID
	if err := errors.Join(id.SetTime(ulid.Timestamp(at)), id.SetEntropy(fmt.Appendf(nil, "%010d", number))); err != nil {
		panic(err)
	}
	return "entry_" + id.String()
}

// TestStatementsChain: whatever was booked when, the statements of months that follow one another add up to the ledger: each opens with what the
// one before closed with, the first with nothing, the last with the balance, and every entry is in one of them.
func TestStatementsChain(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				return tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "ABCD1234", "slug"))
			})
			r := marketstore.NewReader(h.DB, standing{})
			buyers, entries := 0, 0
			rapid.Check(t, func(rt *rapid.T) {
				buyers++
				id := fmt.Sprint("buyer_", buyers)
				zone := rapid.SampledFrom([]string{"", "America/Chicago", "Pacific/Kiritimati", "UTC"}).Draw(rt, "zone")
				b, err := buyer.New(id, "seller_1", buyer.Details{Name: new("Buyer"), TimeZone: &zone, CreditLimit: new(money.Micros(1_000_000_000))}, noon)
				require.NoError(rt, err)
				// Around the ends of three months, in any order, by instances whose clocks differ.
				for range rapid.IntRange(0, 12).Draw(rt, "entries") {
					entries++
					end := time.Date(2026, time.Month(rapid.IntRange(1, 4).Draw(rt, "month")), 1, 0, 0, 0, 0, time.UTC)
					at := end.Add(time.Duration(rapid.IntRange(-20*60, 20*60).Draw(rt, "minutes")) * time.Minute)
					entry := entryID(at.Add(time.Duration(rapid.IntRange(-60, 60).Draw(rt, "skew"))*time.Minute), entries)
					amount := money.Micros(rapid.Int64Range(1, 5_000_000).Draw(rt, "amount"))
					switch rapid.SampledFrom([]string{"deposit", "sale", "sale", "withdrawal"}).Draw(rt, "type") {
					case "deposit":
						_, err = b.Deposit(entry, amount, "", at)
					case "sale":
						_, err = b.Charge(entry, fmt.Sprint("sale_", entries), amount, at)
					default:
						_, err = b.Withdraw(entry, amount, "", at)
					}
					if !errors.Is(err, buyer.ErrInsufficientBalance) {
						require.NoError(rt, err)
					}
				}
				booked := len(b.Entries())
				require.NoError(rt, h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Buyers().Add(ctx, b) }))
				told := map[string]bool{}
				var closing money.Micros
				for month := time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC); month.Year() < 2026 || month.Month() < 6; month = month.AddDate(0, 1, 0) {
					s, err := state(t.Context(), r, id, month.Format("2006-01"))
					require.NoError(rt, err)
					require.Equal(rt, closing, s.Opening, "%s opens with what the month before closed with", month.Format("2006-01"))
					var sum, totals money.Micros
					for _, e := range s.entries {
						require.False(rt, told[e.ID], "%s is told twice", e.ID)
						told[e.ID] = true
						sum += e.Amount
						require.False(rt, e.CreatedAt.Before(s.From) || !e.CreatedAt.Before(s.To))
					}
					for _, total := range s.Totals {
						totals += total.Amount
					}
					require.Equal(rt, s.Opening+sum, s.Closing)
					require.Equal(rt, sum, totals)
					closing = s.Closing
				}
				require.Equal(rt, b.Balance(), closing)
				require.Len(rt, told, booked)
			})
		})
	}
}

// TestStatementOfSales names the leads, in the zone of the buyer.
func TestStatementOfSales(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			r := marketstore.NewReader(h.DB, standing{})
			at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC) // still February in Chicago
			b, err := buyer.New("buyer_1", "seller_1", buyer.Details{Name: new("Buyer"), TimeZone: new("America/Chicago")}, noon)
			require.NoError(t, err)
			_, err = b.Deposit(entryID(at, 1), 2_500_000, "wire", at)
			require.NoError(t, err)
			_, err = b.Charge(entryID(at, 2), "sale_1", 1_000_000, at.Add(time.Second))
			require.NoError(t, err)
			_, err = b.Charge(entryID(at.Add(4*time.Hour), 3), "sale_2", 1_000_000, at.Add(4*time.Hour))
			require.NoError(t, err)
			n := sqlstoretest.NewLead("lead_1", "campaign_1").Snapshot()
			n.Status, n.Sales = lead.StatusSold, []lead.Sale{{ID: "sale_1", ContractID: "contract_1", BuyerID: "buyer_1", Price: 1_000_000, Currency: "USD", Status: lead.SaleCaptured, At: at}}
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error {
				return errors.Join(tx.Sellers().Add(ctx, sqlstoretest.NewSeller(t, "seller_1", "ABCD1234", "slug")), tx.Buyers().Add(ctx, b),
					tx.Leads().AddAll(ctx, []application.StoredLead{{Lead: lead.FromSnapshot(n)}}))
			})
			s, err := state(ctx, r, "buyer_1", "2026-02")
			require.NoError(t, err)
			require.Equal(t, "America/Chicago", s.TimeZone)
			require.Len(t, s.entries, 2)
			require.Equal(t, "lead_1", s.entries[1].LeadID)
			require.Equal(t, []marketquery.StatementTotal{{Type: "deposit", Entries: 1, Amount: 2_500_000}, {Type: "sale", Entries: 1, Amount: -1_000_000}}, s.Totals)
			require.EqualValues(t, 1_500_000, s.Closing)
			ledger, err := r.Ledger(ctx, marketquery.Ledger{Actor: application.Actor{SellerID: "seller_1"}, BuyerID: "buyer_1", Page: application.Page{Limit: 5, Number: 1}})
			require.NoError(t, err)
			require.Equal(t, []string{"", "lead_1", ""}, []string{ledger.Items[0].LeadID, ledger.Items[1].LeadID, ledger.Items[2].LeadID})

			for _, month := range []string{"", "2026", "2026-13", "2026-1", "26-01", "2026-02-01", "0000-01", "9999-12"} {
				_, err := state(ctx, r, "buyer_1", month)
				require.Equal(t, []string{"month"}, fault.As(err).Fields(), month)
			}
			_, err = state(ctx, r, "nobody", "2026-02")
			require.ErrorIs(t, err, buyer.ErrNotFound)
			_, err = state(ctx, r, strings.ToUpper("buyer_1"), "2026-02")
			require.ErrorIs(t, err, buyer.ErrNotFound)
		})
	}
}

// TestStatementsBeginWithTheMonth: where a month begins with an hour that does not exist, the one before ends, and the month begins, behind it.
func TestStatementsBeginWithTheMonth(t *testing.T) {
	t.Parallel()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h, ctx := sqlstoretest.New(t, migrated.URL(t, e)), t.Context()
			r := marketstore.NewReader(h.DB, standing{})
			begins := time.Date(2023, 10, 1, 4, 0, 0, 0, time.UTC) // 1:00 in Asuncion, where it is 23:59 a minute before
			b, err := buyer.New("buyer_1", "seller_1", buyer.Details{Name: new("Buyer"), TimeZone: new("America/Asuncion")}, noon)
			require.NoError(t, err)
			_, err = b.Deposit(entryID(begins.Add(-time.Minute), 1), 1_000_000, "September", begins.Add(-time.Minute))
			require.NoError(t, err)
			_, err = b.Deposit(entryID(begins, 2), 3_000_000, "October", begins)
			require.NoError(t, err)
			h.Do(t, func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Buyers().Add(ctx, b) })
			for month, want := range map[string]struct {
				from, to         time.Time
				opening, closing money.Micros
			}{
				"2023-09": {time.Date(2023, 9, 1, 4, 0, 0, 0, time.UTC), begins, 0, 1_000_000},
				"2023-10": {begins, time.Date(2023, 11, 1, 3, 0, 0, 0, time.UTC), 1_000_000, 4_000_000},
			} {
				s, err := state(ctx, r, "buyer_1", month)
				require.NoError(t, err)
				require.Equal(t, []time.Time{want.from, want.to}, []time.Time{s.From.UTC(), s.To.UTC()}, month)
				require.Equal(t, []money.Micros{want.opening, want.closing}, []money.Micros{s.Opening, s.Closing}, month)
				require.Equal(t, month, s.From.Format("2006-01"), "a page shows the month's own date")
			}
		})
	}
}
