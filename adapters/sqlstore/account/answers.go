package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
)

type answers struct{ t *engine.Tx }

// Claim implements application.IdempotencyRepository.
func (r answers) Claim(ctx context.Context, sellerID, keyID, idempotencyKey string, fingerprint [sha256.Size]byte, now, until time.Time) (application.StoredResponse, bool, error) {
	hash := sha256.Sum256([]byte(idempotencyKey))
	exists, err := r.t.Insert(ctx, "answers", "INSERT INTO answers (seller_id, key_id, key_hash, fingerprint, status, body, expires_at) VALUES (?,?,?,?,0,?,?)",
		sellerID, keyID, hash[:], fingerprint[:], []byte{}, engine.Micros(until))
	if err != nil || exists == "" {
		return application.StoredResponse{}, err == nil, err
	}
	var row struct {
		Fingerprint []byte `db:"fingerprint"`
		Status      int    `db:"status"`
		Body        []byte `db:"body"`
		ExpiresAt   int64  `db:"expires_at"`
	}
	found, err := r.t.Get(ctx, &row, "SELECT fingerprint, status, body, expires_at FROM answers WHERE seller_id = ? AND key_id = ? AND key_hash = ?"+r.t.ForUpdate(), sellerID, keyID, hash[:])
	if err != nil {
		return application.StoredResponse{}, false, err
	}
	if !found { // purged, or its owner rolled back
		return application.StoredResponse{}, false, r.t.LostRace()
	}
	if row.ExpiresAt > engine.Micros(now) {
		body, err := openResponse(keyID, idempotencyKey, row.Body)
		if err != nil {
			return application.StoredResponse{}, false, r.t.Refuse(err)
		}
		a := application.StoredResponse{Response: application.Response{Status: row.Status, Body: body}}
		copy(a.Fingerprint[:], row.Fingerprint)
		return a, false, nil
	}
	matched, err := r.t.Exec(ctx, "UPDATE answers SET fingerprint = ?, status = 0, body = ?, expires_at = ? WHERE seller_id = ? AND key_id = ? AND key_hash = ? AND expires_at <= ?",
		fingerprint[:], []byte{}, engine.Micros(until), sellerID, keyID, hash[:], engine.Micros(now))
	if err != nil {
		return application.StoredResponse{}, false, err
	}
	if matched != 1 {
		return application.StoredResponse{}, false, r.t.LostRace()
	}
	return application.StoredResponse{}, true, nil
}

// maxAbout bounds how many leads and customers an answer is about, because of the column's size.
const maxAbout = 500

// Complete implements application.IdempotencyRepository. With the answer it keeps which leads and customers the transaction saved, so
// that an erasure finds it.
func (r answers) Complete(ctx context.Context, sellerID, keyID, idempotencyKey string, a application.Response) error {
	about := r.t.Saved("lead", "customer")
	return r.complete(ctx, sellerID, keyID, idempotencyKey, a, about[:min(len(about), maxAbout)])
}

// CompleteLasting implements application.IdempotencyRepository.
func (r answers) CompleteLasting(ctx context.Context, sellerID, keyID, idempotencyKey string, a application.Response) error {
	return r.complete(ctx, sellerID, keyID, idempotencyKey, a, nil)
}

func (r answers) complete(ctx context.Context, sellerID, keyID, idempotencyKey string, a application.Response, about []string) error {
	hash := sha256.Sum256([]byte(idempotencyKey))
	body, err := sealResponse(keyID, idempotencyKey, a.Body)
	if err != nil {
		return r.t.Refuse(err)
	}
	matched, err := r.t.Exec(ctx, "UPDATE answers SET status = ?, body = ?, about = ? WHERE seller_id = ? AND key_id = ? AND key_hash = ?", int64(a.Status), body,
		strings.Join(about, " "), sellerID, keyID, hash[:])
	if err != nil {
		return err
	}
	if matched != 1 {
		return r.t.Refuse(errors.New("sqlstore: the Idempotency-Key was not claimed in this transaction"))
	}
	return nil
}

// DeleteAnswers implements application.AnswerErasureRepository.
func (r answers) DeleteAnswers(ctx context.Context, sellerID string, all []application.AnswerRef) error {
	for _, a := range all {
		if _, err := r.t.Exec(ctx, "DELETE FROM answers WHERE seller_id = ? AND key_id = ? AND key_hash = ?", sellerID, a.KeyID, a.Hash[:]); err != nil {
			return err
		}
	}
	return nil
}

// AnswersAfter implements application.AnswerWalk.
func (r *Reader) AnswersAfter(ctx context.Context, sellerID string, after application.AnswerRef, limit int) ([]application.AnswerRef, error) {
	var rows []struct {
		KeyID string  `db:"key_id"`
		Hash  []byte  `db:"key_hash"`
		About *string `db:"about"`
	}
	if err := r.db.All(ctx, &rows, "SELECT key_id, key_hash, about FROM answers WHERE seller_id = ? AND key_id >= ? AND (key_id > ? OR key_hash > ?) "+
		"ORDER BY key_id, key_hash LIMIT ?", sellerID, after.KeyID, after.KeyID, after.Hash[:], int64(limit)); err != nil {
		return nil, err
	}
	out := make([]application.AnswerRef, len(rows))
	for i, row := range rows {
		out[i].KeyID = row.KeyID
		copy(out[i].Hash[:], row.Hash)
		if row.About != nil {
			out[i].About = strings.Fields(*row.About)
		}
	}
	return out, nil
}
