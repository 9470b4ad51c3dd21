package engine

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/adapters/sqlstore/internal/script"
	"github.com/leadmill/leadmill/application"
)

// ExecContext runs a statement of a team's module: INSERT, REPLACE, UPDATE or DELETE of rows of a module's table, SELECT or WITH.
// Any other breaks the transaction, because it could end it or change what is not the module's. A unique key's refusal is *application.DuplicateError, and the transaction goes on; every
// other error breaks it.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.allow(script.Single, query); err != nil {
		return nil, err
	}
	r, err := t.q.ExecContext(ctx, query, args...)
	if err != nil {
		return nil, t.refused(ctx, err)
	}
	return r, nil
}

// QueryContext is ExecContext for a statement that returns rows. They are read to their end before it returns, so that an
// error that comes between them is seen here, and that the next statement may be sent while they are still open: on MySQL a
// connection has one result at a time. So ask for no more than fits in memory. The rows end with the transaction.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.allow(script.Query, query); err != nil {
		return nil, err
	}
	all, err := t.read(ctx, query, args)
	if err != nil {
		return nil, t.refused(ctx, err)
	}
	rows, err := all.rows(ctx)
	if err != nil {
		return nil, t.Refuse(err)
	}
	t.given = append(t.given, rows)
	return rows, nil
}

func (t *Tx) read(ctx context.Context, query string, args []any) (*buffer, error) {
	rows, err := t.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	return newBuffer(rows)
}

// closeGiven closes the rows that the transaction has given, so that nothing is held for those that were forgotten.
func (t *Tx) closeGiven() {
	for _, rows := range t.given {
		_ = rows.Close()
	}
}

// allow refuses statements that could end the transaction or change the connection: COMMIT, SET, and on MySQL every CREATE,
// ALTER and DROP.
func (t *Tx) allow(check func(engine, sql string) error, query string) error {
	if t.broken != nil {
		return t.broken
	}
	if err := check(t.work.db.Name(), query); err != nil {
		return t.Refuse(err)
	}
	return nil
}

// refused turns an error of the database into what ExecContext promises.
func (t *Tx) refused(ctx context.Context, err error) error {
	if t.work.db.Classify(err) != dialect.Duplicate || ctx.Err() != nil {
		return t.fail(ctx, err)
	}
	key, err := t.duplicateKey(ctx, err)
	if err != nil {
		return t.fail(ctx, err)
	}
	return &application.DuplicateError{Key: key}
}

// duplicateKey names the key that an error of class Duplicate is about. SQLite names the columns, so the key is looked for.
func (t *Tx) duplicateKey(ctx context.Context, duplicate error) (string, error) {
	table, columns, index := dialect.DuplicateColumns(duplicate)
	if table == "" {
		if index == "" {
			index = t.work.db.DuplicateKey(duplicate, "")
		}
		return index, nil
	}
	var keys []struct {
		Name    string `db:"name"`
		Origin  string `db:"origin"`
		Columns string `db:"columns"`
	}
	err := t.q.SelectContext(ctx, &keys, `SELECT l.name, l.origin, (SELECT GROUP_CONCAT(i.name, ',' ORDER BY i.seqno) FROM pragma_index_info(l.name) i) AS columns
		FROM pragma_index_list(?) l WHERE l."unique" ORDER BY l.seq`, table)
	if err != nil {
		return "", err
	}
	for _, k := range keys {
		switch {
		case k.Columns != strings.Join(columns, ","):
		case k.Origin == "c":
			return k.Name, nil
		case k.Origin == "u":
			return columns[0], nil
		}
	}
	return "PRIMARY", nil
}

var kindForm = regexp.MustCompile(`^[a-z0-9_]{1,16}$`)

// Record is Save for an aggregate of a team's module. What is wrong with it breaks the transaction, so that rows are never
// committed without their events.
func (t *Tx) Record(a application.EventSource, of application.Subject) error {
	if t.broken != nil {
		return t.broken
	}
	var v any = a
	switch {
	case v == nil || reflect.ValueOf(v).Kind() == reflect.Pointer && reflect.ValueOf(v).IsNil():
		return t.Refuse(errors.New("record events: no aggregate is given"))
	case !kindForm.MatchString(of.Kind):
		return t.Refuse(fmt.Errorf("record events: the kind %q is not 1 to 16 of a-z, 0-9 and _", of.Kind))
	case !IsID(of.ID):
		return t.Refuse(fmt.Errorf("record events of a %s: its id %q is not 1 to 64 visible ASCII characters", of.Kind, of.ID))
	case !IsID(of.SellerID):
		return t.Refuse(fmt.Errorf("record events of the %s %s: the seller's id %q is not 1 to 64 visible ASCII characters", of.Kind, of.ID, of.SellerID))
	}
	for _, s := range t.saved {
		if s.kind != of.Kind || s.id != of.ID || s.sellerID != of.SellerID {
			continue
		}
		if reflect.ValueOf(a).Comparable() && s.aggregate == a {
			return nil // its events are read just before the commit, all of them
		}
		return t.Refuse(fmt.Errorf("record events of the %s %s: another object of it was recorded in this transaction", of.Kind, of.ID))
	}
	for _, e := range a.Pending() {
		if _, err := t.published(e); err != nil {
			return t.Refuse(fmt.Errorf("record events of the %s %s: %w", of.Kind, of.ID, err))
		}
	}
	if of.Trail == (application.Trail{}) {
		of.Trail = t.trail
	}
	t.saved = append(t.saved, saved{a, of.Kind, of.ID, of.SellerID, of.Trail, true})
	return nil
}

// keepVersions moves the versions of the teams' aggregates, which have no row of ours: each version is taken once, so an aggregate
// that somebody else has changed is refused, application.ErrConcurrentChange, if its module's row has no guard.
func (t *Tx) keepVersions(ctx context.Context) error {
	var all []saved
	for _, s := range t.saved {
		if s.team && len(s.aggregate.Pending()) > 0 {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b saved) int {
		return cmp.Or(strings.Compare(a.sellerID, b.sellerID), strings.Compare(a.kind, b.kind), strings.Compare(a.id, b.id))
	})
	for _, s := range all {
		stored := s.aggregate.StoredVersion()
		version := stored + int64(len(s.aggregate.Pending()))
		var changed bool
		if stored == 0 {
			taken, err := t.Insert(ctx, "event_versions", "INSERT INTO event_versions (seller_id, aggregate_type, aggregate_id, version) VALUES (?,?,?,?)",
				s.sellerID, s.kind, s.id, version)
			if err != nil {
				return err
			}
			changed = taken != ""
		} else {
			matched, err := t.Exec(ctx, "UPDATE event_versions SET version = ? WHERE seller_id = ? AND aggregate_type = ? AND aggregate_id = ? AND version = ?",
				version, s.sellerID, s.kind, s.id, stored)
			if err != nil {
				return err
			}
			changed = matched == 0
		}
		if changed {
			return application.ErrConcurrentChange.Because(fmt.Errorf("the %s %s has another version than %d", s.kind, s.id, stored))
		}
	}
	return nil
}
