package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// GetOrSetInstallation returns the value that is stored under a name for the whole installation, such as the hash of the
// admin key. Where there is none it stores value; set reports that. Of several that do so at once, one sets and all get
// its value. Names have at most 64 ASCII characters, values at most 255 bytes.
func (s *Store) GetOrSetInstallation(ctx context.Context, name string, value []byte) (stored []byte, set bool, err error) {
	err = s.attempts(ctx, func() error {
		stored, set = nil, false
		if err := s.db.Writer.GetContext(ctx, &stored, "SELECT value FROM installation WHERE name = ?", name); !errors.Is(err, sql.ErrNoRows) {
			return s.classifiedOrNil(ctx, err)
		}
		_, err := s.db.Writer.ExecContext(ctx, "INSERT INTO installation (name, value) VALUES (?, ?)", name, blob(value))
		switch {
		case err == nil:
			stored, set = value, true
			return nil
		case s.db.Classify(err) == dialect.Duplicate:
			return &retryError{errLostRace} // and read the other's value
		default:
			return s.classified(ctx, err)
		}
	})
	if err != nil {
		return nil, false, err
	}
	return stored, set, nil
}

func (s *Store) classifiedOrNil(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return s.classified(ctx, err)
}

// purgeChunk is about how many rows one statement of PurgeExpired deletes, so that it holds its locks only shortly.
const purgeChunk = 5_000

// PurgeExpired deletes the claims, answers and tokens whose time is over at now, and returns how many.
func (s *Store) PurgeExpired(ctx context.Context, now time.Time) (int, error) {
	total := 0
	for _, table := range []string{"claims", "answers", "partner_tokens"} {
		for more := true; more; {
			err := s.attempts(ctx, func() error {
				until := micros(now)
				err := s.db.Reader.GetContext(ctx, &until, "SELECT expires_at FROM "+table+" WHERE expires_at <= ? ORDER BY expires_at LIMIT 1 OFFSET ?", until, int64(purgeChunk-1))
				if err != nil && !errors.Is(err, sql.ErrNoRows) {
					return s.classified(ctx, err)
				}
				more = err == nil
				result, err := s.db.Writer.ExecContext(ctx, "DELETE FROM "+table+" WHERE expires_at <= ?", until)
				if err != nil {
					return s.classified(ctx, err)
				}
				n, err := result.RowsAffected()
				total += int(n)
				return s.classifiedOrNil(ctx, err)
			})
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}
