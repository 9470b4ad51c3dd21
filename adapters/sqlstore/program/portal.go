package program

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/partner"
)

// PartnerPage answers programquery.PartnerPage: program.ErrTokenUnknown.
func (r *Reader) PartnerPage(ctx context.Context, q programquery.PartnerPage) (programquery.PartnerPageView, error) {
	p, s, err := r.holder(ctx, q.Token, program.SessionToken)
	if err != nil {
		return programquery.PartnerPageView{}, err
	}
	d, err := r.detail(ctx, p)
	if err != nil {
		return programquery.PartnerPageView{}, err
	}
	form, err := findForm(ctx, r.db, p.SellerID)
	return programquery.PartnerPageView{
		Program: s.Name, Website: s.Website, LinkParameter: s.program.LinkParameter, SellerCode: s.Code, TimeZone: s.TimeZone,
		LeadForm: form.Enabled, Partner: d,
	}, err
}

// OwnLeadForm answers programquery.OwnLeadForm: program.ErrTokenUnknown.
func (r *Reader) OwnLeadForm(ctx context.Context, q programquery.OwnLeadForm) (programquery.LeadForm, error) {
	p, _, err := r.holder(ctx, q.Token, program.SessionToken)
	if err != nil {
		return programquery.LeadForm{}, err
	}
	n, err := findForm(ctx, r.db, p.SellerID)
	return programquery.LeadForm{FormSnapshot: n}, err
}

// OwnFormLeads answers programquery.OwnFormLeads: program.ErrTokenUnknown.
func (r *Reader) OwnFormLeads(ctx context.Context, q programquery.OwnFormLeads) (application.List[programquery.FormLead], error) {
	p, _, err := r.holder(ctx, q.Token, program.SessionToken)
	if err != nil {
		return application.List[programquery.FormLead]{}, err
	}
	return r.reviewed(ctx, p.SellerID, q.Page, programquery.MostOwnReviewed, "(SELECT l.partner_id FROM leads l WHERE l.seller_id = f.seller_id AND l.id = f.lead_id) = ?", p.ID)
}

// OpenInvitation answers programquery.OpenInvitation: program.ErrTokenUnknown.
func (r *Reader) OpenInvitation(ctx context.Context, q programquery.OpenInvitation) (programquery.InvitationView, error) {
	p, s, err := r.holder(ctx, q.Token, program.InvitationToken)
	if err == nil && !p.acceptsInvitation() {
		err = program.ErrTokenUnknown
	}
	if err != nil {
		return programquery.InvitationView{}, err
	}
	return programquery.InvitationView{Program: s.Name, SellerCode: s.Code, Name: p.Name, SignedUp: p.signedUp()}, nil
}

// OpenSignIn answers programquery.OpenSignIn: program.ErrTokenUnknown.
func (r *Reader) OpenSignIn(ctx context.Context, q programquery.OpenSignIn) (programquery.SignInView, error) {
	p, s, err := r.holder(ctx, q.Token, program.SignInToken)
	if err == nil && partner.Status(p.Status) != partner.StatusActive {
		err = program.ErrTokenUnknown
	}
	if err != nil {
		return programquery.SignInView{}, err
	}
	return programquery.SignInView{Program: s.Name, SellerCode: s.Code, Name: p.Name}, nil
}

// SignUpPage answers programquery.SignUpPage: programquery.ErrNoSuchPage.
func (r *Reader) SignUpPage(ctx context.Context, q programquery.SignUpPage) (programquery.SignUpView, error) {
	if !engine.IsID(q.SellerCode) {
		return programquery.SignUpView{}, programquery.ErrNoSuchPage
	}
	s, err := r.sellerByCode(ctx, q.SellerCode, programquery.ErrNoSuchPage)
	if err != nil {
		return programquery.SignUpView{}, err
	}
	return programquery.SignUpView{
		SellerID: s.ID, SellerCode: s.Code, Program: s.Name, Open: s.program.SignUp, Manual: s.program.ManualApproval, Terms: s.program.Terms, TermsURL: s.program.TermsURL,
	}, nil
}

// holder returns the partner that holds a token, and its seller: program.ErrTokenUnknown.
func (r *Reader) holder(ctx context.Context, token string, kind program.TokenKind) (foundPartner, owner, error) {
	t, err := r.TokenOf(ctx, program.TokenHash(token), kind, r.clock.Now())
	if err != nil {
		return foundPartner{}, owner{}, err
	}
	p, err := findPartner(ctx, r.db, t.SellerID, application.PartnerHandle{ID: t.PartnerID})
	if errors.Is(err, partner.ErrNotFound) {
		err = program.ErrTokenUnknown
	}
	if err != nil {
		return foundPartner{}, owner{}, err
	}
	s, err := r.sellerByID(ctx, t.SellerID, program.ErrTokenUnknown)
	return p, s, err
}

// TokenOf implements program.PortalReader.
func (r *Reader) TokenOf(ctx context.Context, hash [sha256.Size]byte, kind program.TokenKind, now time.Time) (program.Token, error) {
	var row tokenRow
	if err := r.db.One(ctx, program.ErrTokenUnknown, &row, "SELECT "+tokenColumns+" FROM partner_tokens WHERE token_hash = ? AND kind = ? AND expires_at > ?",
		hash[:], string(kind), engine.Micros(now)); err != nil {
		return program.Token{}, err
	}
	return row.restore(), nil
}

// HoldsToken implements program.PortalReader.
func (r *Reader) HoldsToken(ctx context.Context, sellerID, partnerID string, kind program.TokenKind, now time.Time) (bool, error) {
	var one int
	return r.db.Get(ctx, &one, "SELECT 1 FROM partner_tokens WHERE seller_id = ? AND partner_id = ? AND kind = ? AND expires_at > ? LIMIT 1",
		sellerID, partnerID, string(kind), engine.Micros(now))
}

// ContactOf implements program.PortalReader.
func (r *Reader) ContactOf(ctx context.Context, sellerID, partnerID string) (program.PartnerContact, error) {
	p, err := findPartner(ctx, r.db, sellerID, application.PartnerHandle{ID: partnerID})
	if err != nil {
		return program.PartnerContact{}, err
	}
	s, err := r.sellerByID(ctx, sellerID, partner.ErrNotFound)
	if err != nil {
		return program.PartnerContact{}, err
	}
	return program.PartnerContact{
		PartnerID: p.ID, Email: p.Email, EmailKey: p.EmailKey, Name: p.Name, Surname: p.Surname, SellerName: s.Name,
		Open: p.acceptsInvitation(), Active: partner.Status(p.Status) == partner.StatusActive, SignedUp: p.signedUp(),
	}, nil
}
