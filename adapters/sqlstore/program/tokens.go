package program

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application/program"
)

type tokens struct{ t *engine.Tx }

const tokenColumns = "token_hash, kind, seller_id, partner_id, expires_at"

type tokenRow struct {
	Hash      []byte `db:"token_hash"`
	Kind      string `db:"kind"`
	SellerID  string `db:"seller_id"`
	PartnerID string `db:"partner_id"`
	ExpiresAt int64  `db:"expires_at"`
}

func (r tokenRow) restore() program.Token {
	t := program.Token{Kind: program.TokenKind(r.Kind), SellerID: r.SellerID, PartnerID: r.PartnerID, ExpiresAt: engine.Time(r.ExpiresAt)}
	copy(t.Hash[:], r.Hash)
	return t
}

// Add implements program.TokenRepository.
func (r tokens) Add(ctx context.Context, t program.Token) error {
	_, err := r.t.Exec(ctx, "INSERT INTO partner_tokens ("+tokenColumns+") VALUES ("+engine.Marks(5)+")", t.Hash[:], string(t.Kind), t.SellerID,
		t.PartnerID, engine.Micros(t.ExpiresAt))
	return err
}

// Consume implements program.TokenRepository. Of several at once the DELETE of one finds the row.
func (r tokens) Consume(ctx context.Context, hash [sha256.Size]byte, kind program.TokenKind, now time.Time) (program.Token, error) {
	var row tokenRow
	found, err := r.t.Get(ctx, &row, "SELECT "+tokenColumns+" FROM partner_tokens WHERE token_hash = ?", hash[:])
	if err != nil {
		return program.Token{}, err
	}
	if !found || row.Kind != string(kind) || row.ExpiresAt <= engine.Micros(now) {
		return program.Token{}, program.ErrTokenUnknown
	}
	matched, err := r.t.Exec(ctx, "DELETE FROM partner_tokens WHERE token_hash = ?", hash[:])
	if err != nil {
		return program.Token{}, err
	}
	if matched != 1 {
		return program.Token{}, program.ErrTokenUnknown
	}
	return row.restore(), nil
}

// RevokeOfPartner implements program.TokenRepository.
func (r tokens) RevokeOfPartner(ctx context.Context, sellerID, partnerID string, kinds ...program.TokenKind) error {
	statement, args := r.t.DeleteByKey("partner_tokens", "partner_tokens_partner")+" WHERE seller_id = ? AND partner_id = ?", []any{sellerID, partnerID}
	if len(kinds) > 0 {
		statement += " AND kind IN (" + engine.Marks(len(kinds)) + ")"
		for _, k := range kinds {
			args = append(args, string(k))
		}
	}
	_, err := r.t.Exec(ctx, statement, args...)
	return err
}
