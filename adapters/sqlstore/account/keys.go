package account

import (
	"context"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/domain/seller"
)

type keys struct{ t *engine.Tx }

const keyColumns = "id, seller_id, scope, name, partner_id, limit_requests, limit_window_us, hash, created_at, revoked_at, campaign_id, origins"

type keyRow struct {
	ID        string  `db:"id"`
	SellerID  string  `db:"seller_id"`
	Scope     string  `db:"scope"`
	Name      string  `db:"name"`
	PartnerID string  `db:"partner_id"`
	Requests  int64   `db:"limit_requests"`
	WindowUS  int64   `db:"limit_window_us"`
	Hash      []byte  `db:"hash"`
	CreatedAt int64   `db:"created_at"`
	RevokedAt int64   `db:"revoked_at"`
	Campaign  string  `db:"campaign_id"`
	Origins   *string `db:"origins"`
}

// origins returns those of a published key, which are stored with a space between them.
func (k keyRow) origins() []string {
	if k.Origins == nil {
		return nil
	}
	return strings.Fields(*k.Origins)
}

func (k keyRow) limit() seller.RateLimit {
	return seller.RateLimit{Requests: k.Requests, Window: time.Duration(k.WindowUS) * time.Microsecond}
}

func (k keyRow) restore() seller.Key {
	key := seller.Key{
		ID: k.ID, SellerID: k.SellerID, Scope: seller.Scope(k.Scope), Name: k.Name, PartnerID: k.PartnerID,
		CampaignID: k.Campaign, Origins: k.origins(), Limit: k.limit(),
		CreatedAt: engine.Time(k.CreatedAt), RevokedAt: engine.Time(k.RevokedAt),
	}
	copy(key.Hash[:], k.Hash)
	return key
}

// Add implements application.KeyRepository.
func (r keys) Add(ctx context.Context, k seller.Key) error {
	var origins *string
	if len(k.Origins) > 0 {
		text := strings.Join(k.Origins, " ")
		origins = &text
	}
	_, err := r.t.Exec(ctx, "INSERT INTO api_keys ("+keyColumns+") VALUES ("+engine.Marks(12)+")", k.ID, k.SellerID, string(k.Scope), k.Name,
		k.PartnerID, k.Limit.Requests, k.Limit.Window.Microseconds(), k.Hash[:], engine.Micros(k.CreatedAt), engine.Micros(k.RevokedAt), k.CampaignID, origins)
	return err
}

// Revoke implements application.KeyRepository.
func (r keys) Revoke(ctx context.Context, sellerID, id string, at time.Time) error {
	if !engine.IsID(id) {
		return seller.ErrKeyNotFound
	}
	matched, err := r.t.Exec(ctx, "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND seller_id = ? AND revoked_at = 0", engine.Micros(at), id, sellerID)
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
	_, err := r.t.Exec(ctx, "UPDATE api_keys"+r.t.UseKey("api_keys_seller")+" SET revoked_at = ? WHERE seller_id = ? AND partner_id = ? AND revoked_at = 0", engine.Micros(at), sellerID, partnerID)
	return err
}
