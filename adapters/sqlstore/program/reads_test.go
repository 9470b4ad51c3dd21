package program_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/adapters/sqlstore/sqlstoretest"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/dbtest/migrated"
)

// noon is the readers' now.
var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

type standing struct{}

// Now implements application.Clock.
func (standing) Now() time.Time { return noon }

// readings is a reader on a database with two sellers.
type readings struct {
	*programstore.Reader

	t *testing.T
	h *sqlstoretest.Harness
}

var (
	one = application.Actor{SellerID: "seller_1", SellerCode: "AAAA1111"}
	two = application.Actor{SellerID: "seller_2", SellerCode: "BBBB2222"}
)

func reading(t *testing.T, test func(t *testing.T, r *readings)) {
	t.Helper()
	for _, e := range dbtest.Engines() {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			h := sqlstoretest.New(t, migrated.URL(t, e))
			r := &readings{programstore.NewReader(h.DB, standing{}), t, h}
			for _, a := range []application.Actor{one, two} {
				terms := seller.DefaultProgram()
				if a == two {
					terms.LinkParameter, terms.CookieDays, terms.ManualApproval = "via", 7, true
				}
				s, err := seller.FromSnapshot(seller.Snapshot{
					ID: a.SellerID, Code: a.SellerCode, Slug: strings.ToLower(a.SellerCode),
					Name: "Program " + a.SellerCode, Currency: "USD", TimeZone: "UTC", Website: "https://" + a.SellerCode + ".example",
					Program: terms, CreatedAt: noon, UpdatedAt: noon,
				})
				require.NoError(t, err)
				r.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Sellers().Add(ctx, s) })
			}
			test(t, r)
		})
	}
}

func (r *readings) do(fn func(ctx context.Context, tx *sqlstore.Tx) error) {
	r.t.Helper()
	require.NoError(r.t, r.h.Store.Do(r.t.Context(), fn))
}

// partner stores a partner with what change makes of it.
func (r *readings) partner(a application.Actor, id string, at time.Time, change ...func(n *partner.Snapshot)) partner.Snapshot {
	r.t.Helper()
	n := partner.Snapshot{
		SellerID: a.SellerID, ID: id, Email: id + "@Example.com", EmailKey: strings.ToLower(id + "@example.com"), Name: "Ada " + id,
		Surname: "Byron", Status: partner.StatusActive, Approved: true, Keys: []string{"ref_" + id, "more_" + id}, Retired: []string{"old_" + id},
		Tags: []string{"vip"}, CustomFields: []partner.CustomField{{Name: "city", Value: "Bonn"}}, CreatedAt: at, UpdatedAt: at,
	}
	for _, c := range change {
		c(&n)
	}
	r.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		return tx.Partners().Add(ctx, partner.FromSnapshot(n))
	})
	return n
}

func status(s partner.Status) func(n *partner.Snapshot) {
	return func(n *partner.Snapshot) { n.Status = s }
}

func (r *readings) customer(a application.Actor, id, key, partnerID string, change ...func(n *customer.Snapshot)) {
	r.t.Helper()
	n := customer.Snapshot{
		SellerID: a.SellerID, ID: id, Key: key, Email: id + "@Example.com", EmailKey: strings.ToLower(id + "@example.com"),
		Name: "Bo", Surname: "Li", Status: customer.StatusActive, Attribution: customer.Attribution{PartnerID: partnerID, Policy: "explicit", At: noon},
		CreatedAt: noon, UpdatedAt: noon,
	}
	for _, c := range change {
		c(&n)
	}
	r.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		return tx.Customers().Add(ctx, customer.FromSnapshot(n))
	})
}

// activity adds to the read model.
func (r *readings) activity(partners map[programprojection.PartnerGroup]programprojection.PartnerDelta, days map[programprojection.ProgramDay]programprojection.ProgramDelta) {
	r.t.Helper()
	tx, err := r.h.DB.Writer.BeginTxx(r.t.Context(), nil)
	require.NoError(r.t, err)
	require.NoError(r.t, programstore.NewPartnerActivity(r.h.DB).Add(r.t.Context(), tx, partners, days))
	require.NoError(r.t, tx.Commit())
}

// statements counts what a read sends to the database.
func (r *readings) statements(read func()) int64 {
	var n atomic.Int64
	r.h.Faults.Outside(func(string) { n.Add(1) })
	read()
	r.h.Faults.Outside(nil)
	return n.Load()
}

func newest(limit int) application.Page { return application.Page{Limit: limit, Number: 1} }

func TestReadPartners(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ctx := t.Context()
		// partner_b and partner_c are of one moment; ids do not follow the time.
		first := r.partner(one, "partner_z", noon)
		r.partner(one, "partner_c", noon.Add(time.Second))
		r.partner(one, "partner_b", noon.Add(time.Second))
		r.partner(one, "Partner_A", noon.Add(2*time.Second), status(partner.StatusArchived))
		r.partner(one, "gone", noon.Add(3*time.Second), status(partner.StatusDeleted), func(n *partner.Snapshot) { n.Email, n.EmailKey = "", "" })
		r.partner(two, "partner_z", noon)
		r.activity(map[programprojection.PartnerGroup]programprojection.PartnerDelta{
			{SellerID: "seller_1", PartnerID: "partner_z"}: {Clicks: 3, Signups: 2, Leads: 1},
			{SellerID: "seller_2", PartnerID: "partner_z"}: {Clicks: 9, Signups: 9, Leads: 9},
		}, nil)

		list := func(q programquery.Partners) func(p application.Page) (application.List[programquery.Partner], error) {
			return func(p application.Page) (application.List[programquery.Partner], error) {
				q.Actor, q.Page = one, p
				return r.Partners(ctx, q)
			}
		}
		id := func(p programquery.Partner) string { return p.ID }
		all := []string{"Partner_A", "partner_c", "partner_b", "partner_z"}
		sqlstoretest.EveryWay(t, all, list(programquery.Partners{}), id)
		for filter, want := range map[programquery.Partners][]string{
			{ID: "artner_"}:                         all,
			{ID: "partner"}:                         all[1:], // another case
			{ID: "%"}:                               nil,
			{ID: "partner_z "}:                      nil,
			{ID: "é\x00"}:                           nil,
			{Key: "ore_partner_b"}:                  {"partner_b"},
			{Key: "é"}:                              nil,
			{Key: "old_"}:                           nil, // retired
			{Email: "PARTNER_C@example"}:            {"partner_c"},
			{Email: "deleted"}:                      nil,
			{ID: "partner", Key: "f_", Email: "b@"}: {"partner_b"},
			{Key: "ref_partner_%"}:                  nil,
			{Key: "\\", ID: "partner", Email: "日本"}: nil,
		} {
			assert.Equal(t, want, sqlstoretest.Walk(t, 2, false, list(filter), id), "%+v", filter)
		}
		var page application.List[programquery.Partner]
		assert.EqualValues(t, 3, r.statements(func() {
			var err error
			page, err = list(programquery.Partners{})(newest(250))
			require.NoError(t, err)
		}))
		want := programquery.PartnerOf(first)
		want.ReferralsCount = 2
		assert.Equal(t, want, page.Items[3])

		figures := func(q programquery.PartnerList) func(p application.Page) (application.List[programquery.PartnerDetail], error) {
			return func(p application.Page) (application.List[programquery.PartnerDetail], error) {
				q.Actor, q.Page = one, p
				return r.PartnerList(ctx, q)
			}
		}
		idOf := func(p programquery.PartnerDetail) string { return p.ID }
		sqlstoretest.EveryWay(t, all, figures(programquery.PartnerList{}), idOf)
		for filter, want := range map[programquery.PartnerList][]string{
			{Status: "archived"}:                    {"Partner_A"},
			{Status: "deleted"}:                     nil,
			{Search: "ore_partner_b"}:               {"partner_b"},
			{Search: "old_partner"}:                 nil, // retired
			{Search: "ref_"}:                        all,
			{Search: " PARTNER_C@example "}:         {"partner_c"},
			{Search: "a PARTNER_C byr"}:             {"partner_c"},
			{Search: "artner_", Status: "active"}:   all[1:],
			{Search: "%"}:                           nil,
			{Search: "日本"}:                          nil,
			{Search: "x", Status: "x' OR '1' = '1"}: nil,
		} {
			assert.Equal(t, want, sqlstoretest.Walk(t, 2, false, figures(filter), idOf), "%+v", filter)
		}
		assert.EqualValues(t, 3, r.statements(func() {
			found, err := figures(programquery.PartnerList{})(newest(250))
			require.NoError(t, err)
			assert.Equal(t, programquery.PartnerDetail{Partner: want, Clicks: 3, Signups: 2, Leads: 1}, found.Items[3])
		}))

		for _, cursor := range []string{"partner_z", "x partner_z", "1 ", "1 é", "1"} {
			_, err := list(programquery.Partners{})(application.Page{Limit: 1, Number: 2, After: cursor})
			require.ErrorIs(t, err, fault.ErrValidation, cursor)
		}
		second, err := list(programquery.Partners{})(application.Page{Limit: 2, Number: 2})
		require.NoError(t, err)
		assert.Equal(t, []string{"partner_b", "partner_z"}, []string{second.Items[0].ID, second.Items[1].ID}, "by number")

		for _, h := range []application.PartnerHandle{{ID: "partner_z"}, {Key: "more_partner_z"}, {Email: "Partner_Z@example.com"}} {
			d, err := r.PartnerByHandle(ctx, programquery.PartnerByHandle{Actor: one, Handle: h})
			require.NoError(t, err)
			assert.Equal(t, programquery.PartnerDetail{Partner: want, Clicks: 3, Signups: 2, Leads: 1}, d)
		}
		d, err := r.PartnerByHandle(ctx, programquery.PartnerByHandle{Actor: one, Handle: application.PartnerHandle{ID: "partner_b"}})
		require.NoError(t, err)
		assert.Zero(t, d.Signups+d.Clicks+d.Leads+d.ReferralsCount)
		for _, h := range []application.PartnerHandle{{ID: "gone"}, {Key: "ref_gone"}, {Key: "old_partner_z"}, {ID: "PARTNER_Z"}, {ID: "é"}} {
			_, err := r.PartnerByHandle(ctx, programquery.PartnerByHandle{Actor: one, Handle: h})
			require.ErrorIs(t, err, partner.ErrNotFound, "%+v", h)
		}
	})
}

func TestReadReferralLinks(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ctx := t.Context()
		r.partner(one, "a", noon)
		r.partner(one, "b", noon)
		r.partner(one, "gone", noon, status(partner.StatusDeleted))
		r.partner(two, "c", noon)
		list := func(h application.PartnerHandle, key string) func(p application.Page) (application.List[programquery.ReferralLink], error) {
			return func(p application.Page) (application.List[programquery.ReferralLink], error) {
				return r.ReferralLinks(ctx, programquery.ReferralLinks{Actor: one, Partner: h, Key: key, Page: p})
			}
		}
		key := func(l programquery.ReferralLink) string { return l.Key }
		sqlstoretest.EveryWay(t, []string{"ref_b", "ref_a", "more_b", "more_a"}, list(application.PartnerHandle{}, ""), key)
		sqlstoretest.EveryWay(t, []string{"ref_b", "more_b"}, list(application.PartnerHandle{Key: "more_b"}, ""), key)
		sqlstoretest.EveryWay(t, []string{"ref_b", "ref_a"}, list(application.PartnerHandle{}, "ref_"), key)
		assert.Empty(t, sqlstoretest.Walk(t, 5, false, list(application.PartnerHandle{}, "REF_"), key))
		for _, h := range []application.PartnerHandle{{ID: "gone"}, {ID: "c"}} {
			_, err := list(h, "")(newest(5))
			require.ErrorIs(t, err, partner.ErrNotFound)
		}
		for wanted, isDefault := range map[string]bool{"ref_a": true, "more_a": false} {
			l, err := r.ReferralLinkByKey(ctx, programquery.ReferralLinkByKey{Actor: one, Key: wanted})
			require.NoError(t, err)
			assert.Equal(t, programquery.ReferralLink{Key: wanted, PartnerID: "a", Default: isDefault}, l)
		}
		for _, k := range []string{"old_a", "ref_c", "ref_gone", "REF_a", "ref_a ", "é"} {
			_, err := r.ReferralLinkByKey(ctx, programquery.ReferralLinkByKey{Actor: one, Key: k})
			require.ErrorIs(t, err, partner.ErrLinkNotFound, k)
		}
	})
}

func TestReadCustomers(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ctx := t.Context()
		r.partner(one, "a", noon)
		r.partner(one, "b", noon)
		r.partner(one, "gone", noon, status(partner.StatusDeleted))
		r.customer(one, "customer_1", "Müller 100%", "a")
		r.customer(one, "customer_2", "müller", "b", func(n *customer.Snapshot) { n.Status = customer.StatusArchived })
		r.customer(one, "customer_3", "customer_1", "a") // its key is another one's id
		r.customer(one, "customer_4", "k_4", "gone")
		r.customer(one, "customer_5", "", "a", func(n *customer.Snapshot) {
			n.Status, n.DeletedAt, n.Email, n.EmailKey, n.Name, n.Surname = customer.StatusDeleted, noon, "", "", "", ""
		})
		r.customer(two, "customer_6", "müller", "a")
		r.customer(one, "customer_7", "k_7", "b", func(n *customer.Snapshot) { n.Email, n.EmailKey = "customer_4@example.com", "customer_4@example.com" })

		list := func(q programquery.Customers) func(p application.Page) (application.List[programquery.Customer], error) {
			return func(p application.Page) (application.List[programquery.Customer], error) {
				q.Actor, q.Page = one, p
				return r.Customers(ctx, q)
			}
		}
		id := func(c programquery.Customer) string { return strings.TrimPrefix(c.ID, "customer_") }
		sqlstoretest.EveryWay(t, []string{"7", "4", "3", "2", "1"}, list(programquery.Customers{}), id)
		sqlstoretest.EveryWay(t, []string{"3", "1"}, list(programquery.Customers{Partner: application.PartnerHandle{Key: "more_a"}}), id)
		for filter, want := range map[programquery.Customers][]string{
			{Key: "üller"}:         {"2", "1"},
			{Key: "M"}:             {"1"},
			{Key: "0%"}:            {"1"},
			{Key: "_"}:             {"7", "4", "3"},
			{Key: "%%"}:            nil,
			{ID: "customer_"}:      {"7", "4", "3", "2", "1"},
			{ID: "é"}:              nil,
			{Email: "CUSTOMER_4@"}: {"7", "4"},
			{Partner: application.PartnerHandle{ID: "gone"}}:       nil,
			{Partner: application.PartnerHandle{ID: "none"}}:       nil,
			{Partner: application.PartnerHandle{ID: "b"}, ID: "2"}: {"2"},
		} {
			assert.Equal(t, want, sqlstoretest.Walk(t, 2, false, list(filter), id), "%+v", filter)
		}
		_, err := list(programquery.Customers{})(application.Page{Limit: 1, Number: 2, After: "日"})
		require.ErrorIs(t, err, fault.ErrValidation)

		for _, c := range []struct {
			handle application.CustomerHandle
			want   string
		}{
			{application.CustomerHandle{Any: "customer_1"}, "customer_3"},
			{application.CustomerHandle{ID: "customer_1"}, "customer_1"},
			{application.CustomerHandle{Any: "customer_2"}, "customer_2"},
			{application.CustomerHandle{Any: "Customer_4@example.com"}, "customer_7"},
			{application.CustomerHandle{Email: "customer_2@example.com"}, "customer_2"},
			{application.CustomerHandle{Key: "müller"}, "customer_2"},
		} {
			got, err := r.CustomerByHandle(ctx, programquery.CustomerByHandle{Actor: one, Handle: c.handle})
			require.NoError(t, err, "%+v", c.handle)
			assert.Equal(t, c.want, got.ID, "%+v", c.handle)
		}
		for _, h := range []application.CustomerHandle{{Any: "customer_5"}, {ID: "customer_6"}, {Key: "MÜLLER"}, {Key: "müller "}, {Any: "none"}, {Key: ""}} {
			_, err := r.CustomerByHandle(ctx, programquery.CustomerByHandle{Actor: one, Handle: h})
			require.ErrorIs(t, err, customer.ErrNotFound, "%+v", h)
		}
	})
}

// form stores a form lead; offered ones are pending in the market.
func (r *readings) form(a application.Actor, number int64, partnerID string, offered bool, change ...func(l *lead.Lead) error) {
	r.t.Helper()
	id := fmt.Sprintf("lead_%s_%d", a.SellerCode, number)
	n := lead.FormSubmission{
		ID: id, SellerID: a.SellerID, SellerCode: a.SellerCode, PartnerID: partnerID, Number: number, Name: "Eve", Email: "eve@example.com",
		Answers: []lead.Answer{{ID: 89, Question: "Company", Answer: "Acme"}}, At: noon,
	}
	if offered {
		n.Offer = &lead.Offer{CampaignID: "campaign_1", Category: "Auto", Fields: field.Set{"email": field.TextValue("eve@example.com")}}
	}
	l, err := lead.SubmitForm(n)
	require.NoError(r.t, err)
	if offered {
		require.NoError(r.t, l.Wait(noon.Add(time.Hour), noon))
	}
	for _, c := range change {
		require.NoError(r.t, c(l))
	}
	r.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.FormLeads().Add(ctx, l) })
}

func TestReadFormLeads(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ctx := t.Context()
		usd := money.MustCurrency("USD")
		convert := func(customerID string) func(l *lead.Lead) error {
			return func(l *lead.Lead) error { return l.Convert(customerID, "key", nil, usd, noon) }
		}
		r.partner(one, "a", noon)
		r.partner(one, "gone", noon, status(partner.StatusDeleted), func(n *partner.Snapshot) { n.Name, n.Surname, n.Email, n.EmailKey = "", "", "", "" })
		r.customer(one, "customer_1", "k_1", "a")
		r.customer(one, "customer_2", "", "a", func(n *customer.Snapshot) {
			n.Status, n.Email, n.EmailKey, n.Name, n.Surname = customer.StatusDeleted, "", "", "", ""
		})
		r.form(one, 9, "a", false)
		r.form(one, 10, "a", true, convert("customer_1"))
		r.form(one, 11, "gone", false, func(l *lead.Lead) error { return l.RejectReview(noon) })
		r.form(one, 12, "a", true, func(l *lead.Lead) error { return l.Delete(noon) })
		r.form(one, 13, "a", false, func(l *lead.Lead) error { return l.Delete(noon) })
		r.form(one, 100, "a", false, convert("customer_2"))
		r.form(two, 1, "a", true)

		list := func(p application.Page) (application.List[programquery.FormLead], error) {
			return r.FormLeads(ctx, programquery.FormLeads{Actor: one, Page: p})
		}
		sqlstoretest.EveryWay(t, []string{"100", "11", "10", "9"}, list, func(l programquery.FormLead) string { return fmt.Sprint(l.Number) })
		_, err := list(application.Page{Limit: 1, Number: 2, After: "x"})
		require.ErrorIs(t, err, fault.ErrValidation)
		assert.EqualValues(t, 1, r.statements(func() { _, _ = list(newest(250)) }))

		for status, want := range map[string][]string{"submitted": {"9"}, "converted": {"100", "10"}, "rejected": {"11"}, "deleted": nil} {
			of := func(p application.Page) (application.List[programquery.FormLead], error) {
				return r.FormLeads(ctx, programquery.FormLeads{Actor: one, Status: status, Page: p})
			}
			assert.Equal(t, want, sqlstoretest.Walk(t, 1, false, of, func(l programquery.FormLead) string { return fmt.Sprint(l.Number) }), status)
			_, err := of(application.Page{Limit: 1, Number: 1, After: "x"})
			require.ErrorIs(t, err, fault.ErrValidation)
		}
		r.form(one, 100+programquery.MostReviewed, "a", false)
		found, err := r.FormLeads(ctx, programquery.FormLeads{Actor: one, Status: "converted", Page: newest(2)})
		require.NoError(t, err)
		assert.Empty(t, found.Items, "no more than so many are looked at")
		found, err = r.FormLeads(ctx, programquery.FormLeads{Actor: one, Status: "converted", Page: application.Page{Limit: 2, Number: 1, After: found.Next}})
		require.NoError(t, err)
		assert.Len(t, found.Items, 2)

		ada := programquery.Person{ID: "a", Name: "Ada a Byron", Email: "a@Example.com"}
		base := programquery.FormLead{Name: "Eve", Email: "eve@example.com", Answers: []lead.Answer{{ID: 89, Question: "Company", Answer: "Acme"}}, CreatedAt: noon}
		for number, change := range map[int64]func(l *programquery.FormLead){
			9:  func(l *programquery.FormLead) { l.Status, l.Submitter = "submitted", ada },
			11: func(l *programquery.FormLead) { l.Status, l.Submitter = "rejected", programquery.Person{ID: "gone"} },
			10: func(l *programquery.FormLead) {
				l.Status, l.MarketStatus, l.Submitter = "converted", "pending", ada
				l.ConvertedTo = &programquery.Person{ID: "k_1", Name: "Bo Li", Email: "customer_1@Example.com"}
			},
			100: func(l *programquery.FormLead) {
				l.Status, l.Submitter, l.ConvertedTo = "converted", ada, &programquery.Person{ID: "customer_2"}
			},
		} {
			want := base
			want.Number, want.LeadID = number, fmt.Sprintf("lead_AAAA1111_%d", number)
			change(&want)
			got, err := r.FormLeadByNumber(ctx, programquery.FormLeadByNumber{Actor: one, Number: number})
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		for _, number := range []int64{12, 1, 0, -1} {
			_, err := r.FormLeadByNumber(ctx, programquery.FormLeadByNumber{Actor: one, Number: number})
			require.ErrorIs(t, err, lead.ErrNotFound, number)
		}
	})
}

func TestReadOwnFormLeads(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ctx := t.Context()
		for _, a := range []application.Actor{one, two} {
			r.partner(a, "a", noon)
			r.partner(a, "b", noon)
		}
		for number := range int64(7) { // the even ones are a's
			r.form(one, number+1, []string{"b", "a"}[number%2], false)
		}
		r.form(one, 8, "a", false, func(l *lead.Lead) error { return l.Delete(noon) })
		r.form(two, 9, "a", false)
		own := func(token string) func(p application.Page) (application.List[programquery.FormLead], error) {
			return func(p application.Page) (application.List[programquery.FormLead], error) {
				return r.OwnFormLeads(ctx, programquery.OwnFormLeads{Token: token, Page: p})
			}
		}
		number := func(l programquery.FormLead) string { return fmt.Sprint(l.Number) }
		a, b := r.session(one, "a"), r.session(one, "b")
		for limit := 1; limit < 4; limit++ {
			assert.Equal(t, []string{"6", "4", "2"}, sqlstoretest.Walk(t, limit, false, own(a), number), limit)
			assert.Equal(t, []string{"7", "5", "3", "1"}, sqlstoretest.Walk(t, limit, false, own(b), number), limit)
		}
		second, err := own(b)(application.Page{Limit: 2, Number: 2})
		require.NoError(t, err)
		require.Len(t, second.Items, 2)
		assert.EqualValues(t, 3, second.Items[0].Number)
		assert.Equal(t, programquery.Person{ID: "b", Name: "Ada b Byron", Email: "b@Example.com"}, second.Items[0].Submitter)
		assert.Equal(t, []string{"9"}, sqlstoretest.Walk(t, 2, false, own(r.session(two, "a")), number))
		assert.Nil(t, sqlstoretest.Walk(t, 2, false, own(r.session(two, "b")), number))

		r.form(one, 7+programquery.MostOwnReviewed, "b", false)
		found, err := own(a)(newest(2))
		require.NoError(t, err)
		assert.Empty(t, found.Items, "no more than so many are looked at")
		found, err = own(a)(application.Page{Limit: 2, Number: 1, After: found.Next})
		require.NoError(t, err)
		assert.Len(t, found.Items, 2)
		_, err = own(a)(application.Page{Limit: 1, Number: 1, After: "x"})
		require.ErrorIs(t, err, fault.ErrValidation)
	})
}

func TestReadLeadForm(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ctx := t.Context()
		empty, err := r.LeadFormOfSeller(ctx, programquery.LeadFormOfSeller{Actor: one})
		require.NoError(t, err)
		assert.Equal(t, lead.NewForm("seller_1").Snapshot(), empty.FormSnapshot)
		form := lead.NewForm("seller_1")
		require.NoError(t, form.Update(lead.FormChange{Questions: &[]lead.Question{{Type: lead.Select, Title: "Size", Options: []string{"S", "L"}}}}))
		r.do(func(ctx context.Context, tx *sqlstore.Tx) error { return tx.Forms().Save(ctx, form) })
		got, err := r.LeadFormOfSeller(ctx, programquery.LeadFormOfSeller{Actor: one})
		require.NoError(t, err)
		assert.Equal(t, form.Snapshot(), got.FormSnapshot)
	})
}

func TestReadOverview(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		day := func(ago int) programprojection.ProgramDay {
			return programprojection.ProgramDay{SellerID: "seller_1", Day: noon.AddDate(0, 0, -ago).Format(time.DateOnly)}
		}
		r.activity(nil, map[programprojection.ProgramDay]programprojection.ProgramDelta{
			day(0):  {PartnersJoined: 1, CustomersJoined: 2, CustomersLeft: 1, Clicks: 3, Leads: -1},
			day(29): {PartnersJoined: 1, CustomersJoined: 2, Clicks: 3},
			day(30): {PartnersJoined: 10, PartnersLeft: 3, CustomersJoined: 20, Clicks: 30, Leads: 4},
			day(59): {PartnersJoined: 10, Clicks: 30, Leads: 40},
			day(60): {PartnersJoined: 100, CustomersJoined: 200, Clicks: 300, Leads: 400},
			{SellerID: "seller_2", Day: noon.Format(time.DateOnly)}: {PartnersJoined: 7777, CustomersJoined: 7777, Clicks: 7777, Leads: 7777},
		})
		got, err := r.Overview(t.Context(), programquery.Overview{Actor: one})
		require.NoError(t, err)
		assert.Equal(t, programquery.Total{All: 119, Recent: 2, Before: 20}, got.Partners)
		assert.Equal(t, programquery.Total{All: 223, Recent: 4, Before: 20}, got.Signups)
		assert.Equal(t, programquery.Total{All: 366, Recent: 6, Before: 60}, got.Clicks)
		assert.Equal(t, programquery.Total{All: 443, Recent: 0, Before: 44}, got.Leads)
		assert.Equal(t, []any{"Program AAAA1111", "USD", 30}, []any{got.Name, got.Currency, got.CookieDays})
		_, err = r.Overview(t.Context(), programquery.Overview{Actor: application.Actor{SellerID: "seller_3"}})
		require.ErrorIs(t, err, seller.ErrNotFound)
	})
}

func TestReadWaitingPartners(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ask := func(a application.Actor) programquery.PartnersWaiting {
			t.Helper()
			got, err := r.WaitingPartners(t.Context(), programquery.WaitingPartners{Actor: a})
			require.NoError(t, err)
			return got
		}
		assert.Equal(t, programquery.PartnersWaiting{}, ask(one))
		waits := func(n *partner.Snapshot) { n.Status, n.Approved = partner.StatusPending, false }
		r.partner(one, "earlier", noon, waits)
		r.partner(one, "later", noon.Add(time.Hour), waits)
		r.partner(one, "active", noon.Add(2*time.Hour))
		r.partner(one, "turned_away", noon, status(partner.StatusRejected))
		r.partner(one, "invited", noon.Add(3*time.Hour), waits, func(n *partner.Snapshot) { n.Invited = true })
		r.partner(two, "theirs", noon, waits)
		assert.Equal(t, programquery.PartnersWaiting{Partners: 2, PartnerID: "later"}, ask(one))
	})
}

func TestReadProgramDays(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		r.activity(nil, map[programprojection.ProgramDay]programprojection.ProgramDelta{
			{SellerID: "seller_1", Day: "2026-03-31"}: {PartnersJoined: 1, CustomersJoined: 2, Clicks: 3, Leads: 4},
			{SellerID: "seller_1", Day: "2026-03-29"}: {CustomersLeft: 1, Leads: -1},
			{SellerID: "seller_1", Day: "2026-03-28"}: {Clicks: 9},
			{SellerID: "seller_1", Day: "2026-04-01"}: {Clicks: 9},
			{SellerID: "seller_2", Day: "2026-03-30"}: {Clicks: 9},
		})
		days, err := r.ProgramDays(t.Context(), programquery.ProgramDays{Actor: one, Days: 3})
		require.NoError(t, err)
		assert.Equal(t, []programquery.ProgramDay{
			{Day: "2026-03-29", Leads: -1}, {Day: "2026-03-30"}, {Day: "2026-03-31", Partners: 1, Clicks: 3, Signups: 2, Leads: 4},
		}, days)
		for asked, want := range map[int]int{-1: 1, 0: 1, 366: 366, 1000: 366} {
			days, err := r.ProgramDays(t.Context(), programquery.ProgramDays{Actor: one, Days: asked})
			require.NoError(t, err)
			assert.Len(t, days, want)
		}
	})
}

func TestReadAttributionOfCustomer(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		r.partner(one, "a", noon)
		touch := customer.Attribution{PartnerID: "a", ReferralKey: "ref_a", Policy: "link", At: noon, TouchedAt: noon.Add(-time.Hour)}
		r.customer(one, "customer_1", "k_1", "a", func(n *customer.Snapshot) { n.Attribution = touch })
		r.customer(one, "customer_2", "k_2", "gone")
		ask := func(a application.Actor, id string) (programquery.CustomerAttribution, error) {
			return r.AttributionOfCustomer(t.Context(), programquery.AttributionOfCustomer{Actor: a, Handle: application.CustomerHandle{ID: id}})
		}
		got, err := ask(one, "customer_1")
		require.NoError(t, err)
		assert.Equal(t, "k_1", got.Key)
		assert.Equal(t, programquery.Person{ID: "a", Name: "Ada a Byron", Email: "a@Example.com"}, got.Partner)
		shown := customer.Attribution{PartnerID: got.PartnerID, ReferralKey: got.ReferralKey, Policy: got.Policy, At: got.Since, TouchedAt: got.TouchedAt}
		assert.Equal(t, touch, shown)
		assert.Empty(t, got.Former)
		got, err = ask(one, "customer_2")
		require.NoError(t, err)
		assert.Equal(t, programquery.Person{ID: "gone"}, got.Partner)

		r.partner(one, "b", noon)
		r.do(func(ctx context.Context, tx *sqlstore.Tx) error {
			c, err := tx.Customers().Lock(ctx, one.SellerID, application.CustomerHandle{ID: "customer_1"})
			if err != nil {
				return err
			}
			for i, to := range []string{"b", "a"} {
				require.True(t, c.AttributeTo(customer.Attribution{PartnerID: to, Policy: "operator", At: noon.Add(time.Duration(i+1) * time.Hour)}))
			}
			return tx.Customers().Save(ctx, c)
		})
		got, err = ask(one, "customer_1")
		require.NoError(t, err)
		assert.Equal(t, []programquery.FormerAttribution{
			{Partner: programquery.Person{ID: "b", Name: "Ada b Byron", Email: "b@Example.com"}, Policy: "operator", Since: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour)},
			{Partner: got.Partner, Policy: "link", ReferralKey: "ref_a", Since: noon, TouchedAt: noon.Add(-time.Hour), Until: noon.Add(time.Hour)},
		}, got.Former)
		_, err = ask(two, "customer_1")
		require.ErrorIs(t, err, customer.ErrNotFound)
	})
}

func TestReadReferralDomains(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		for page, want := range map[application.Page][]string{
			{Limit: 15, Number: 1}: {"https://AAAA1111.example"}, {Limit: 15, Number: 2}: nil, {Limit: 15, Number: 1, After: "x"}: nil,
		} {
			got, err := r.ReferralDomains(t.Context(), programquery.ReferralDomains{Actor: one, Page: page})
			require.NoError(t, err)
			assert.Equal(t, application.List[string]{Items: want}, got)
		}
		_, err := r.ReferralDomains(t.Context(), programquery.ReferralDomains{Actor: application.Actor{SellerID: "seller_3"}})
		require.ErrorIs(t, err, seller.ErrNotFound)
	})
}

func TestReadPortal(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ctx := t.Context()
		invited := func(n *partner.Snapshot) { n.Status, n.Approved, n.Invited = partner.StatusPending, false, true }
		member := r.partner(two, "member", noon, func(n *partner.Snapshot) { n.PasswordHash = "hash" })
		r.partner(two, "asked", noon, invited)
		r.partner(two, "gone", noon, status(partner.StatusDeleted))
		r.activity(map[programprojection.PartnerGroup]programprojection.PartnerDelta{{SellerID: "seller_2", PartnerID: "member"}: {Clicks: 5, Signups: 4, Leads: 3}}, nil)
		r.do(func(ctx context.Context, tx *sqlstore.Tx) error {
			for text, token := range map[string]program.Token{
				"session": {Kind: program.SessionToken, PartnerID: "member"}, "invitation": {Kind: program.InvitationToken, PartnerID: "asked"},
				"accepted": {Kind: program.InvitationToken, PartnerID: "member"}, "late": {Kind: program.SessionToken, PartnerID: "member", ExpiresAt: noon},
				"left": {Kind: program.SessionToken, PartnerID: "gone"},
			} {
				token.Hash, token.SellerID = program.TokenHash(text), "seller_2"
				if token.ExpiresAt.IsZero() {
					token.ExpiresAt = noon.Add(time.Microsecond)
				}
				if err := tx.Tokens().Add(ctx, token); err != nil {
					return err
				}
			}
			return nil
		})

		view, err := r.PartnerPage(ctx, programquery.PartnerPage{Token: "session"})
		require.NoError(t, err)
		want := programquery.PartnerPageView{
			Program: "Program BBBB2222", Website: "https://BBBB2222.example", LinkParameter: "via", SellerCode: "BBBB2222", TimeZone: "UTC", LeadForm: true,
			Partner: programquery.PartnerDetail{Partner: programquery.PartnerOf(member), Clicks: 5, Signups: 4, Leads: 3},
		}
		want.Partner.ReferralsCount = 4
		assert.Equal(t, want, view)
		for _, token := range []string{"", "none", "late", "left", "invitation"} {
			_, err := r.PartnerPage(ctx, programquery.PartnerPage{Token: token})
			require.ErrorIs(t, err, program.ErrTokenUnknown, token)
		}
		invitation, err := r.OpenInvitation(ctx, programquery.OpenInvitation{Token: "invitation"})
		require.NoError(t, err)
		assert.Equal(t, programquery.InvitationView{Program: "Program BBBB2222", SellerCode: "BBBB2222", Name: "Ada asked"}, invitation)
		for _, token := range []string{"accepted", "session", "none"} {
			_, err := r.OpenInvitation(ctx, programquery.OpenInvitation{Token: token})
			require.ErrorIs(t, err, program.ErrTokenUnknown, token)
		}

		got, err := r.TokenOf(ctx, program.TokenHash("session"), program.SessionToken, noon)
		require.NoError(t, err)
		assert.Equal(t, program.Token{
			Hash: program.TokenHash("session"), Kind: program.SessionToken, SellerID: "seller_2", PartnerID: "member",
			ExpiresAt: noon.Add(time.Microsecond),
		}, got)
		_, err = r.TokenOf(ctx, [sha256.Size]byte{}, program.SessionToken, noon)
		require.ErrorIs(t, err, program.ErrTokenUnknown)

		for id, open := range map[string]bool{"asked": true, "member": false} {
			c, err := r.ContactOf(ctx, "seller_2", id)
			require.NoError(t, err)
			assert.Equal(t, program.PartnerContact{PartnerID: id, Email: id + "@Example.com", Name: "Ada " + id, Surname: "Byron", EmailKey: id + "@example.com", SellerName: "Program BBBB2222", Open: open, Active: !open}, c)
		}
		for _, id := range []string{"gone", "none"} {
			_, err := r.ContactOf(ctx, "seller_2", id)
			require.ErrorIs(t, err, partner.ErrNotFound)
		}
	})
}

func TestReadReferral(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		keys := func(live ...string) func(n *partner.Snapshot) {
			return func(n *partner.Snapshot) { n.Keys, n.Retired = live, nil }
		}
		for s, id := range map[partner.Status]string{
			partner.StatusActive: "active", partner.StatusPending: "pending", partner.StatusArchived: "archived",
			partner.StatusRejected: "rejected", partner.StatusDeleted: "deleted",
		} {
			r.partner(one, id, noon, status(s), keys(id))
		}
		r.partner(one, "renamed", noon, func(n *partner.Snapshot) { n.Keys, n.Retired = []string{"new", "shared"}, []string{"old", "taken"} })
		r.partner(two, "other", noon, keys("shared", "taken", "only.two"))
		to := func(a application.Actor, key, partnerID string) program.Referral {
			out := program.Referral{
				SellerID: a.SellerID, PartnerID: partnerID, Key: key, Website: "https://" + a.SellerCode + ".example",
				Parameter: "aff", CookieDays: 30, Live: partnerID != "",
			}
			if a == two {
				out.Parameter, out.CookieDays = "via", 7
			}
			return out
		}
		for _, c := range []struct {
			code, key string
			want      program.Referral
		}{
			{one.SellerCode, "active", to(one, "active", "active")},
			{one.SellerCode, "pending", to(one, "pending", "pending")},
			{one.SellerCode, "archived", to(one, "archived", "")},
			{one.SellerCode, "rejected", to(one, "rejected", "")},
			{one.SellerCode, "deleted", to(one, "deleted", "")},
			{one.SellerCode, "old", to(one, "old", "")},
			{one.SellerCode, "none", to(one, "none", "")},
			{one.SellerCode, "ACTIVE", to(one, "ACTIVE", "")},
			{one.SellerCode, "active ", to(one, "active ", "")},
			{one.SellerCode, "é\x00", to(one, "é\x00", "")},
			{one.SellerCode, "only.two", to(one, "only.two", "")},
			{two.SellerCode, "shared", to(two, "shared", "other")},
			{one.SellerCode, "shared", to(one, "shared", "renamed")},
			{"", "active", to(one, "active", "active")},
			{"", "old", to(one, "old", "")},
			{"", "deleted", to(one, "deleted", "")},
			{"", "only.two", to(two, "only.two", "other")},
			{"", "shared", to(one, "shared", "renamed")},
			{"", "taken", to(one, "taken", "")},
		} {
			got, err := r.Referral(t.Context(), c.code, c.key)
			require.NoError(t, err, "%s/%s", c.code, c.key)
			assert.Equal(t, c.want, got, "%s/%s", c.code, c.key)
		}
		for _, c := range [][2]string{
			{"", "none"},
			{"", "ACTIVE"},
			{"", "active "},
			{"", "é"},
			{"", ""},
			{"CCCC3333", "active"},
			{"aaaa1111", "active"},
			{"é", "active"},
		} {
			_, err := r.Referral(t.Context(), c[0], c[1])
			require.ErrorIs(t, err, program.ErrNoReferral, c)
		}
	})
}

// TestReadsTellThatTheDatabaseIsAway: a read that did not get an answer never says that there is nothing.
func TestReadsTellThatTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, read := range map[string]func() error{
			"Partners": func() error {
				_, err := r.Partners(ctx, programquery.Partners{Actor: one, Page: newest(1)})
				return err
			},
			"PartnerByHandle": func() error {
				_, err := r.PartnerByHandle(ctx, programquery.PartnerByHandle{Actor: one, Handle: application.PartnerHandle{ID: "a"}})
				return err
			},
			"ReferralLinks": func() error {
				_, err := r.ReferralLinks(ctx, programquery.ReferralLinks{Actor: one, Page: newest(1)})
				return err
			},
			"ReferralLinkByKey": func() error {
				_, err := r.ReferralLinkByKey(ctx, programquery.ReferralLinkByKey{Actor: one, Key: "a"})
				return err
			},
			"Customers": func() error {
				_, err := r.Customers(ctx, programquery.Customers{Actor: one, Page: newest(1)})
				return err
			},
			"Customers of a partner": func() error {
				_, err := r.Customers(ctx, programquery.Customers{Actor: one, Partner: application.PartnerHandle{ID: "a"}, Page: newest(1)})
				return err
			},
			"CustomerByHandle": func() error {
				_, err := r.CustomerByHandle(ctx, programquery.CustomerByHandle{Actor: one, Handle: application.CustomerHandle{Any: "a"}})
				return err
			},
			"FormLeads": func() error {
				_, err := r.FormLeads(ctx, programquery.FormLeads{Actor: one, Page: newest(1)})
				return err
			},
			"FormLeadByNumber": func() error {
				_, err := r.FormLeadByNumber(ctx, programquery.FormLeadByNumber{Actor: one, Number: 1})
				return err
			},
			"LeadFormOfSeller": func() error { _, err := r.LeadFormOfSeller(ctx, programquery.LeadFormOfSeller{Actor: one}); return err },
			"Overview":         func() error { _, err := r.Overview(ctx, programquery.Overview{Actor: one}); return err },
			"PartnerPage":      func() error { _, err := r.PartnerPage(ctx, programquery.PartnerPage{Token: "a"}); return err },
			"OpenInvitation":   func() error { _, err := r.OpenInvitation(ctx, programquery.OpenInvitation{Token: "a"}); return err },
			"ContactOf":        func() error { _, err := r.ContactOf(ctx, "seller_1", "a"); return err },
			"Referral":         func() error { _, err := r.Referral(ctx, "", "a"); return err },
			"Referral of one":  func() error { _, err := r.Referral(ctx, one.SellerCode, "a"); return err },
		} {
			assert.ErrorIs(t, read(), application.ErrUnavailable, name)
		}
	})
}
