package program

import (
	"context"
	"errors"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/partner"
)

const selectKeys = "SELECT referral_key, ordinal FROM partner_keys WHERE seller_id = ? AND partner_id = ? ORDER BY ordinal, referral_key"

// foundPartner is the row of a partner with its referral keys, the default one first, and those that are retired.
type foundPartner struct {
	partnerRow

	keys, retired []string
}

// partnerLookup finds partners, inside or outside of a transaction. lock is appended to the statement that reads the row.
type partnerLookup struct {
	from engine.Source
	lock string
}

// findPartner finds a partner by its first handle given, without locking it: partner.ErrNotFound.
func findPartner(ctx context.Context, from engine.Source, sellerID string, h application.PartnerHandle) (foundPartner, error) {
	p, err := partnerLookup{from, ""}.find(ctx, sellerID, h)
	if errors.Is(err, engine.ErrLostRace) {
		return foundPartner{}, partner.ErrNotFound
	}
	return p, err
}

// find returns the partner of a handle: partner.ErrNotFound, engine.ErrLostRace when the handle was given up meanwhile.
func (l partnerLookup) find(ctx context.Context, sellerID string, h application.PartnerHandle) (foundPartner, error) {
	switch {
	case h.Any != "":
		p, err := l.find(ctx, sellerID, application.PartnerHandle{ID: h.Any})
		if errors.Is(err, partner.ErrNotFound) {
			p, err = l.find(ctx, sellerID, application.PartnerHandle{Key: h.Any})
		}
		return p, err
	case h.ID != "":
		return l.byID(ctx, sellerID, h.ID)
	case h.Key != "":
		if !engine.IsID(h.Key) {
			return foundPartner{}, partner.ErrNotFound
		}
		return l.by(ctx, sellerID, "SELECT partner_id AS id FROM partner_keys WHERE seller_id = ? AND referral_key = ? AND ordinal >= 0", h.Key,
			func(p foundPartner) bool { return slices.Contains(p.keys, h.Key) })
	}
	email, err := contact.ParseEmail(h.Email)
	if err != nil {
		return foundPartner{}, partner.ErrNotFound
	}
	return l.by(ctx, sellerID, "SELECT id FROM partners WHERE seller_id = ? AND email_key = ?", email.Key(),
		func(p foundPartner) bool { return p.EmailKey == email.Key() })
}

// by finds an id by a statement and then reads the row of that partner. What the statement asked for must still be true of it.
func (l partnerLookup) by(ctx context.Context, sellerID, statement, value string, still func(foundPartner) bool) (foundPartner, error) {
	var row struct {
		ID string `db:"id"`
	}
	found, err := l.from.Get(ctx, &row, statement, sellerID, value)
	if err != nil {
		return foundPartner{}, err
	}
	if !found {
		return foundPartner{}, partner.ErrNotFound
	}
	p, err := l.byID(ctx, sellerID, row.ID)
	if err == nil && !still(p) {
		return foundPartner{}, engine.ErrLostRace
	}
	return p, err
}

func (l partnerLookup) byID(ctx context.Context, sellerID, id string) (foundPartner, error) {
	if !engine.IsID(id) {
		return foundPartner{}, partner.ErrNotFound
	}
	var out foundPartner
	found, err := l.from.Get(ctx, &out.partnerRow, "SELECT "+partnerColumns+" FROM partners WHERE seller_id = ? AND id = ?"+l.lock, sellerID, id)
	if err != nil {
		return foundPartner{}, err
	}
	// MySQL's collations ignore trailing spaces; ids do not.
	if !found || out.ID != id || out.Status == string(partner.StatusDeleted) {
		return foundPartner{}, partner.ErrNotFound
	}
	var rows []partnerKeyRow
	if err := l.from.All(ctx, &rows, selectKeys, sellerID, id); err != nil {
		return foundPartner{}, err
	}
	for _, k := range rows {
		if k.Ordinal == retired {
			out.retired = append(out.retired, k.Key)
		} else {
			out.keys = append(out.keys, k.Key)
		}
	}
	return out, nil
}
