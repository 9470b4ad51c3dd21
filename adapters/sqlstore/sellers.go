package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

type sellers struct{ t *tx }

const sellerColumns = "id, code, slug, name, currency, time_zone, website, program, created_at, updated_at, version"

type sellerRow struct {
	ID        string  `db:"id"`
	Code      string  `db:"code"`
	Slug      string  `db:"slug"`
	Name      string  `db:"name"`
	Currency  string  `db:"currency"`
	TimeZone  string  `db:"time_zone"`
	Website   string  `db:"website"`
	Program   *string `db:"program"`
	CreatedAt int64   `db:"created_at"`
	UpdatedAt int64   `db:"updated_at"`
	Version   int64   `db:"version"`
}

func (r sellerRow) restore() (*seller.Seller, error) {
	program, err := decodeProgram(r.Program)
	if err != nil {
		return nil, fmt.Errorf("restore the program of seller %s: %w", r.ID, err)
	}
	s, err := seller.FromSnapshot(seller.Snapshot{ID: r.ID, Code: r.Code, Slug: r.Slug, Name: r.Name, Currency: r.Currency, TimeZone: r.TimeZone,
		Website: r.Website, Program: program, CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt), Version: r.Version})
	if err != nil {
		return nil, fmt.Errorf("restore seller %s: %w", r.ID, err)
	}
	return s, nil
}

// storedProgram is the column sellers.program.
type storedProgram struct {
	Manual        bool                `json:"manual,omitempty"`
	Parameter     string              `json:"parameter"`
	CookieDays    int                 `json:"cookie_days"`
	LastTouch     bool                `json:"last_touch,omitempty"`
	WindowDays    int                 `json:"window_days,omitempty"`
	SelfReferral  bool                `json:"self_referral,omitempty"`
	LeadsCampaign *storedLeadCampaign `json:"leads,omitempty"`
}

type storedLeadCampaign struct {
	CampaignID string            `json:"campaign"`
	Fields     map[string]string `json:"fields"`
}

func encodeProgram(p seller.PartnerProgram) (string, error) {
	return encodeJSON(storedProgram{p.ManualApproval, p.LinkParameter, p.CookieDays, p.LastTouch, p.WindowDays, p.AllowSelfReferral,
		(*storedLeadCampaign)(p.LeadCampaign)})
}

// decodeProgram reads what encodeProgram wrote; a seller that has set nothing has the default program.
func decodeProgram(data *string) (seller.PartnerProgram, error) {
	if data == nil {
		return seller.DefaultProgram(), nil
	}
	var p storedProgram
	if err := json.Unmarshal([]byte(*data), &p); err != nil {
		return seller.PartnerProgram{}, err
	}
	return seller.PartnerProgram{ManualApproval: p.Manual, LinkParameter: p.Parameter, CookieDays: p.CookieDays, LastTouch: p.LastTouch,
		WindowDays: p.WindowDays, AllowSelfReferral: p.SelfReferral, LeadCampaign: (*seller.LeadCampaign)(p.LeadsCampaign)}, nil
}

// Add implements application.SellerRepository.
func (r sellers) Add(ctx context.Context, s *seller.Seller) error {
	n := s.Snapshot()
	program, err := encodeProgram(n.Program)
	if err != nil {
		return r.t.refuse(err)
	}
	taken, err := r.t.insert(ctx, "sellers", "INSERT INTO sellers ("+sellerColumns+") VALUES ("+marks(11)+")", n.ID, n.Code, n.Slug,
		n.Name, n.Currency, n.TimeZone, n.Website, program, micros(n.CreatedAt), micros(n.UpdatedAt), n.Version)
	if err != nil {
		return err
	}
	switch taken {
	case "":
		r.t.save(s, "seller", n.ID, n.ID, application.TrailOf(ctx))
		return nil
	case "sellers_code":
		return seller.ErrCodeTaken
	case "sellers_slug":
		return seller.ErrSlugTaken
	default:
		return r.t.unexpected("sellers", taken)
	}
}

// Lock implements application.SellerRepository.
func (r sellers) Lock(ctx context.Context, id string) (*seller.Seller, error) {
	return r.one(ctx, "id", id, r.t.s.db.ForUpdate())
}

// LockByCode implements application.SellerRepository.
func (r sellers) LockByCode(ctx context.Context, code string) (*seller.Seller, error) {
	return r.one(ctx, "code", code, r.t.s.db.ForUpdate())
}

// Get implements application.SellerRepository.
func (r sellers) Get(ctx context.Context, id string) (*seller.Seller, error) {
	return r.one(ctx, "id", id, "")
}

func (r sellers) one(ctx context.Context, column, value, lock string) (*seller.Seller, error) {
	var row sellerRow
	found, err := r.t.get(ctx, &row, "SELECT "+sellerColumns+" FROM sellers WHERE "+column+" = ?"+lock, value)
	if err != nil {
		return nil, err
	}
	// MySQL's collations ignore trailing spaces; ids and codes do not.
	if !found || value != row.ID && value != row.Code {
		return nil, seller.ErrNotFound
	}
	return row.restore()
}

// Save implements application.SellerRepository.
func (r sellers) Save(ctx context.Context, s *seller.Seller) error {
	n := s.Snapshot()
	program, err := encodeProgram(n.Program)
	if err != nil {
		return r.t.refuse(err)
	}
	taken, matched, err := r.t.update(ctx, "sellers", "UPDATE sellers SET slug = ?, name = ?, time_zone = ?, website = ?, program = ?, updated_at = ?, version = ? WHERE id = ? AND version = ?",
		n.Slug, n.Name, n.TimeZone, n.Website, program, micros(n.UpdatedAt), n.Version, n.ID, s.StoredVersion())
	switch {
	case err != nil:
		return err
	case taken == "sellers_slug":
		return seller.ErrSlugTaken
	case taken != "":
		return r.t.unexpected("sellers", taken)
	case matched != 1:
		return application.ErrConcurrentChange
	}
	r.t.save(s, "seller", n.ID, n.ID, application.TrailOf(ctx))
	return nil
}

type keys struct{ t *tx }

// Add implements application.KeyRepository.
func (r keys) Add(ctx context.Context, k seller.Key) error {
	_, err := r.t.exec(ctx, "INSERT INTO api_keys (id, seller_id, scope, name, partner_id, limit_requests, limit_window_us, hash, created_at, revoked_at) VALUES ("+marks(10)+")",
		k.ID, k.SellerID, string(k.Scope), k.Name, k.PartnerID, k.Limit.Requests, k.Limit.Window.Microseconds(), k.Hash[:],
		micros(k.CreatedAt), micros(k.RevokedAt))
	return err
}

// Revoke implements application.KeyRepository.
func (r keys) Revoke(ctx context.Context, sellerID, id string, at time.Time) error {
	matched, err := r.t.exec(ctx, "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND seller_id = ? AND revoked_at = 0", micros(at), id, sellerID)
	if err != nil {
		return err
	}
	if matched == 0 {
		return seller.ErrKeyNotFound
	}
	return nil
}

// RevokeOfPartner implements application.KeyRepository.
func (r keys) RevokeOfPartner(ctx context.Context, sellerID, partnerID string, at time.Time) error {
	if partnerID == "" { // the keys of operators and admins, which have no partner
		return nil
	}
	_, err := r.t.exec(ctx, "UPDATE api_keys SET revoked_at = ? WHERE seller_id = ? AND partner_id = ? AND revoked_at = 0", micros(at), sellerID, partnerID)
	return err
}
