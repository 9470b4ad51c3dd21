package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What partners have whose pages are opened: one of them has half of all.
const (
	pagesFormLeads  = 100_000
	pagesFormPosted = 1_000 // of them by the API; the others are written beside it
	pagesLinks      = 20    // of the partner, each followed on every day
	pagesLinkDays   = 365
)

type reviewLine struct {
	SellerID    string `db:"seller_id"`
	LeadID      string `db:"lead_id"`
	Number      int64  `db:"number"`
	Status      string `db:"status"`
	Name        string `db:"name"`
	Email       string `db:"email"`
	FormVersion int64  `db:"form_version"`
	Answers     string `db:"answers"`
	CustomerID  string `db:"customer_id"`
}

type linkDayLine struct {
	SellerID    string `db:"seller_id"`
	PartnerID   string `db:"partner_id"`
	Day         string `db:"day"`
	ReferralKey string `db:"referral_key"`
	Clicks      int64  `db:"clicks"`
	Signups     int64  `db:"signups"`
}

type activityLine struct {
	SellerID  string `db:"seller_id"`
	PartnerID string `db:"partner_id"`
	Clicks    int64  `db:"clicks"`
	Signups   int64  `db:"signups"`
	Leads     int64  `db:"leads"`
}

func linkKey(n int) string { return fmt.Sprintf("link%02d", n) }

// addLinks gives the partner that has the customers its links, by the API.
func (s *shop) addLinks(ctx context.Context, _ settings) error {
	if err := call(ctx, s.api, http.MethodPost, "/v1/partners", map[string]any{"id": pagingPartner, "email": "paging@partners.example", "name": "Load", "surname": "Partner"}, nil); err != nil {
		return err
	}
	for i := range pagesLinks {
		if err := call(ctx, s.api, http.MethodPost, "/v1/partner_referral_links", map[string]any{"partner": map[string]any{"id": pagingPartner}, "key": linkKey(i)}, nil); err != nil {
			return err
		}
	}
	return nil
}

// postFormLeads posts the first form leads, of all who send leads.
func (s *shop) postFormLeads(ctx context.Context, c settings) error {
	for i := range min(pagesFormPosted, c.pagesLeads/20) {
		body := map[string]any{"name": "Mia", "email": fmt.Sprintf("mia-%d@leads.example", i), "partner": map[string]any{"id": s.partners[i%pagesSuppliers]}}
		if err := call(ctx, s.api, http.MethodPost, "/v1/leads", body, nil); err != nil {
			return err
		}
	}
	return nil
}

// writeProgram writes the other form leads, with the columns of the first, and what came by the links of the partner.
func (s *shop) writeProgram(ctx context.Context, w *writer, c settings) error {
	var review reviewLine
	var lead leadLine
	var given, ofPartner int64
	if err := errors.Join(
		w.db.Reader.GetContext(ctx, &review, "SELECT "+strings.Join(columnsOf(review), ", ")+" FROM lead_reviews WHERE seller_id = ? AND number = 1", s.sellerID),
		w.db.Reader.GetContext(ctx, &given, "SELECT MAX(number) FROM lead_reviews WHERE seller_id = ?", s.sellerID),
	); err != nil {
		return err
	}
	if err := w.db.Reader.GetContext(ctx, &lead, "SELECT "+strings.Join(columnsOf(lead), ", ")+" FROM leads WHERE seller_id = ? AND id = ?", s.sellerID, review.LeadID); err != nil {
		return err
	}
	all := min(pagesFormLeads, c.pagesLeads/10)
	to := time.Now().Add(-time.Minute)
	from := to.AddDate(0, 0, -pagesDays)
	for n := given + 1; n <= all; n++ {
		at := from.Add(time.Duration(float64(to.Sub(from)) * float64(n) / float64(all)))
		lead.ID, lead.PartnerID = idAt("lead", at, n+int64(1)<<40), s.partners[n%pagesSuppliers]
		if n%2 == 0 {
			lead.PartnerID = pagingPartner
		}
		lead.CreatedAt, lead.UpdatedAt = at.UnixMicro(), at.UnixMicro()
		review.LeadID, review.Number, review.Email = lead.ID, n, fmt.Sprintf("mia-%d@leads.example", n)
		if err := errors.Join(w.add(ctx, "leads", lead), w.add(ctx, "lead_reviews", review)); err != nil {
			return err
		}
		if lead.PartnerID == pagingPartner {
			ofPartner++
		}
	}
	for day := range pagesLinkDays {
		for i := range pagesLinks {
			if err := w.add(ctx, "link_days", linkDayLine{s.sellerID, pagingPartner, to.AddDate(0, 0, -day-1).UTC().Format(time.DateOnly), linkKey(i), 90, 3}); err != nil {
				return err
			}
		}
	}
	const followed = pagesLinkDays * pagesLinks
	if _, err := w.db.Writer.ExecContext(ctx, "DELETE FROM partner_activity WHERE seller_id = ? AND partner_id = ?", s.sellerID, pagingPartner); err != nil {
		return err
	}
	if err := w.add(ctx, "partner_activity", activityLine{s.sellerID, pagingPartner, 90 * followed, 3 * followed, ofPartner}); err != nil {
		return err
	}
	_, err := w.db.Writer.ExecContext(ctx, "UPDATE seller_numbers SET value = ? WHERE seller_id = ? AND value = ?", max(all, given), s.sellerID, given)
	return err
}
