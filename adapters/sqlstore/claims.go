package sqlstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
)

type claims struct{ t *tx }

const claimColumns = "claim_key, seller_id, scope, kind, lead_id, expires_at"

type claimRow struct {
	Key       []byte `db:"claim_key"`
	SellerID  string `db:"seller_id"`
	Scope     string `db:"scope"`
	Kind      string `db:"kind"`
	LeadID    string `db:"lead_id"`
	ExpiresAt int64  `db:"expires_at"`
}

// Find implements application.ClaimRepository.
func (r claims) Find(ctx context.Context, keys []application.ClaimKey) (map[application.ClaimKey]application.Claim, error) {
	out := make(map[application.ClaimKey]application.Claim)
	for chunk := range slices.Chunk(keys, maxParams) {
		args := make([]any, len(chunk))
		for i := range chunk {
			args[i] = chunk[i][:]
		}
		var rows []claimRow
		if err := r.t.selectAll(ctx, &rows, "SELECT "+claimColumns+" FROM claims WHERE claim_key IN ("+marks(len(chunk))+")", args...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			c := application.Claim{SellerID: row.SellerID, Scope: row.Scope, Kind: application.ClaimKind(row.Kind), LeadID: row.LeadID,
				ExpiresAt: timeOf(row.ExpiresAt)}
			copy(c.Key[:], row.Key)
			out[c.Key] = c
		}
	}
	return out, nil
}

// Take implements application.ClaimRepository.
func (r claims) Take(ctx context.Context, fresh, expired []application.Claim, now time.Time) error {
	fresh, expired = byKey(fresh), byKey(expired)
	for _, all := range [][]application.Claim{fresh, expired} {
		for i := 1; i < len(all); i++ {
			if all[i].Key == all[i-1].Key { // would never succeed, however often it is run
				return r.t.refuse(errors.New("sqlstore: a claim is taken twice at once"))
			}
		}
	}
	duplicate, err := r.t.insertRows(ctx, "claims", claimColumns, len(fresh), func(args []any, i int) ([]any, error) {
		c := &fresh[i]
		return append(args, c.Key[:], c.SellerID, c.Scope, string(c.Kind), c.LeadID, micros(c.ExpiresAt)), nil
	})
	if duplicate {
		return r.t.lostRace()
	}
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(expired, maxParams/6) {
		if err := r.takeOver(ctx, chunk, now); err != nil {
			return err
		}
	}
	return nil
}

// takeOver gives expired claims new owners. Seller, scope and kind are part of what the key is a hash of.
func (r claims) takeOver(ctx context.Context, all []application.Claim, now time.Time) error {
	u := byCase{key: "claim_key"}
	u.WriteString("UPDATE claims SET lead_id = ")
	u.choose(len(all), func(i int) (any, any) { return all[i].Key[:], all[i].LeadID })
	u.WriteString(", expires_at = ")
	u.choose(len(all), func(i int) (any, any) { return all[i].Key[:], micros(all[i].ExpiresAt) })
	u.where(len(all), func(i int) any { return all[i].Key[:] })
	u.WriteString(" AND expires_at <= ?")
	matched, err := r.t.exec(ctx, u.String(), append(u.args, micros(now))...)
	if err != nil {
		return err
	}
	if matched != int64(len(all)) {
		return r.t.lostRace()
	}
	return nil
}

// lostRace makes the unit of work run again: it then sees what the other one did.
func (t *tx) lostRace() error {
	t.broken = &retryError{errLostRace}
	return t.broken
}

func byKey(all []application.Claim) []application.Claim {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b application.Claim) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return all
}

type answers struct{ t *tx }

// Claim implements application.IdempotencyRepository.
func (r answers) Claim(ctx context.Context, keyID, idempotencyKey string, fingerprint [sha256.Size]byte, now, until time.Time) (application.StoredResponse, bool, error) {
	hash := sha256.Sum256([]byte(idempotencyKey))
	exists, err := r.t.insert(ctx, "answers", "INSERT INTO answers (key_id, key_hash, fingerprint, status, body, expires_at) VALUES (?,?,?,0,?,?)",
		keyID, hash[:], fingerprint[:], []byte{}, micros(until))
	if err != nil || exists == "" {
		return application.StoredResponse{}, err == nil, err
	}
	var row struct {
		Fingerprint []byte `db:"fingerprint"`
		Status      int    `db:"status"`
		Body        []byte `db:"body"`
		ExpiresAt   int64  `db:"expires_at"`
	}
	found, err := r.t.get(ctx, &row, "SELECT fingerprint, status, body, expires_at FROM answers WHERE key_id = ? AND key_hash = ?"+r.t.s.db.ForUpdate(), keyID, hash[:])
	if err != nil {
		return application.StoredResponse{}, false, err
	}
	if !found { // purged, or its owner rolled back
		return application.StoredResponse{}, false, r.t.lostRace()
	}
	if row.ExpiresAt > micros(now) {
		body, err := openResponse(keyID, idempotencyKey, row.Body)
		if err != nil {
			return application.StoredResponse{}, false, r.t.refuse(err)
		}
		a := application.StoredResponse{Response: application.Response{Status: row.Status, Body: body}}
		copy(a.Fingerprint[:], row.Fingerprint)
		return a, false, nil
	}
	matched, err := r.t.exec(ctx, "UPDATE answers SET fingerprint = ?, status = 0, body = ?, expires_at = ? WHERE key_id = ? AND key_hash = ? AND expires_at <= ?",
		fingerprint[:], []byte{}, micros(until), keyID, hash[:], micros(now))
	if err != nil {
		return application.StoredResponse{}, false, err
	}
	if matched != 1 {
		return application.StoredResponse{}, false, r.t.lostRace()
	}
	return application.StoredResponse{}, true, nil
}

// Complete implements application.IdempotencyRepository.
func (r answers) Complete(ctx context.Context, keyID, idempotencyKey string, a application.Response) error {
	hash := sha256.Sum256([]byte(idempotencyKey))
	body, err := sealResponse(keyID, idempotencyKey, a.Body)
	if err != nil {
		return r.t.refuse(err)
	}
	matched, err := r.t.exec(ctx, "UPDATE answers SET status = ?, body = ? WHERE key_id = ? AND key_hash = ?", int64(a.Status), body, keyID, hash[:])
	if err != nil {
		return err
	}
	if matched != 1 {
		return r.t.refuse(errors.New("sqlstore: the Idempotency-Key was not claimed in this transaction"))
	}
	return nil
}
