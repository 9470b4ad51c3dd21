package program

import (
	"context"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// activityRow is what came by a partner.
type activityRow struct {
	PartnerID string `db:"partner_id"`
	Clicks    int64  `db:"clicks"`
	Signups   int64  `db:"signups"`
	Leads     int64  `db:"leads"`
}

// PartnerByHandle answers programquery.PartnerByHandle: partner.ErrNotFound.
func (r *Reader) PartnerByHandle(ctx context.Context, q programquery.PartnerByHandle) (programquery.PartnerDetail, error) {
	p, err := findPartner(ctx, r.db, q.SellerID, q.Handle)
	if err != nil {
		return programquery.PartnerDetail{}, err
	}
	return r.detail(ctx, p)
}

// detail answers with what came by a partner.
func (r *Reader) detail(ctx context.Context, p foundPartner) (programquery.PartnerDetail, error) {
	var row activityRow
	if _, err := r.db.Get(ctx, &row, "SELECT partner_id, clicks, signups, leads FROM partner_activity WHERE seller_id = ? AND partner_id = ?",
		p.SellerID, p.ID); err != nil {
		return programquery.PartnerDetail{}, err
	}
	answer, err := p.answer(p.keys, row.Signups)
	if err != nil {
		return programquery.PartnerDetail{}, err
	}
	return programquery.PartnerDetail{Partner: answer, Clicks: row.Clicks, Signups: row.Signups, Leads: row.Leads}, nil
}

// answer makes the answer of a partner with its referral keys, the default one first.
func (r partnerRow) answer(keys []string, signups int64) (programquery.Partner, error) {
	tags, err := r.tags()
	if err != nil {
		return programquery.Partner{}, err
	}
	fields, err := r.customFields()
	if err != nil {
		return programquery.Partner{}, err
	}
	return programquery.Partner{
		ID: r.ID, Email: r.Email, Name: r.Name, Surname: r.Surname, Status: r.Status, TermsAccepted: r.TermsAccepted,
		Approved: r.Approved, Keys: keys, Tags: tags, CustomFields: fields, ReferralsCount: signups,
		CreatedAt: engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt),
	}, nil
}

// Partners answers programquery.Partners: with three statements, whatever the page's size.
func (r *Reader) Partners(ctx context.Context, q programquery.Partners) (application.List[programquery.Partner], error) {
	f := engine.Filter{Args: []any{q.SellerID}}
	f.WriteString("SELECT " + partnerColumns + " FROM partners" + r.db.UseKey("partners_created") + " WHERE seller_id = ? AND status <> 'deleted'")
	f.ContainsID("id", q.ID)
	f.Contains("email_key", strings.ToLower(q.Email))
	if q.Key != "" {
		f.WriteString(" AND EXISTS (SELECT 1 FROM partner_keys k WHERE k.seller_id = partners.seller_id AND k.partner_id = partners.id AND k.ordinal >= 0")
		f.ContainsID("k.referral_key", q.Key)
		f.WriteByte(')')
	}
	details, err := r.partnersOf(ctx, q.SellerID, q.Page, f)
	if err != nil {
		return application.List[programquery.Partner]{}, err
	}
	out := application.List[programquery.Partner]{Items: make([]programquery.Partner, len(details.Items)), Next: details.Next}
	for i, d := range details.Items {
		out.Items[i] = d.Partner
	}
	return out, nil
}

// PartnerList answers programquery.PartnerList: with three statements, whatever the page's size.
func (r *Reader) PartnerList(ctx context.Context, q programquery.PartnerList) (application.List[programquery.PartnerDetail], error) {
	f := engine.Filter{Args: []any{q.SellerID}}
	f.WriteString("SELECT " + partnerColumns + " FROM partners" + r.db.UseKey("partners_created") + " WHERE seller_id = ? AND status <> 'deleted'")
	if q.Status != "" {
		f.And("status = ?", q.Status)
	}
	if s := strings.TrimSpace(q.Search); s != "" {
		small := strings.ToLower(s)
		found := "INSTR(email_key, ?) > 0 OR INSTR(LOWER(name), ?) > 0 OR INSTR(LOWER(surname), ?) > 0 OR INSTR(LOWER(CONCAT(name, ' ', surname)), ?) > 0"
		args := []any{small, small, small, small}
		if engine.IsID(s) {
			// The keys are looked through once, not for each partner.
			found += " OR INSTR(id, ?) > 0 OR id IN (SELECT k.partner_id FROM partner_keys k WHERE k.seller_id = ? AND k.ordinal >= 0 AND INSTR(k.referral_key, ?) > 0)"
			args = append(args, s, q.SellerID, s)
		}
		f.And("("+found+")", args...)
	}
	return r.partnersOf(ctx, q.SellerID, q.Page, f)
}

// WaitingPartners answers programquery.WaitingPartners.
func (r *Reader) WaitingPartners(ctx context.Context, q programquery.WaitingPartners) (programquery.PartnersWaiting, error) {
	var ids []string
	err := r.db.All(ctx, &ids, "SELECT id FROM (SELECT id, status, invited, created_at FROM partners"+r.db.UseKey("partners_created")+
		" WHERE seller_id = ? ORDER BY created_at DESC, id DESC LIMIT ?) newest WHERE status = ? AND COALESCE(invited, 0) = 0 ORDER BY created_at DESC, id DESC",
		q.SellerID, programquery.MostPartnersLooked, string(partner.StatusPending))
	if err != nil || len(ids) == 0 {
		return programquery.PartnersWaiting{}, err
	}
	return programquery.PartnersWaiting{Partners: int64(len(ids)), PartnerID: ids[0]}, nil
}

// partnersOf reads a page of partners, with their keys and figures.
func (r *Reader) partnersOf(ctx context.Context, sellerID string, p application.Page, f engine.Filter) (application.List[programquery.PartnerDetail], error) {
	var out application.List[programquery.PartnerDetail]
	rows, err := engine.RowsOf[partnerRow](ctx, r.db, engine.Order{Columns: []string{"created_at", "id"}, Numbers: true}, p, f.String(), f.Args...)
	if err != nil {
		return out, err
	}
	page := application.ListOf(rows, p, func(row partnerRow) string { return strconv.FormatInt(row.CreatedAt, 10) + " " + row.ID })
	out.Items, out.Next = make([]programquery.PartnerDetail, len(page.Items)), page.Next
	if len(page.Items) == 0 {
		return out, nil
	}
	args := []any{sellerID}
	for _, row := range page.Items {
		args = append(args, row.ID)
	}
	of := " WHERE seller_id = ? AND partner_id IN (" + engine.Marks(len(page.Items)) + ")"
	var keys []struct {
		PartnerID string `db:"partner_id"`
		Key       string `db:"referral_key"`
	}
	if err := r.db.All(ctx, &keys, "SELECT partner_id, referral_key FROM partner_keys"+of+" AND ordinal >= 0 ORDER BY partner_id, ordinal", args...); err != nil {
		return application.List[programquery.PartnerDetail]{}, err
	}
	owned := map[string][]string{}
	for _, k := range keys {
		owned[k.PartnerID] = append(owned[k.PartnerID], k.Key)
	}
	var counts []activityRow
	if err := r.db.All(ctx, &counts, "SELECT partner_id, clicks, signups, leads FROM partner_activity"+of, args...); err != nil {
		return application.List[programquery.PartnerDetail]{}, err
	}
	came := map[string]activityRow{}
	for _, c := range counts {
		came[c.PartnerID] = c
	}
	for i, row := range page.Items {
		n := came[row.ID]
		answer, err := row.answer(owned[row.ID], n.Signups)
		if err != nil {
			return application.List[programquery.PartnerDetail]{}, err
		}
		out.Items[i] = programquery.PartnerDetail{Partner: answer, Clicks: n.Clicks, Signups: n.Signups, Leads: n.Leads}
	}
	return out, nil
}

// linkRow is a referral key of a partner that is not deleted.
type linkRow struct {
	Key       string `db:"referral_key"`
	PartnerID string `db:"partner_id"`
	Ordinal   int64  `db:"ordinal"`
}

func (l linkRow) answer() (programquery.ReferralLink, error) {
	return programquery.ReferralLink{Key: l.Key, PartnerID: l.PartnerID, Default: l.Ordinal == 0}, nil
}

// selectLinks asks with NOT EXISTS for partners that are not deleted, so that MySQL reads the keys first, by an index of theirs.
func (r *Reader) selectLinks(index string) string {
	return "SELECT referral_key, partner_id, ordinal FROM partner_keys" + r.db.UseKey(index) + " WHERE seller_id = ? AND ordinal >= 0 AND NOT EXISTS " +
		"(SELECT 1 FROM partners p WHERE p.seller_id = partner_keys.seller_id AND p.id = partner_keys.partner_id AND p.status = 'deleted')"
}

// ReferralLinks answers programquery.ReferralLinks: partner.ErrNotFound when links of a partner are asked for.
func (r *Reader) ReferralLinks(ctx context.Context, q programquery.ReferralLinks) (application.List[programquery.ReferralLink], error) {
	f := engine.Filter{Args: []any{q.SellerID}}
	if q.Partner == (application.PartnerHandle{}) {
		f.WriteString(r.selectLinks("PRIMARY"))
	} else {
		p, err := findPartner(ctx, r.db, q.SellerID, q.Partner)
		if err != nil {
			return application.List[programquery.ReferralLink]{}, err
		}
		f.WriteString(r.selectLinks("partner_keys_partner"))
		f.And("partner_id = ?", p.ID)
	}
	f.ContainsID("referral_key", q.Key)
	return engine.ListBy(ctx, r.db, engine.Order{Columns: []string{"referral_key"}}, q.Page, func(l programquery.ReferralLink) string { return l.Key },
		linkRow.answer, f.String(), f.Args...)
}

// ReferralLinkByKey answers programquery.ReferralLinkByKey: partner.ErrLinkNotFound.
func (r *Reader) ReferralLinkByKey(ctx context.Context, q programquery.ReferralLinkByKey) (programquery.ReferralLink, error) {
	if !engine.IsID(q.Key) {
		return programquery.ReferralLink{}, partner.ErrLinkNotFound
	}
	var row linkRow
	err := r.db.One(ctx, partner.ErrLinkNotFound, &row, r.selectLinks("PRIMARY")+" AND referral_key = ?", q.SellerID, q.Key)
	if err == nil && row.Key != q.Key {
		err = partner.ErrLinkNotFound
	}
	if err != nil {
		return programquery.ReferralLink{}, err
	}
	return row.answer()
}
