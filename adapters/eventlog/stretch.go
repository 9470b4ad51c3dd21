package eventlog

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// stretch is where a segment's events stand in the log: a row of event_positions.
type stretch struct {
	first  int64 // position of its first event
	seller string
	id     int64 // of the segment
	events int
	at     int64  // of its first event
	types  uint64 // eventsv1.Mask
}

// last is the position of its last event.
func (s *stretch) last() int64 { return s.first + int64(s.events) - 1 }

const (
	stretchColumns = "first_position, seller_id, segment_id, events, at, types"
	stretchWidth   = 6
	maxStretches   = 1000 // in one statement
)

// insertPositions stores positions.
func insertPositions(ctx context.Context, tx execer, all []stretch) error {
	for chunk := range slices.Chunk(all, maxStretches) {
		args := make([]any, 0, stretchWidth*len(chunk))
		for i := range chunk {
			s := &chunk[i]
			args = append(args, s.first, s.seller, s.id, s.events, s.at, int64(s.types))
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO event_positions ("+stretchColumns+") VALUES "+rowsOf(len(chunk), stretchWidth), args...); err != nil {
			return fmt.Errorf("store positions: %w", err)
		}
	}
	return nil
}

// scanStretches reads and closes rows of stretchColumns.
func scanStretches(rows *sql.Rows) (all []stretch, err error) {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s stretch
		var types int64
		if err := rows.Scan(&s.first, &s.seller, &s.id, &s.events, &s.at, &types); err != nil {
			return nil, err
		}
		s.types = uint64(types)
		all = append(all, s)
	}
	return all, rows.Err()
}

// bodies reads the bodies of segments, all of one seller unless it is empty. One that is missing is not in the map.
func bodies(ctx context.Context, db queryer, sellerID string, ids []int64) (map[int64][]byte, error) {
	out := make(map[int64][]byte, len(ids))
	for chunk := range slices.Chunk(ids, maxStretches) {
		args := make([]any, len(chunk))
		for i, id := range chunk {
			args[i] = id
		}
		if err := addBodies(ctx, db, out, sellerID, args); err != nil {
			return nil, fmt.Errorf("read segments: %w", err)
		}
	}
	return out, nil
}

// sellerOf returns the seller of stretches; empty when they are of several.
func sellerOf(all []stretch) string {
	for i := range all {
		if all[i].seller != all[0].seller {
			return ""
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[0].seller
}

func addBodies(ctx context.Context, db queryer, out map[int64][]byte, sellerID string, ids []any) error {
	where, args := "id IN "+marks(len(ids)), ids
	if sellerID != "" {
		where, args = "seller_id = ? AND "+where, append([]any{sellerID}, ids...)
	}
	rows, err := db.QueryContext(ctx, "SELECT id, body FROM event_segments WHERE "+where, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		var body []byte
		if err := rows.Scan(&id, &body); err != nil {
			return err
		}
		out[id] = body
	}
	return rows.Err()
}
