package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/seller"
)

type keys struct{ t *engine.Tx }

const keyColumns = "id, seller_id, scope, name, partner_id, limit_requests, limit_window_us, hash, created_at, revoked_at, campaign_id, origins, expires_at"

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
	ExpiresAt int64   `db:"expires_at"`
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
		CreatedAt: engine.Time(k.CreatedAt), RevokedAt: engine.Time(k.RevokedAt), ExpiresAt: engine.Time(k.ExpiresAt),
	}
	copy(key.Hash[:], k.Hash)
	return key
}

// Add implements application.KeyRepository.
func (r keys) Add(ctx context.Context, k seller.Key) error {
	r.t.Note(k.ID)
	var origins *string
	if len(k.Origins) > 0 {
		text := strings.Join(k.Origins, " ")
		origins = &text
	}
	_, err := r.t.Exec(ctx, "INSERT INTO api_keys ("+keyColumns+") VALUES ("+engine.Marks(13)+")", k.ID, k.SellerID, string(k.Scope), k.Name,
		k.PartnerID, k.Limit.Requests, k.Limit.Window.Microseconds(), k.Hash[:], engine.Micros(k.CreatedAt), engine.Micros(k.RevokedAt), k.CampaignID, origins,
		engine.Micros(k.ExpiresAt))
	return err
}

// Get implements application.KeyRepository.
func (r keys) Get(ctx context.Context, sellerID, id string) (seller.Key, error) {
	var row keyRow
	found, err := r.t.Get(ctx, &row, "SELECT "+keyColumns+" FROM api_keys WHERE id = ? AND seller_id = ?", id, sellerID)
	if err == nil && !found {
		err = seller.ErrKeyNotFound
	}
	return row.restore(), err
}

// Expire implements application.KeyRepository.
func (r keys) Expire(ctx context.Context, sellerID, id string, at time.Time) error {
	r.t.Note(id)
	return changed(r.t.Exec(ctx, "UPDATE api_keys SET expires_at = ? WHERE id = ? AND seller_id = ? AND revoked_at = 0", engine.Micros(at), id, sellerID))
}

// Used implements application.KeyRepository. The rows are written in the order of their ids, as by all instances.
func (r keys) Used(ctx context.Context, used []application.KeyUse) error {
	used = slices.Clone(used)
	slices.SortFunc(used, func(a, b application.KeyUse) int { return strings.Compare(a.KeyID, b.KeyID) })
	for _, u := range used {
		at := engine.Micros(u.At)
		if _, err := r.t.Exec(ctx, "UPDATE api_keys SET last_used_at = CASE WHEN last_used_at < ? THEN ? ELSE last_used_at END, leads = leads + ? WHERE id = ? AND seller_id = ?",
			at, at, u.Leads, u.KeyID, u.SellerID); err != nil {
			return err
		}
	}
	return nil
}

// Revoke implements application.KeyRepository.
func (r keys) Revoke(ctx context.Context, sellerID, id string, at time.Time) error {
	if !engine.IsID(id) {
		return seller.ErrKeyNotFound
	}
	r.t.Note(id)
	return changed(r.t.Exec(ctx, "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND seller_id = ? AND revoked_at = 0 AND expires_at NOT BETWEEN 1 AND ?",
		engine.Micros(at), id, sellerID, engine.Micros(at)))
}

// changed makes seller.ErrKeyNotFound of a statement that met no row.
func changed(matched int64, err error) error {
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
