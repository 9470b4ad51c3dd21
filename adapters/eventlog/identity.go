package eventlog

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)

// logIDName is the row of the table installation with the identity of the log.
const logIDName = "log_id"

// Rebase gives the log another identity and returns it. It is for a database that went back to what it was at an earlier time: positions
// behind that are given again to other events, so that readers who keep one must be told. From then on those who name the former identity
// are refused. Nothing inside the database is changed: its consumers went back with it. It returns no identity for a log of an earlier
// version, which gets one when it is migrated. application.ErrUnavailable.
func Rebase(ctx context.Context, db *dialect.DB) (logID string, err error) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	logID = "log_" + hex.EncodeToString(b[:])
	changed, err := db.Writer.ExecContext(ctx, "UPDATE installation SET value = ? WHERE name = ?", []byte(logID), logIDName)
	if err == nil {
		if n, e := changed.RowsAffected(); e == nil && n == 0 {
			return "", nil
		}
	}
	return logID, describeOrNil(db, "give the log another identity", err)
}
