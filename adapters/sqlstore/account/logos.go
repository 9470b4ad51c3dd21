package account

import (
	"context"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/sellerrow"
	"github.com/leadmill/leadmill/application/account"
	accountquery "github.com/leadmill/leadmill/application/account/query"
	"github.com/leadmill/leadmill/domain/seller"
)

type logos struct{ t *engine.Tx }

var _ account.LogoRepository = logos{}

// Put implements account.LogoRepository. A row that is there is changed: two that are put at once wait for one another.
func (r logos) Put(ctx context.Context, sellerID string, l seller.Logo) error {
	there, err := r.t.Insert(ctx, "seller_logos", "INSERT INTO seller_logos (seller_id, media_type, image, version) VALUES (?,?,?,?)", sellerID, l.MediaType, l.Image, l.Version)
	if err != nil || there == "" {
		return err
	}
	_, err = r.t.Exec(ctx, "UPDATE seller_logos SET media_type = ?, image = ?, version = ? WHERE seller_id = ?", l.MediaType, l.Image, l.Version, sellerID)
	return err
}

// Remove implements account.LogoRepository.
func (r logos) Remove(ctx context.Context, sellerID string) error {
	_, err := r.t.Exec(ctx, "DELETE FROM seller_logos WHERE seller_id = ?", sellerID)
	return err
}

// BrandOfSeller answers accountquery.BrandOfSeller: seller.ErrNotFound.
func (r *Reader) BrandOfSeller(ctx context.Context, q accountquery.BrandOfSeller) (accountquery.Brand, error) {
	row, found, err := sellerrow.ByCode(ctx, r.db, q.Code, "")
	if err == nil && !found {
		err = seller.ErrNotFound
	}
	if err != nil {
		return accountquery.Brand{}, err
	}
	program, err := row.PartnerProgram()
	if err != nil {
		return accountquery.Brand{}, err
	}
	b := accountquery.Brand{Code: row.Code, Name: row.Name, Color: program.Color}
	_, err = r.db.Get(ctx, &b.Logo, "SELECT version FROM seller_logos WHERE seller_id = ?", row.ID)
	return b, err
}

// LogoOfSeller answers accountquery.LogoOfSeller: accountquery.ErrNoLogo.
func (r *Reader) LogoOfSeller(ctx context.Context, q accountquery.LogoOfSeller) (accountquery.LogoView, error) {
	if !engine.IsID(q.Code) || !engine.IsID(q.Version) {
		return accountquery.LogoView{}, accountquery.ErrNoLogo
	}
	row, found, err := sellerrow.ByCode(ctx, r.db, q.Code, "")
	if err == nil && !found {
		err = accountquery.ErrNoLogo
	}
	if err != nil {
		return accountquery.LogoView{}, err
	}
	var logo struct {
		MediaType string `db:"media_type"`
		Image     []byte `db:"image"`
	}
	err = r.db.One(ctx, accountquery.ErrNoLogo, &logo, "SELECT media_type, image FROM seller_logos WHERE seller_id = ? AND version = ?", row.ID, q.Version)
	return accountquery.LogoView{MediaType: logo.MediaType, Image: logo.Image}, err
}
