package program

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/partner"
)

type partners struct{ t *engine.Tx }

const partnerColumns = "seller_id, id, email, email_key, name, surname, status, approved, terms_accepted, tags, " +
	"referring_partner_id, password_hash, created_at, updated_at, version, custom_fields, invited, signed_up"

type partnerRow struct {
	SellerID           string  `db:"seller_id"`
	ID                 string  `db:"id"`
	Email              string  `db:"email"`
	EmailKey           string  `db:"email_key"`
	Name               string  `db:"name"`
	Surname            string  `db:"surname"`
	Status             string  `db:"status"`
	Approved           bool    `db:"approved"`
	TermsAccepted      bool    `db:"terms_accepted"`
	Tags               string  `db:"tags"`
	ReferringPartnerID string  `db:"referring_partner_id"`
	PasswordHash       string  `db:"password_hash"`
	CreatedAt          int64   `db:"created_at"`
	UpdatedAt          int64   `db:"updated_at"`
	Version            int64   `db:"version"`
	CustomFields       *string `db:"custom_fields"`
	Invited            *bool   `db:"invited"`
	SignedUp           *bool   `db:"signed_up"`
}

// partnerKeyRow is a referral key: the default one has ordinal 0, a retired one -1.
type partnerKeyRow struct {
	Key     string `db:"referral_key"`
	Ordinal int64  `db:"ordinal"`
}

const retired = -1

// customField is a member of the column partners.custom_fields.
type customField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// restore makes the partner with its keys, the default one first, and those that are retired.
func (r partnerRow) restore(keys, retired []string) (*partner.Partner, error) {
	tags, err := r.tags()
	if err != nil {
		return nil, err
	}
	fields, err := r.customFields()
	if err != nil {
		return nil, err
	}
	return partner.FromSnapshot(partner.Snapshot{
		SellerID: r.SellerID, ID: r.ID, Email: r.Email, EmailKey: r.EmailKey, Name: r.Name,
		Surname: r.Surname, Status: partner.Status(r.Status), Approved: r.Approved, TermsAccepted: r.TermsAccepted, Invited: r.invited(), SignedUp: r.signedUp(),
		Keys: keys, Retired: retired, Tags: tags, CustomFields: fields, ReferringPartnerID: r.ReferringPartnerID, PasswordHash: r.PasswordHash,
		CreatedAt: engine.Time(r.CreatedAt), UpdatedAt: engine.Time(r.UpdatedAt), Version: r.Version,
	}), nil
}

// invited reads the column invited, which is NULL in rows that are older than the column.
func (r partnerRow) invited() bool { return r.Invited != nil && *r.Invited }

// signedUp reads the column signed_up, which is NULL in rows that are older than the column.
func (r partnerRow) signedUp() bool { return r.SignedUp != nil && *r.SignedUp }

// acceptsInvitation reports whether an invitation of the partner can still be accepted.
func (r partnerRow) acceptsInvitation() bool {
	return partner.Snapshot{Status: partner.Status(r.Status), Invited: r.invited(), PasswordHash: r.PasswordHash}.AcceptsInvitation()
}

// tags reads what encodeTags wrote.
func (r partnerRow) tags() (tags []string, err error) {
	if err := json.Unmarshal([]byte(r.Tags), &tags); err != nil {
		return nil, fmt.Errorf("restore the tags of partner %s: %w", r.ID, err)
	}
	return tags, nil
}

// customFields reads the column custom_fields, which is NULL when there are none.
func (r partnerRow) customFields() ([]partner.CustomField, error) {
	if r.CustomFields == nil {
		return nil, nil
	}
	var stored []customField
	if err := json.Unmarshal([]byte(*r.CustomFields), &stored); err != nil {
		return nil, fmt.Errorf("restore the custom fields of partner %s: %w", r.ID, err)
	}
	var fields []partner.CustomField
	for _, f := range stored {
		fields = append(fields, partner.CustomField(f))
	}
	return fields, nil
}

// encodeTags is tags as they are stored.
func encodeTags(tags []string) (string, error) { return engine.JSON(append([]string{}, tags...)) }

// partnerTexts returns the columns email_key, tags and custom_fields. A deleted partner frees its email.
func partnerTexts(n partner.Snapshot) (emailKey, tags string, customFields *string, err error) {
	emailKey = n.EmailKey
	if n.Status == partner.StatusDeleted {
		emailKey = "deleted:" + n.ID
	}
	if tags, err = encodeTags(n.Tags); err != nil || len(n.CustomFields) == 0 {
		return emailKey, tags, nil, err
	}
	fields := make([]customField, len(n.CustomFields))
	for i, f := range n.CustomFields {
		fields[i] = customField(f)
	}
	text, err := engine.JSON(fields)
	return emailKey, tags, &text, err
}

// keysOf returns all keys of a partner as they are stored.
func keysOf(n partner.Snapshot) []partnerKeyRow {
	rows := make([]partnerKeyRow, 0, len(n.Keys)+len(n.Retired))
	for i, key := range n.Keys {
		rows = append(rows, partnerKeyRow{key, int64(i)})
	}
	for _, key := range n.Retired {
		rows = append(rows, partnerKeyRow{key, retired})
	}
	return rows
}

// Add implements application.PartnerRepository.
func (r partners) Add(ctx context.Context, p *partner.Partner) error {
	n := p.Snapshot()
	emailKey, tags, fields, err := partnerTexts(n)
	if err != nil {
		return r.t.Refuse(err)
	}
	taken, err := r.t.Insert(ctx, "partners", "INSERT INTO partners ("+partnerColumns+") VALUES ("+engine.Marks(18)+")", n.SellerID, n.ID,
		n.Email, emailKey, n.Name, n.Surname, string(n.Status), engine.Flag(n.Approved), engine.Flag(n.TermsAccepted), tags,
		n.ReferringPartnerID, n.PasswordHash, engine.Micros(n.CreatedAt), engine.Micros(n.UpdatedAt), n.Version, fields, engine.Flag(n.Invited), engine.Flag(n.SignedUp))
	switch {
	case err != nil:
		return err
	case taken == "partners_email":
		return partner.Taken("email")
	case taken == "PRIMARY":
		return partner.Taken("id")
	case taken != "":
		return r.t.Unexpected("partners", taken)
	}
	if added, err := r.addKeys(ctx, n, keysOf(n)); err != nil {
		if !added {
			return err
		}
		if _, undone := r.t.Exec(ctx, "DELETE FROM partners WHERE seller_id = ? AND id = ?", n.SellerID, n.ID); undone != nil {
			return undone
		}
		return err
	}
	r.t.Save(p, "partner", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// addKeys stores new keys, and the seller as the owner of their short links where no other seller is. When one is taken, those that were
// stored before it are removed again, so that nothing is left of them if the transaction goes on; goesOn says whether it can.
func (r partners) addKeys(ctx context.Context, n partner.Snapshot, rows []partnerKeyRow) (goesOn bool, err error) {
	for i, row := range rows {
		taken, err := r.t.Insert(ctx, "partner_keys", "INSERT INTO partner_keys (seller_id, referral_key, partner_id, ordinal) VALUES (?,?,?,?)",
			n.SellerID, row.Key, n.ID, row.Ordinal)
		if err != nil {
			return false, err
		}
		if taken != "" {
			if err := r.dropKeys(ctx, n, rows[:i]); err != nil {
				return false, err
			}
			return true, partner.Taken("key")
		}
	}
	// A link is waited for while another seller takes it, so all transactions take them in one order.
	for _, row := range slices.SortedFunc(slices.Values(rows), func(a, b partnerKeyRow) int { return cmp.Compare(a.Key, b.Key) }) {
		if _, err := r.t.Insert(ctx, "short_links", "INSERT INTO short_links (referral_key, seller_id) VALUES (?,?)", row.Key, n.SellerID); err != nil {
			return false, err
		}
	}
	return true, nil
}

// dropKeys takes back keys that this transaction added, and their short links.
func (r partners) dropKeys(ctx context.Context, n partner.Snapshot, rows []partnerKeyRow) error {
	for _, row := range rows {
		for _, table := range []string{"partner_keys", "short_links"} {
			if _, err := r.t.Exec(ctx, "DELETE FROM "+table+" WHERE seller_id = ? AND referral_key = ?", n.SellerID, row.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// Save implements application.PartnerRepository. New keys come first: what refuses the rest takes them back.
func (r partners) Save(ctx context.Context, p *partner.Partner) error {
	n := p.Snapshot()
	emailKey, tags, fields, err := partnerTexts(n)
	if err != nil {
		return r.t.Refuse(err)
	}
	fresh, moved, err := r.changedKeys(ctx, n)
	if err != nil {
		return err
	}
	if _, err := r.addKeys(ctx, n, fresh); err != nil {
		return err
	}
	taken, matched, err := r.t.Update(ctx, "partners", "UPDATE partners SET email = ?, email_key = ?, name = ?, surname = ?, status = ?, "+
		"approved = ?, terms_accepted = ?, tags = ?, referring_partner_id = ?, password_hash = ?, updated_at = ?, version = ?, "+
		"custom_fields = ?, invited = ? WHERE seller_id = ? AND id = ? AND version = ?", n.Email, emailKey, n.Name, n.Surname, string(n.Status),
		engine.Flag(n.Approved), engine.Flag(n.TermsAccepted), tags, n.ReferringPartnerID, n.PasswordHash, engine.Micros(n.UpdatedAt), n.Version, fields,
		engine.Flag(n.Invited), n.SellerID, n.ID, p.StoredVersion())
	var refused error
	switch {
	case err != nil:
		return err
	case taken == "partners_email":
		refused = partner.Taken("email")
	case taken != "":
		return r.t.Unexpected("partners", taken)
	case matched != 1:
		refused = application.ErrConcurrentChange
	}
	if refused != nil {
		if err := r.dropKeys(ctx, n, fresh); err != nil {
			return err
		}
		return refused
	}
	if err := r.moveKeys(ctx, n, moved); err != nil {
		return err
	}
	r.t.Save(p, "partner", n.ID, n.SellerID, application.TrailOf(ctx))
	return nil
}

// changedKeys compares a partner's keys with the stored ones: which are new, and which have another place or are retired.
func (r partners) changedKeys(ctx context.Context, n partner.Snapshot) (fresh, moved []partnerKeyRow, err error) {
	var stored []partnerKeyRow
	if err := r.t.All(ctx, &stored, selectKeys, n.SellerID, n.ID); err != nil {
		return nil, nil, err
	}
	wanted := keysOf(n)
	for _, key := range wanted {
		if !slices.ContainsFunc(stored, func(s partnerKeyRow) bool { return s.Key == key.Key }) {
			fresh = append(fresh, key)
		}
	}
	for _, key := range stored {
		ordinal := int64(retired)
		if i := slices.IndexFunc(wanted, func(w partnerKeyRow) bool { return w.Key == key.Key }); i >= 0 {
			ordinal = wanted[i].Ordinal
		}
		if ordinal != key.Ordinal {
			moved = append(moved, partnerKeyRow{key.Key, ordinal})
		}
	}
	return fresh, moved, nil
}

func (r partners) moveKeys(ctx context.Context, n partner.Snapshot, rows []partnerKeyRow) error {
	if len(rows) == 0 {
		return nil
	}
	u := engine.Cases{Key: "referral_key"}
	u.WriteString("UPDATE partner_keys" + r.t.UseKey("PRIMARY") + " SET ordinal = ")
	u.Choose(len(rows), func(i int) (any, any) { return rows[i].Key, rows[i].Ordinal })
	u.Where(len(rows), func(i int) (string, any) { return n.SellerID, rows[i].Key })
	u.WriteString(" AND partner_id = ?")
	matched, err := r.t.Exec(ctx, u.String(), append(u.Args, n.ID)...)
	if err == nil && matched != int64(len(rows)) {
		err = r.t.Refuse(fmt.Errorf("%w: %d of %d referral keys", engine.ErrGuard, int64(len(rows))-matched, len(rows)))
	}
	return err
}

// Find implements application.PartnerRepository.
func (r partners) Find(ctx context.Context, sellerID string, h application.PartnerHandle) (*partner.Partner, error) {
	p, err := findPartner(ctx, r.t, sellerID, h)
	if err != nil {
		return nil, err
	}
	return p.restore(p.keys, p.retired)
}

// Lock implements application.PartnerRepository. The row is locked by its id alone, and then looked at again: the partner
// may have lost its key or email between finding its id and locking the row.
func (r partners) Lock(ctx context.Context, sellerID string, h application.PartnerHandle) (*partner.Partner, error) {
	p, err := partnerLookup{r.t, r.t.ForUpdate()}.find(ctx, sellerID, h)
	if errors.Is(err, engine.ErrLostRace) {
		return nil, r.t.LostRace()
	}
	if err != nil {
		return nil, err
	}
	return p.restore(p.keys, p.retired)
}

// Chain implements application.PartnerRepository. Deleted partners are part of it: their id stays.
func (r partners) Chain(ctx context.Context, sellerID, id string) ([]string, error) {
	var chain []string
	seen := map[string]bool{}
	for id != "" && !seen[id] {
		var row struct {
			ID        string `db:"id"`
			Referring string `db:"referring_partner_id"`
		}
		found, err := r.t.Get(ctx, &row, "SELECT id, referring_partner_id FROM partners WHERE seller_id = ? AND id = ?", sellerID, id)
		if err != nil {
			return nil, err
		}
		if !found || row.ID != id {
			break
		}
		seen[id] = true
		chain, id = append(chain, id), row.Referring
	}
	return chain, nil
}
