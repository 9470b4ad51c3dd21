package sqlstore

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/application"
)

type tokens struct{ t *tx }

const tokenColumns = "token_hash, kind, seller_id, partner_id, expires_at"

type tokenRow struct {
	Hash      []byte `db:"token_hash"`
	Kind      string `db:"kind"`
	SellerID  string `db:"seller_id"`
	PartnerID string `db:"partner_id"`
	ExpiresAt int64  `db:"expires_at"`
}

func (r tokenRow) restore() application.Token {
	t := application.Token{Kind: application.TokenKind(r.Kind), SellerID: r.SellerID, PartnerID: r.PartnerID, ExpiresAt: timeOf(r.ExpiresAt)}
	copy(t.Hash[:], r.Hash)
	return t
}

// Add implements application.TokenRepository.
func (r tokens) Add(ctx context.Context, t application.Token) error {
	_, err := r.t.exec(ctx, "INSERT INTO partner_tokens ("+tokenColumns+") VALUES ("+marks(5)+")", t.Hash[:], string(t.Kind), t.SellerID,
		t.PartnerID, micros(t.ExpiresAt))
	return err
}

// Consume implements application.TokenRepository. Of several at once the DELETE of one finds the row.
func (r tokens) Consume(ctx context.Context, hash [sha256.Size]byte, kind application.TokenKind, now time.Time) (application.Token, error) {
	var row tokenRow
	found, err := r.t.get(ctx, &row, "SELECT "+tokenColumns+" FROM partner_tokens WHERE token_hash = ?", hash[:])
	if err != nil {
		return application.Token{}, err
	}
	if !found || row.Kind != string(kind) || row.ExpiresAt <= micros(now) {
		return application.Token{}, application.ErrTokenUnknown
	}
	matched, err := r.t.exec(ctx, "DELETE FROM partner_tokens WHERE token_hash = ?", hash[:])
	if err != nil {
		return application.Token{}, err
	}
	if matched != 1 {
		return application.Token{}, application.ErrTokenUnknown
	}
	return row.restore(), nil
}

// RevokeOfPartner implements application.TokenRepository.
func (r tokens) RevokeOfPartner(ctx context.Context, sellerID, partnerID string, kinds ...application.TokenKind) error {
	statement, args := "DELETE FROM partner_tokens WHERE seller_id = ? AND partner_id = ?", []any{sellerID, partnerID}
	if len(kinds) > 0 {
		statement += " AND kind IN (" + marks(len(kinds)) + ")"
		for _, k := range kinds {
			args = append(args, string(k))
		}
	}
	_, err := r.t.exec(ctx, statement, args...)
	return err
}
