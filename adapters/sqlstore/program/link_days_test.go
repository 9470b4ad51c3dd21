package program_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	programstore "github.com/leadmill/leadmill/adapters/sqlstore/program"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programprojection "github.com/leadmill/leadmill/application/program/projection"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
)

func (r *readings) linkDays(days map[programprojection.LinkDay]programprojection.LinkDelta) {
	r.t.Helper()
	tx, err := r.h.DB.Writer.BeginTxx(r.t.Context(), nil)
	require.NoError(r.t, err)
	require.NoError(r.t, programstore.NewLinkDays(r.h.DB).Add(r.t.Context(), tx, days))
	require.NoError(r.t, tx.Commit())
}

// session makes a session of a partner and returns its token.
func (r *readings) session(a application.Actor, partnerID string) string {
	r.t.Helper()
	token := "token of " + a.SellerID + partnerID
	r.do(func(ctx context.Context, tx *sqlstore.Tx) error {
		return tx.Tokens().Add(ctx, program.Token{Hash: program.TokenHash(token), Kind: program.SessionToken, SellerID: a.SellerID, PartnerID: partnerID, ExpiresAt: noon.Add(time.Hour)})
	})
	return token
}

func TestReadLinkActivity(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		ctx := t.Context()
		r.partner(one, "a", noon)
		r.partner(two, "a", noon)
		r.partner(one, "b", noon)
		r.linkDays(map[programprojection.LinkDay]programprojection.LinkDelta{
			{SellerID: one.SellerID, PartnerID: "a", Day: "2026-03-31", ReferralKey: "ref_a"}:  {Clicks: 5, Signups: 1},
			{SellerID: one.SellerID, PartnerID: "a", Day: "2026-03-30", ReferralKey: "more_a"}: {Clicks: 2},
			{SellerID: one.SellerID, PartnerID: "a", Day: "2026-03-30", ReferralKey: ""}:       {Signups: 1},
			{SellerID: one.SellerID, PartnerID: "a", Day: "2026-03-29", ReferralKey: "old_a"}:  {Clicks: 3},
			{SellerID: one.SellerID, PartnerID: "a", Day: "2026-03-28", ReferralKey: "ref_a"}:  {Clicks: 900},
			{SellerID: two.SellerID, PartnerID: "a", Day: "2026-03-31", ReferralKey: "ref_a"}:  {Clicks: 70},
			{SellerID: one.SellerID, PartnerID: "b", Day: "2026-03-31", ReferralKey: "ref_b"}:  {Clicks: 80},
		})
		want := programquery.LinksView{
			Days:  []programquery.LinkDay{{Day: "2026-03-29", Clicks: 3}, {Day: "2026-03-30", Clicks: 2, Signups: 1}, {Day: "2026-03-31", Clicks: 5, Signups: 1}},
			Links: []programquery.LinkSum{{Key: "ref_a", Clicks: 5, Signups: 1}, {Key: "more_a", Clicks: 2}, {Clicks: 3, Signups: 1}},
		}
		got, err := r.LinkActivity(ctx, programquery.LinkActivity{Actor: one, PartnerID: "a", Days: 3})
		require.NoError(t, err)
		assert.Equal(t, want, got)
		got, err = r.OwnLinkActivity(ctx, programquery.OwnLinkActivity{Token: r.session(one, "a"), Days: 3})
		require.NoError(t, err)
		assert.Equal(t, want, got)
		got, err = r.OwnLinkActivity(ctx, programquery.OwnLinkActivity{Token: r.session(two, "a"), Days: 0})
		require.NoError(t, err)
		assert.Equal(t, []programquery.LinkDay{{Day: "2026-03-31", Clicks: 70}}, got.Days, "the other seller's partner of that id")
		_, err = r.LinkActivity(ctx, programquery.LinkActivity{Actor: two, PartnerID: "b", Days: 3})
		require.ErrorIs(t, err, partner.ErrNotFound)
		_, err = r.OwnLinkActivity(ctx, programquery.OwnLinkActivity{Token: "another", Days: 3})
		require.ErrorIs(t, err, program.ErrTokenUnknown)
	})
}

func TestReadSignUpPage(t *testing.T) {
	t.Parallel()
	reading(t, func(t *testing.T, r *readings) {
		got, err := r.SignUpPage(t.Context(), programquery.SignUpPage{SellerCode: two.SellerCode})
		require.NoError(t, err)
		assert.Equal(t, programquery.SignUpView{SellerID: two.SellerID, SellerCode: two.SellerCode, Program: "Program BBBB2222", Manual: true}, got)
		for _, code := range []string{"", "CCCC3333", "AAAA1111 ", "\x00", "é"} {
			_, err := r.SignUpPage(t.Context(), programquery.SignUpPage{SellerCode: code})
			require.ErrorIs(t, err, programquery.ErrNoSuchPage, "%q", code)
		}
		for name, read := range map[string]func(token string) error{
			"leads": func(token string) error {
				_, err := r.OwnFormLeads(t.Context(), programquery.OwnFormLeads{Token: token, Page: newest(10)})
				return err
			},
			"form": func(token string) error {
				_, err := r.OwnLeadForm(t.Context(), programquery.OwnLeadForm{Token: token})
				return err
			},
		} {
			require.ErrorIs(t, read("another"), program.ErrTokenUnknown, name)
		}
		assert.NotEqual(t, program.AddressHash("a@example.com"), program.SignInAddressHash("a@example.com"))
	})
}
