package account

import (
	"bytes"
	"context"
	"database/sql"
	"errors"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
)

// Installation keeps values of the whole installation.
type Installation struct{ work *engine.Work }

// NewInstallation returns the table installation.
func NewInstallation(work *engine.Work) Installation { return Installation{work} }

// GetInstallation returns the value that is stored under a name for the whole installation; nil where there is none.
// application.ErrUnavailable when the database could not do it.
func (i Installation) GetInstallation(ctx context.Context, name string) (stored []byte, err error) {
	err = i.work.Attempts(ctx, func() error {
		stored = nil
		err := i.work.DB().Reader.GetContext(ctx, &stored, "SELECT value FROM installation WHERE name = ?", name)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return i.work.Failed(ctx, err)
	})
	return stored, err
}

// SetInstallation stores a value under a name for the whole installation, in place of what is there. Names have at most 64 ASCII characters,
// values at most 255 bytes. application.ErrUnavailable when the database could not do it.
func (i Installation) SetInstallation(ctx context.Context, name string, value []byte) error {
	stored, set, err := i.GetOrSetInstallation(ctx, name, value)
	if err != nil || set || bytes.Equal(stored, value) {
		return err
	}
	return i.work.Attempts(ctx, func() error {
		_, err := i.work.DB().Writer.ExecContext(ctx, "UPDATE installation SET value = ? WHERE name = ?", engine.Blob(value), name)
		return i.work.Failed(ctx, err)
	})
}

// GetOrSetInstallation returns the value that is stored under a name for the whole installation, such as the hash of the
// admin key. Where there is none it stores value; set reports that. Of several that do so at once, one sets and all get
// its value. Names have at most 64 ASCII characters, values at most 255 bytes. application.ErrUnavailable when the database
// could not do it.
func (i Installation) GetOrSetInstallation(ctx context.Context, name string, value []byte) (stored []byte, set bool, err error) {
	db := i.work.DB()
	err = i.work.Attempts(ctx, func() error {
		stored, set = nil, false
		if err := db.Writer.GetContext(ctx, &stored, "SELECT value FROM installation WHERE name = ?", name); !errors.Is(err, sql.ErrNoRows) {
			return i.work.Failed(ctx, err)
		}
		_, err := db.Writer.ExecContext(ctx, "INSERT INTO installation (name, value) VALUES (?, ?)", name, engine.Blob(value))
		switch {
		case err == nil:
			stored, set = value, true
			return nil
		case db.Classify(err) == dialect.Duplicate:
			return engine.Again(engine.ErrLostRace) // and read the other's value
		default:
			return i.work.Failed(ctx, err)
		}
	})
	if err != nil {
		return nil, false, err
	}
	return stored, set, nil
}
