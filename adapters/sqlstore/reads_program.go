package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/query"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
	"github.com/leadmill/leadmill/domain/seller"
)

var (
	_ query.PartnerReader        = (*Reader)(nil)
	_ query.CustomerReader       = (*Reader)(nil)
	_ query.FormLeadReader       = (*Reader)(nil)
	_ query.SettingsReader       = (*Reader)(nil)
	_ query.OverviewReader       = (*Reader)(nil)
	_ query.PortalReader         = (*Reader)(nil)
	_ application.PortalReader   = (*Reader)(nil)
	_ application.ReferralReader = (*Reader)(nil)
)

// filter is a statement that conditions are added to.
type filter struct {
	strings.Builder

	args []any
}

func (f *filter) and(condition string, args ...any) {
	f.WriteString(" AND ")
	f.WriteString(condition)
	f.args = append(f.args, args...)
}

// contains adds a condition on a column unless part is empty. INSTR compares byte for byte on both engines and knows no
// wildcards; LIKE would not tell A from a on SQLite.
func (f *filter) contains(column, part string) {
	if part != "" {
		f.and("INSTR("+column+", ?) > 0", part)
	}
}

// containsID is contains for a column of ids or referral keys: MySQL refuses to look for other texts in them.
func (f *filter) containsID(column, part string) {
	if part != "" && !isID(part) {
		f.and("1 = 0")
		return
	}
	f.contains(column, part)
}

// found is one with the answer whether there is a row.
func (r *Reader) found(ctx context.Context, into any, q string, args ...any) (bool, error) {
	err := r.one(ctx, sql.ErrNoRows, into, q, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (r *Reader) partner(ctx context.Context, sellerID string, h application.PartnerHandle) (partner.Snapshot, error) {
	p, err := findPartner(ctx, sellerID, h, r.found, r.all)
	if err != nil {
		return partner.Snapshot{}, err
	}
	return p.Snapshot(), nil
}

// activityRow is what came by a partner.
type activityRow struct {
	PartnerID string `db:"partner_id"`
	Clicks    int64  `db:"clicks"`
	Signups   int64  `db:"signups"`
	Leads     int64  `db:"leads"`
}

// PartnerByHandle implements query.PartnerReader.
func (r *Reader) PartnerByHandle(ctx context.Context, q query.PartnerByHandle) (query.PartnerDetail, error) {
	p, err := r.partner(ctx, q.SellerID, q.Handle)
	if err != nil {
		return query.PartnerDetail{}, err
	}
	return r.detail(ctx, p)
}

func (r *Reader) detail(ctx context.Context, p partner.Snapshot) (query.PartnerDetail, error) {
	var row activityRow
	if _, err := r.found(ctx, &row, "SELECT partner_id, clicks, signups, leads FROM partner_activity WHERE seller_id = ? AND partner_id = ?",
		p.SellerID, p.ID); err != nil {
		return query.PartnerDetail{}, err
	}
	d := query.PartnerDetail{Partner: query.PartnerOf(p), Clicks: row.Clicks, Signups: row.Signups, Leads: row.Leads}
	d.ReferralsCount = row.Signups
	return d, nil
}

// Partners implements query.PartnerReader: with three statements, whatever the page's size.
func (r *Reader) Partners(ctx context.Context, q query.Partners) (query.List[query.Partner], error) {
	f := filter{args: []any{q.SellerID}}
	f.WriteString("SELECT " + partnerColumns + " FROM partners" + r.db.UseKey("partners_created") + " WHERE seller_id = ? AND status <> 'deleted'")
	f.containsID("id", q.ID)
	f.contains("email_key", strings.ToLower(q.Email))
	if q.Key != "" {
		f.WriteString(" AND EXISTS (SELECT 1 FROM partner_keys k WHERE k.seller_id = partners.seller_id AND k.partner_id = partners.id AND k.ordinal >= 0")
		f.containsID("k.referral_key", q.Key)
		f.WriteByte(')')
	}
	rows, err := rowsOf[partnerRow](ctx, r, order{columns: []string{"created_at", "id"}, numbers: true}, q.Page, f.String(), f.args...)
	if err != nil {
		return query.List[query.Partner]{}, err
	}
	page := query.ListOf(rows, q.Page, func(row partnerRow) string { return strconv.FormatInt(row.CreatedAt, 10) + " " + row.ID })
	out := query.List[query.Partner]{Items: make([]query.Partner, len(page.Items)), Next: page.Next}
	if len(page.Items) == 0 {
		return out, nil
	}
	args := []any{q.SellerID}
	for _, row := range page.Items {
		args = append(args, row.ID)
	}
	of := " WHERE seller_id = ? AND partner_id IN (" + marks(len(page.Items)) + ")"
	var keys []struct {
		PartnerID string `db:"partner_id"`
		Key       string `db:"referral_key"`
	}
	if err := r.all(ctx, &keys, "SELECT partner_id, referral_key FROM partner_keys"+of+" AND ordinal >= 0 ORDER BY partner_id, ordinal", args...); err != nil {
		return query.List[query.Partner]{}, err
	}
	owned := map[string][]string{}
	for _, k := range keys {
		owned[k.PartnerID] = append(owned[k.PartnerID], k.Key)
	}
	var counts []activityRow
	if err := r.all(ctx, &counts, "SELECT partner_id, clicks, signups, leads FROM partner_activity"+of, args...); err != nil {
		return query.List[query.Partner]{}, err
	}
	signups := map[string]int64{}
	for _, c := range counts {
		signups[c.PartnerID] = c.Signups
	}
	for i, row := range page.Items {
		p, err := row.restore(owned[row.ID])
		if err != nil {
			return query.List[query.Partner]{}, err
		}
		out.Items[i] = query.PartnerOf(p.Snapshot())
		out.Items[i].ReferralsCount = signups[row.ID]
	}
	return out, nil
}

// linkRow is a referral key of a partner that is not deleted.
type linkRow struct {
	Key       string `db:"referral_key"`
	PartnerID string `db:"partner_id"`
	Ordinal   int64  `db:"ordinal"`
}

func (l linkRow) answer() (query.ReferralLink, error) {
	return query.ReferralLink{Key: l.Key, PartnerID: l.PartnerID, Default: l.Ordinal == 0}, nil
}

// selectLinks asks with NOT EXISTS for partners that are not deleted, so that MySQL reads the keys first, by an index of theirs.
func (r *Reader) selectLinks(index string) string {
	return "SELECT referral_key, partner_id, ordinal FROM partner_keys" + r.db.UseKey(index) + " WHERE seller_id = ? AND ordinal >= 0 AND NOT EXISTS " +
		"(SELECT 1 FROM partners p WHERE p.seller_id = partner_keys.seller_id AND p.id = partner_keys.partner_id AND p.status = 'deleted')"
}

// ReferralLinks implements query.PartnerReader.
func (r *Reader) ReferralLinks(ctx context.Context, q query.ReferralLinks) (query.List[query.ReferralLink], error) {
	f := filter{args: []any{q.SellerID}}
	if q.Partner == (application.PartnerHandle{}) {
		f.WriteString(r.selectLinks("PRIMARY"))
	} else {
		p, err := r.partner(ctx, q.SellerID, q.Partner)
		if err != nil {
			return query.List[query.ReferralLink]{}, err
		}
		f.WriteString(r.selectLinks("partner_keys_partner"))
		f.and("partner_id = ?", p.ID)
	}
	f.containsID("referral_key", q.Key)
	return listBy(ctx, r, order{columns: []string{"referral_key"}}, q.Page, func(l query.ReferralLink) string { return l.Key },
		linkRow.answer, f.String(), f.args...)
}

// ReferralLinkByKey implements query.PartnerReader.
func (r *Reader) ReferralLinkByKey(ctx context.Context, q query.ReferralLinkByKey) (query.ReferralLink, error) {
	if !isID(q.Key) {
		return query.ReferralLink{}, partner.ErrLinkNotFound
	}
	var row linkRow
	err := r.one(ctx, partner.ErrLinkNotFound, &row, r.selectLinks("PRIMARY")+" AND referral_key = ?", q.SellerID, q.Key)
	if err == nil && row.Key != q.Key {
		err = partner.ErrLinkNotFound
	}
	if err != nil {
		return query.ReferralLink{}, err
	}
	return row.answer()
}

// CustomerByHandle implements query.CustomerReader.
func (r *Reader) CustomerByHandle(ctx context.Context, q query.CustomerByHandle) (query.Customer, error) {
	c, err := findCustomer(ctx, q.SellerID, q.Handle, r.found)
	if err != nil {
		return query.Customer{}, err
	}
	return query.CustomerOf(c.Snapshot()), nil
}

// Customers implements query.CustomerReader.
func (r *Reader) Customers(ctx context.Context, q query.Customers) (query.List[query.Customer], error) {
	f := filter{args: []any{q.SellerID}}
	key := "customers_seller"
	var of string
	if q.Partner != (application.PartnerHandle{}) {
		p, err := r.partner(ctx, q.SellerID, q.Partner)
		if errors.Is(err, partner.ErrNotFound) {
			return query.List[query.Customer]{}, nil
		}
		if err != nil {
			return query.List[query.Customer]{}, err
		}
		key, of = "customers_partner", p.ID
	}
	// The key is named because MySQL would walk the customers of all sellers by their ids to find a page of one.
	f.WriteString("SELECT " + customerColumns + " FROM customers" + r.db.UseKey(key) + " WHERE seller_id = ? AND status <> 'deleted'")
	if of != "" {
		f.and("partner_id = ?", of)
	}
	f.contains("customer_key", q.Key)
	f.containsID("id", q.ID)
	f.contains("email_key", strings.ToLower(q.Email))
	return list(ctx, r, q.Page, func(c query.Customer) string { return c.ID }, answerCustomer, f.String(), f.args...)
}

func answerCustomer(row customerRow) (query.Customer, error) {
	c, err := row.restore()
	if err != nil {
		return query.Customer{}, err
	}
	return query.CustomerOf(c.Snapshot()), nil
}

// formLeadRow is a form lead with its submitter and the customer it became; CustomerID is empty when it became none.
type formLeadRow struct {
	reviewRow

	MarketStatus    string `db:"market_status"`
	CreatedAt       int64  `db:"created_at"`
	PartnerID       string `db:"partner_id"`
	PartnerName     string `db:"partner_name"`
	PartnerSurname  string `db:"partner_surname"`
	PartnerEmail    string `db:"partner_email"`
	CustomerKey     string `db:"customer_key"`
	CustomerName    string `db:"customer_name"`
	CustomerSurname string `db:"customer_surname"`
	CustomerEmail   string `db:"customer_email"`
}

// selectFormLeads joins from the left, so that MySQL reads the reviews first, in the order of their numbers.
func (r *Reader) selectFormLeads() string {
	return "SELECT f." + strings.ReplaceAll(reviewColumns, ", ", ", f.") + ", COALESCE(l.status, '') AS market_status, " +
		"COALESCE(l.created_at, 0) AS created_at, COALESCE(l.partner_id, '') AS partner_id, COALESCE(p.name, '') AS partner_name, " +
		"COALESCE(p.surname, '') AS partner_surname, COALESCE(p.email, '') AS partner_email, COALESCE(c.customer_key, '') AS customer_key, " +
		"COALESCE(c.name, '') AS customer_name, COALESCE(c.surname, '') AS customer_surname, COALESCE(c.email, '') AS customer_email " +
		"FROM lead_reviews f" + r.db.UseKey("lead_reviews_number") + " LEFT JOIN leads l ON l.id = f.lead_id " +
		"LEFT JOIN partners p ON p.seller_id = f.seller_id AND p.id = l.partner_id LEFT JOIN customers c ON c.id = f.customer_id " +
		"WHERE f.seller_id = ? AND f.status <> 'deleted'"
}

func (n formLeadRow) answer() (query.FormLead, error) {
	review, err := n.restore()
	if err != nil {
		return query.FormLead{}, err
	}
	out := query.FormLead{Number: n.Number, LeadID: n.LeadID, Status: n.Status, Name: n.Name, Email: n.Email, Answers: review.Answers,
		Submitter:    query.Person{ID: n.PartnerID, Name: fullName(n.PartnerName, n.PartnerSurname), Email: n.PartnerEmail},
		MarketStatus: n.MarketStatus, CreatedAt: timeOf(n.CreatedAt)}
	if n.CustomerID != "" {
		// A deleted customer has no key any more.
		out.ConvertedTo = &query.Person{ID: cmp.Or(n.CustomerKey, n.CustomerID), Name: fullName(n.CustomerName, n.CustomerSurname), Email: n.CustomerEmail}
	}
	return out, nil
}

func fullName(name, surname string) string { return strings.TrimSpace(name + " " + surname) }

// FormLeadByNumber implements query.FormLeadReader.
func (r *Reader) FormLeadByNumber(ctx context.Context, q query.FormLeadByNumber) (query.FormLead, error) {
	var row formLeadRow
	if err := r.one(ctx, lead.ErrNotFound, &row, r.selectFormLeads()+" AND f.number = ?", q.SellerID, q.Number); err != nil {
		return query.FormLead{}, err
	}
	return row.answer()
}

// FormLeads implements query.FormLeadReader.
func (r *Reader) FormLeads(ctx context.Context, q query.FormLeads) (query.List[query.FormLead], error) {
	return listBy(ctx, r, order{columns: []string{"f.number"}, numbers: true}, q.Page,
		func(l query.FormLead) string { return strconv.FormatInt(l.Number, 10) }, formLeadRow.answer, r.selectFormLeads(), q.SellerID)
}

// LeadFormOfSeller implements query.FormLeadReader.
func (r *Reader) LeadFormOfSeller(ctx context.Context, q query.LeadFormOfSeller) (query.LeadForm, error) {
	f, err := findForm(ctx, q.SellerID, r.found)
	if err != nil {
		return query.LeadForm{}, err
	}
	return query.LeadForm{FormSnapshot: f.Snapshot()}, nil
}

// SettingsOfSeller implements query.SettingsReader.
func (r *Reader) SettingsOfSeller(ctx context.Context, q query.SettingsOfSeller) (query.Settings, error) {
	n, err := r.seller(ctx, "id", q.SellerID, seller.ErrNotFound)
	return query.SettingsOf(n), err
}

// seller returns the seller of an id or code, or missing.
func (r *Reader) seller(ctx context.Context, column, value string, missing error) (seller.Snapshot, error) {
	if !isID(value) {
		return seller.Snapshot{}, missing
	}
	var row sellerRow
	err := r.one(ctx, missing, &row, "SELECT "+sellerColumns+" FROM sellers WHERE "+column+" = ?", value)
	// MySQL's collations ignore trailing spaces; ids and codes do not.
	if err == nil && value != row.ID && value != row.Code {
		err = missing
	}
	if err != nil {
		return seller.Snapshot{}, err
	}
	s, err := row.restore()
	if err != nil {
		return seller.Snapshot{}, err
	}
	return s.Snapshot(), nil
}

// overviewDays is how many days are compared with as many before them; today is the last.
const overviewDays = 30

// Overview implements query.OverviewReader. What was taken back counts in no span below zero.
func (r *Reader) Overview(ctx context.Context, q query.Overview) (query.ProgramOverview, error) {
	settings, err := r.SettingsOfSeller(ctx, query.SettingsOfSeller(q))
	if err != nil {
		return query.ProgramOverview{}, err
	}
	var rows []struct {
		Span            int   `db:"span"`
		PartnersJoined  int64 `db:"partners_joined"`
		PartnersLeft    int64 `db:"partners_left"`
		CustomersJoined int64 `db:"customers_joined"`
		CustomersLeft   int64 `db:"customers_left"`
		Clicks          int64 `db:"clicks"`
		Leads           int64 `db:"leads"`
	}
	today := r.clock.Now().UTC()
	recent, before := today.AddDate(0, 0, 1-overviewDays).Format(time.DateOnly), today.AddDate(0, 0, 1-2*overviewDays).Format(time.DateOnly)
	if err := r.all(ctx, &rows, "SELECT span, SUM(partners_joined) AS partners_joined, SUM(partners_left) AS partners_left, "+
		"SUM(customers_joined) AS customers_joined, SUM(customers_left) AS customers_left, SUM(clicks) AS clicks, SUM(leads) AS leads "+
		"FROM (SELECT CASE WHEN day >= ? THEN 0 WHEN day >= ? THEN 1 ELSE 2 END AS span, partners_joined, partners_left, customers_joined, "+
		"customers_left, clicks, leads FROM program_days WHERE seller_id = ?) days GROUP BY span", recent, before, q.SellerID); err != nil {
		return query.ProgramOverview{}, err
	}
	out := query.ProgramOverview{Settings: settings}
	for _, row := range rows {
		for _, t := range []struct {
			total        *query.Total
			joined, left int64
		}{{&out.Partners, row.PartnersJoined, row.PartnersLeft}, {&out.Signups, row.CustomersJoined, row.CustomersLeft},
			{&out.Clicks, row.Clicks, 0}, {&out.Leads, row.Leads, 0}} {
			t.total.All += t.joined - t.left
			switch row.Span {
			case 0:
				t.total.Recent = max(t.joined, 0)
			case 1:
				t.total.Before = max(t.joined, 0)
			}
		}
	}
	return out, nil
}

// PartnerPage implements query.PortalReader.
func (r *Reader) PartnerPage(ctx context.Context, q query.PartnerPage) (query.PartnerPageView, error) {
	p, s, err := r.holder(ctx, q.Token, application.SessionToken)
	if err != nil {
		return query.PartnerPageView{}, err
	}
	d, err := r.detail(ctx, p.Snapshot())
	return query.PartnerPageView{Program: s.Name, Website: s.Website, LinkParameter: s.Program.LinkParameter, Partner: d}, err
}

// OpenInvitation implements query.PortalReader.
func (r *Reader) OpenInvitation(ctx context.Context, q query.OpenInvitation) (query.InvitationView, error) {
	p, s, err := r.holder(ctx, q.Token, application.InvitationToken)
	if err == nil && !p.AcceptsInvitation() {
		err = application.ErrTokenUnknown
	}
	if err != nil {
		return query.InvitationView{}, err
	}
	return query.InvitationView{Program: s.Name, Name: p.Snapshot().Name}, nil
}

// holder returns the partner that holds a token, and its seller: application.ErrTokenUnknown.
func (r *Reader) holder(ctx context.Context, token string, kind application.TokenKind) (*partner.Partner, seller.Snapshot, error) {
	t, err := r.TokenOf(ctx, application.TokenHash(token), kind, r.clock.Now())
	if err != nil {
		return nil, seller.Snapshot{}, err
	}
	p, err := findPartner(ctx, t.SellerID, application.PartnerHandle{ID: t.PartnerID}, r.found, r.all)
	if errors.Is(err, partner.ErrNotFound) {
		err = application.ErrTokenUnknown
	}
	if err != nil {
		return nil, seller.Snapshot{}, err
	}
	s, err := r.seller(ctx, "id", t.SellerID, application.ErrTokenUnknown)
	return p, s, err
}

// TokenOf implements application.PortalReader.
func (r *Reader) TokenOf(ctx context.Context, hash [sha256.Size]byte, kind application.TokenKind, now time.Time) (application.Token, error) {
	var row tokenRow
	if err := r.one(ctx, application.ErrTokenUnknown, &row, "SELECT "+tokenColumns+" FROM partner_tokens WHERE token_hash = ? AND kind = ? AND expires_at > ?",
		hash[:], string(kind), micros(now)); err != nil {
		return application.Token{}, err
	}
	return row.restore(), nil
}

// ContactOf implements application.PortalReader.
func (r *Reader) ContactOf(ctx context.Context, sellerID, partnerID string) (application.PartnerContact, error) {
	p, err := findPartner(ctx, sellerID, application.PartnerHandle{ID: partnerID}, r.found, r.all)
	if err != nil {
		return application.PartnerContact{}, err
	}
	s, err := r.seller(ctx, "id", sellerID, partner.ErrNotFound)
	if err != nil {
		return application.PartnerContact{}, err
	}
	n := p.Snapshot()
	return application.PartnerContact{PartnerID: n.ID, Email: n.Email, Name: n.Name, Surname: n.Surname, SellerName: s.Name,
		Open: p.AcceptsInvitation()}, nil
}

// Referral implements application.ReferralReader. A retired key still belongs to its seller: it makes a link without a seller
// lead there, or to nobody when another seller has the same key.
func (r *Reader) Referral(ctx context.Context, sellerCode, key string) (application.Referral, error) {
	column, value, possible := "code", sellerCode, isID(key)
	if sellerCode == "" && !possible {
		return application.Referral{}, application.ErrNoReferral
	}
	if sellerCode == "" {
		var owners []linkOwner
		if err := r.all(ctx, &owners, "SELECT seller_id, referral_key FROM partner_keys WHERE referral_key = ? LIMIT 2", key); err != nil {
			return application.Referral{}, err
		}
		if len(owners) != 1 || owners[0].Key != key {
			return application.Referral{}, application.ErrNoReferral
		}
		column, value = "id", owners[0].SellerID
	}
	s, err := r.seller(ctx, column, value, application.ErrNoReferral)
	if err != nil {
		return application.Referral{}, err
	}
	out := application.Referral{SellerID: s.ID, Key: key, Website: s.Website, Parameter: s.Program.LinkParameter, CookieDays: s.Program.CookieDays}
	if !possible {
		return out, nil
	}
	var row linkOwner
	live, err := r.found(ctx, &row, "SELECT k.seller_id, k.referral_key, k.partner_id FROM partner_keys k "+
		"JOIN partners p ON p.seller_id = k.seller_id AND p.id = k.partner_id "+
		"WHERE k.seller_id = ? AND k.referral_key = ? AND k.ordinal >= 0 AND p.status IN ('pending', 'active')", s.ID, key)
	if err != nil {
		return application.Referral{}, err
	}
	if live && row.Key == key {
		out.Live, out.PartnerID = true, row.PartnerID
	}
	return out, nil
}

// linkOwner is whose a referral key is.
type linkOwner struct {
	SellerID  string `db:"seller_id"`
	Key       string `db:"referral_key"`
	PartnerID string `db:"partner_id"`
}
