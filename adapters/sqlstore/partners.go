package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/partner"
)

type partners struct{ t *tx }

const partnerColumns = "seller_id, id, email, email_key, name, surname, status, approved, terms_accepted, tags, " +
	"referring_partner_id, password_hash, created_at, updated_at, version"

type partnerRow struct {
	SellerID           string `db:"seller_id"`
	ID                 string `db:"id"`
	Email              string `db:"email"`
	EmailKey           string `db:"email_key"`
	Name               string `db:"name"`
	Surname            string `db:"surname"`
	Status             string `db:"status"`
	Approved           bool   `db:"approved"`
	TermsAccepted      bool   `db:"terms_accepted"`
	Tags               string `db:"tags"`
	ReferringPartnerID string `db:"referring_partner_id"`
	PasswordHash       string `db:"password_hash"`
	CreatedAt          int64  `db:"created_at"`
	UpdatedAt          int64  `db:"updated_at"`
	Version            int64  `db:"version"`
}

func (r partnerRow) restore(keys []string) (*partner.Partner, error) {
	var tags []string
	if err := json.Unmarshal([]byte(r.Tags), &tags); err != nil {
		return nil, fmt.Errorf("restore the tags of partner %s: %w", r.ID, err)
	}
	return partner.FromSnapshot(partner.Snapshot{SellerID: r.SellerID, ID: r.ID, Email: r.Email, EmailKey: r.EmailKey,
		Name: r.Name, Surname: r.Surname, Status: partner.Status(r.Status), Approved: r.Approved, TermsAccepted: r.TermsAccepted,
		Keys: keys, Tags: tags, ReferringPartnerID: r.ReferringPartnerID, PasswordHash: r.PasswordHash,
		CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt), Version: r.Version}), nil
}

// Add implements application.PartnerRepository.
func (r partners) Add(ctx context.Context, p *partner.Partner) error {
	n := p.Snapshot()
	tags, err := json.Marshal(append([]string{}, n.Tags...))
	if err != nil {
		return err
	}
	taken, err := r.t.insert(ctx, "partners", "INSERT INTO partners ("+partnerColumns+") VALUES ("+marks(15)+")", n.SellerID, n.ID,
		n.Email, n.EmailKey, n.Name, n.Surname, string(n.Status), flag(n.Approved), flag(n.TermsAccepted), string(tags),
		n.ReferringPartnerID, n.PasswordHash, micros(n.CreatedAt), micros(n.UpdatedAt), n.Version)
	switch {
	case err != nil:
		return err
	case taken == "partners_email":
		return partner.Taken("email")
	case taken == "PRIMARY":
		return partner.Taken("id")
	case taken != "":
		return r.t.unexpected("partners", taken)
	}
	for ordinal, key := range n.Keys {
		taken, err := r.t.insert(ctx, "partner_keys", "INSERT INTO partner_keys (seller_id, referral_key, partner_id, ordinal) VALUES (?,?,?,?)",
			n.SellerID, key, n.ID, int64(ordinal))
		if err != nil {
			return err
		}
		if taken != "" {
			return r.undo(ctx, n)
		}
	}
	r.t.save(p, "partner", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// undo takes back a partner one of whose keys is taken, so that nothing of it is stored if the transaction goes on.
func (r partners) undo(ctx context.Context, n partner.Snapshot) error {
	if _, err := r.t.exec(ctx, "DELETE FROM partner_keys WHERE seller_id = ? AND partner_id = ?", n.SellerID, n.ID); err != nil {
		return err
	}
	if _, err := r.t.exec(ctx, "DELETE FROM partners WHERE seller_id = ? AND id = ?", n.SellerID, n.ID); err != nil {
		return err
	}
	return partner.Taken("key")
}

// Find implements application.PartnerRepository.
func (r partners) Find(ctx context.Context, sellerID string, h application.PartnerHandle) (*partner.Partner, error) {
	return findPartner(ctx, sellerID, h, r.t.get, r.t.selectAll)
}

// findPartner finds a partner by its first handle given, inside or outside of a transaction.
func findPartner(ctx context.Context, sellerID string, h application.PartnerHandle,
	get func(ctx context.Context, into any, statement string, args ...any) (bool, error),
	selectAll func(ctx context.Context, into any, statement string, args ...any) error) (*partner.Partner, error) {
	id := h.ID
	if id == "" && h.Key != "" {
		var row struct {
			Key string `db:"referral_key"`
			ID  string `db:"partner_id"`
		}
		found, err := get(ctx, &row, "SELECT referral_key, partner_id FROM partner_keys WHERE seller_id = ? AND referral_key = ?", sellerID, h.Key)
		if err != nil {
			return nil, err
		}
		if !found || row.Key != h.Key {
			return nil, partner.ErrNotFound
		}
		id = row.ID
	}
	where, value := "id = ?", id
	if id == "" {
		email, err := contact.ParseEmail(h.Email)
		if err != nil {
			return nil, partner.ErrNotFound
		}
		where, value = "email_key = ?", email.Key()
	}
	var row partnerRow
	found, err := get(ctx, &row, "SELECT "+partnerColumns+" FROM partners WHERE seller_id = ? AND "+where, sellerID, value)
	if err != nil {
		return nil, err
	}
	if !found || row.ID != value && row.EmailKey != value {
		return nil, partner.ErrNotFound
	}
	var keys []string
	if err := selectAll(ctx, &keys, "SELECT referral_key FROM partner_keys WHERE seller_id = ? AND partner_id = ? ORDER BY ordinal", sellerID, row.ID); err != nil {
		return nil, err
	}
	return row.restore(keys)
}
