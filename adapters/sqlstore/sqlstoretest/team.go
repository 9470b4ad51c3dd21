package sqlstoretest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/event"
	"github.com/leadmill/leadmill/domain/fault"
)

// teamModule makes the tables of the module that the team's tests are.
var teamModule = sqlstore.Module{Name: "team", Files: fstest.MapFS{"0001_cases.sql": {Data: []byte(`
CREATE TABLE x_team_cases (
  id        VARCHAR(64) NOT NULL PRIMARY KEY,
  seller_id VARCHAR(64) NOT NULL,
  number    BIGINT NOT NULL CHECK (number > 0),
  note      VARCHAR(64) NULL,
  version   BIGINT NOT NULL
);
CREATE UNIQUE INDEX x_team_cases_number ON x_team_cases (seller_id, number);
CREATE TABLE x_team_pairs (a BIGINT NOT NULL, b BIGINT NOT NULL, c BIGINT NOT NULL, PRIMARY KEY (a, b), UNIQUE (c));
`)}}}

// teamCase is an aggregate of a team's module.
type teamCase struct {
	event.Recorder

	id string
}

type teamEvent string

// EventType implements event.Event.
func (e teamEvent) EventType() string { return string(e) }

func newCase(id string) *teamCase {
	c := &teamCase{id: id}
	c.Record(teamEvent("x.team.case_opened"))
	return c
}

func (c *teamCase) subject() application.Subject {
	return application.Subject{Kind: "case", ID: c.id, SellerID: "seller_1"}
}

// add stores a new case with its events.
func (c *teamCase) add(ctx context.Context, tx *sqlstore.Tx, number int) error {
	if _, err := tx.ExecContext(ctx, "INSERT INTO x_team_cases (id, seller_id, number, version) VALUES (?, 'seller_1', ?, ?)", c.id, number, c.Version()); err != nil {
		return err
	}
	return tx.Record(c, c.subject())
}

// save stores a case that was changed, unless somebody else has changed it.
func (c *teamCase) save(ctx context.Context, tx *sqlstore.Tx) error {
	r, err := tx.ExecContext(ctx, "UPDATE x_team_cases SET version = ? WHERE id = ? AND version = ?", c.Version(), c.id, c.StoredVersion())
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, application.ErrConcurrentChange)
	}
	return tx.Record(c, c.subject())
}

func withTeam(t *testing.T, h *Harness) {
	t.Helper()
	require.NoError(t, sqlstore.Migrate(t.Context(), h.DB, teamModule))
	addBuyer(t, h)
}

// deal changes a buyer of ours and adds a case of the team, in one transaction.
func deal(c *teamCase) func(ctx context.Context, tx *sqlstore.Tx) error {
	return func(ctx context.Context, tx *sqlstore.Tx) error {
		if err := deposit(ctx, tx); err != nil {
			return err
		}
		return c.add(ctx, tx, 1)
	}
}

// requireDeals asserts that a deal is stored with all that belongs to it, or nothing of it.
func requireDeals(t *testing.T, h *Harness, n int, why string) {
	t.Helper()
	require.Equal(t, []int{n, n, 1 + 2*n}, []int{h.Count(t, "ledger_entries"), h.Count(t, "x_team_cases"), len(h.Events(t))}, why)
}

func testTeamTogether(t *testing.T, h *Harness) {
	withTeam(t, h)
	c := newCase("case_1")
	require.Equal(t, ErrOwn, h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
		require.NoError(t, deal(c)(ctx, tx))
		return ErrOwn
	}))
	requireDeals(t, h, 0, "an error")
	require.Len(t, c.Pending(), 1)
	require.Zero(t, h.Woken.Load())
	require.NoError(t, h.Store.Do(application.WithTrail(t.Context(), application.Trail{CorrelationID: "of the context"}), deal(c)))
	requireDeals(t, h, 1, "a commit")
	require.Equal(t, int64(1), h.Woken.Load())
	require.Empty(t, c.Pending())
	require.Equal(t, int64(1), c.StoredVersion())

	c.Record(teamEvent("x.team.case_noted"))
	h.Do(t, func(ctx ctx, tx tx) error {
		if err := c.save(ctx, tx); err != nil {
			return err
		}
		c.Record(teamEvent("x.team.case_closed")) // behind Record, and recorded once more
		of := c.subject()
		of.Trail.CorrelationID = "another"
		_, err := tx.ExecContext(ctx, "UPDATE x_team_cases SET version = ? WHERE id = ?", c.Version(), c.id)
		return errors.Join(err, tx.Record(c, of))
	})
	other := newCase("case_2")
	h.Do(t, func(_ ctx, tx tx) error {
		of := other.subject()
		of.Trail.CorrelationID = "its own"
		return tx.Record(other, of)
	})
	var got []EventRow
	for _, e := range h.Events(t)[1:] {
		e.EventID, e.SellerID = "", ""
		got = append(got, e)
	}
	require.Equal(t, []EventRow{
		{AggregateType: "buyer", AggregateID: "buyer_1", AggregateVersion: 2, Type: "buyer.funded.v1", Correlation: "of the context"},
		{AggregateType: "case", AggregateID: "case_1", AggregateVersion: 1, Type: "x.team.case_opened.v1", Correlation: "of the context"},
		{AggregateType: "case", AggregateID: "case_1", AggregateVersion: 2, Type: "x.team.case_noted.v1"},
		{AggregateType: "case", AggregateID: "case_1", AggregateVersion: 3, Type: "x.team.case_closed.v1"},
		{AggregateType: "case", AggregateID: "case_2", AggregateVersion: 1, Type: "x.team.case_opened.v1", Correlation: "its own"},
	}, got)
}

func testTeamDuplicates(t *testing.T, h *Harness) {
	withTeam(t, h)
	h.Do(t, newCase("case_1").adding(1))
	h.Do(t, func(ctx ctx, tx tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO x_team_pairs (a, b, c) VALUES (1, 2, 3)")
		require.NoError(t, err)
		for _, c := range []struct{ statement, key string }{
			{"INSERT INTO x_team_cases (id, seller_id, number, version) VALUES ('case_1', 'seller_1', 2, 0)", "PRIMARY"},
			{"INSERT INTO x_team_cases (id, seller_id, number, version) VALUES ('case_2', 'seller_1', 1, 0)", "x_team_cases_number"},
			{"INSERT INTO x_team_pairs (a, b, c) VALUES (5, 6, 7), (1, 2, 4)", "PRIMARY"},
			{"INSERT INTO x_team_pairs (a, b, c) VALUES (1, 3, 3)", "c"},
		} {
			_, err := tx.ExecContext(ctx, c.statement)
			var duplicate *application.DuplicateError
			require.ErrorAs(t, err, &duplicate, c.statement)
			require.Equal(t, c.key, duplicate.Key, c.statement)
			require.EqualError(t, err, "a row with the same "+c.key+" exists already")
		}
		return newCase("case_3").add(ctx, tx, 3)
	})
	require.Equal(t, []int{2, 1}, []int{h.Count(t, "x_team_cases"), h.Count(t, "x_team_pairs")}, "nothing of a refused statement is done")
	require.Len(t, h.Events(t), 3)
}

// adding is add as a unit of work.
func (c *teamCase) adding(number int) func(ctx context.Context, tx *sqlstore.Tx) error {
	return func(ctx context.Context, tx *sqlstore.Tx) error { return c.add(ctx, tx, number) }
}

func testTeamRows(t *testing.T, h *Harness) {
	withTeam(t, h)
	h.Do(t, func(ctx ctx, tx tx) error {
		for i := range 3 {
			require.NoError(t, newCase(fmt.Sprint("case_", i)).add(ctx, tx, i+1))
		}
		_, err := tx.ExecContext(ctx, "UPDATE x_team_cases SET note = ? WHERE number = 2", Awkward[0])
		return err
	})
	h.Do(t, func(ctx ctx, tx tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT id, number, note FROM x_team_cases ORDER BY number"+tx.ForUpdate())
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		columns, err := rows.Columns()
		require.NoError(t, err)
		require.Equal(t, []string{"id", "number", "note"}, columns)
		types, err := rows.ColumnTypes()
		require.NoError(t, err)
		require.Contains(t, types[0].DatabaseTypeName(), "VARCHAR")
		require.Equal(t, "BIGINT", types[1].DatabaseTypeName())
		require.True(t, h.Locked(t, "x_team_cases", "case_1"))
		var ids []string
		for i := 1; rows.Next(); i++ {
			var id string
			var number int
			var note *string
			require.NoError(t, rows.Scan(&id, &number, &note))
			require.Equal(t, i, number)
			require.Equal(t, i == 2, note != nil)
			if note != nil {
				require.Equal(t, Awkward[0], *note)
			}
			ids = append(ids, id)
			_, err := tx.ExecContext(ctx, "UPDATE x_team_cases SET number = number + 10 WHERE id = ?", id) // while the rows are open
			require.NoError(t, err)
		}
		require.NoError(t, rows.Err())
		require.Equal(t, []string{"case_0", "case_1", "case_2"}, ids)
		none, err := tx.QueryContext(ctx, "SELECT id FROM x_team_cases WHERE number < ?", 10)
		require.NoError(t, err)
		defer func() { require.NoError(t, none.Close()) }()
		require.False(t, none.Next())
		require.NoError(t, none.Err())
		_, err = tx.QueryContext(ctx, "SELECT id FROM x_team_cases") //nolint:rowserrcheck,sqlclosecheck // left open
		return err
	})
	err := h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
		_, err := tx.QueryContext(ctx, "SELECT nothing FROM x_team_cases") //nolint:rowserrcheck,sqlclosecheck // there are none
		require.Error(t, err)
		return nil
	})
	require.Error(t, err, "a failed statement breaks the transaction")
	require.Equal(t, fault.Internal, fault.KindOf(err))
}

// testTeamRawErrors has closures that return errors as the driver made them.
func testTeamRawErrors(t *testing.T, h *Harness) {
	withTeam(t, h)
	for name, cause := range h.Retryable(t) {
		for _, raw := range []error{cause, fmt.Errorf("team: %w", cause)} {
			runs := 0
			require.NoError(t, h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
				if runs++; runs < 3 {
					require.NoError(t, deal(newCase("case_1"))(ctx, tx))
					return raw
				}
				return deal(newCase("case_1"))(ctx, tx)
			}), name)
			require.Equal(t, 3, runs)
			requireDeals(t, h, 1, name)
			h.Exec(t, "DELETE FROM x_team_cases")
			reset(t, h)
		}
		// One of ours that has it for a cause is returned unchanged.
		of := application.ErrConcurrentChange.Because(cause)
		require.Equal(t, error(of), h.Store.Do(t.Context(), func(context.Context, *sqlstore.Tx) error { return of }))
	}
	runs := 0
	err := h.Store.Do(t.Context(), func(context.Context, *sqlstore.Tx) error {
		runs++
		return fmt.Errorf("team: %w", h.lost())
	})
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.Equal(t, 1, runs)
	if h.Concurrent() {
		const secret = "person@example.com"
		refused := func(number uint16) error {
			return h.Store.Do(t.Context(), func(context.Context, *sqlstore.Tx) error {
				return &mysql.MySQLError{Number: number, Message: "Incorrect value: '" + secret + "' for column 'note' at row 1"}
			})
		}
		var data *application.DataError
		require.ErrorAs(t, refused(1366), &data)
		require.NotErrorAs(t, refused(1064), &data)
		require.NotContains(t, refused(1064).Error()+refused(1366).Error(), secret)
	}
	require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO x_team_cases (id, seller_id, number, version) VALUES ('case_1', '', 0, 0)")
		var data *application.DataError
		require.ErrorAs(t, err, &data, "a number above 0")
		return ErrOwn
	}), ErrOwn)
	requireDeals(t, h, 0, "at the end")
}

// testTeamSwallowed has closures that go on after a deadlock or a lost connection, in a statement or between rows.
func testTeamSwallowed(t *testing.T, h *Harness) {
	withTeam(t, h)
	h.Exec(t, "INSERT INTO x_team_pairs (a, b, c) VALUES (1, 1, 1), (2, 2, 2)")
	const word = "SELECT a"
	run := func() (runs int, err error) {
		err = h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
			runs++
			if rows, err := tx.QueryContext(ctx, "SELECT a FROM x_team_pairs ORDER BY a"); err == nil {
				defer func() { require.NoError(t, rows.Close()) }()
				for rows.Next() {
					continue
				}
				require.NoError(t, rows.Err(), "all errors come from QueryContext")
			}
			_ = deal(newCase("case_1"))(ctx, tx)
			return nil
		})
		return runs, err
	}
	for name, cause := range h.Retryable(t) {
		for _, set := range []func(func(string) error){h.Faults.Before, h.Faults.Behind} {
			set(failing(word, 4, cause))
			runs, err := run()
			require.NoError(t, err, name)
			require.Equal(t, 5, runs)
			requireDeals(t, h, 1, name)
			set(failing(word, 5, cause))
			_, err = run()
			require.ErrorIs(t, err, application.ErrUnavailable, name)
			requireDeals(t, h, 1, name)
			set(nil)
			h.Exec(t, "DELETE FROM x_team_cases")
			reset(t, h)
		}
	}
	for _, set := range []func(func(string) error){h.Faults.Before, h.Faults.Behind} {
		set(failing(word, 1, h.lost()))
		runs, err := run()
		require.ErrorIs(t, err, application.ErrUnavailable)
		require.Equal(t, 1, runs)
		set(nil)
		requireDeals(t, h, 0, "a lost connection")
	}
}

func testTeamCommits(t *testing.T, h *Harness) {
	withTeam(t, h)
	h.Faults.Commit(func(_ []string, _, rollback func() error) error { return errors.Join(rollback(), h.lost()) })
	c := newCase("case_1")
	var unknown *application.OutcomeUnknownError
	require.ErrorAs(t, h.Store.Do(t.Context(), deal(c)), &unknown)
	require.Len(t, c.Pending(), 1)
	for name, cause := range h.Retryable(t) {
		left := 2
		h.Faults.Commit(func(_ []string, commit, rollback func() error) error {
			if left--; left >= 0 {
				return errors.Join(rollback(), cause)
			}
			return commit()
		})
		require.NoError(t, h.Store.Do(t.Context(), deal(newCase("case_1"))), name)
		h.Faults.Commit(nil)
		requireDeals(t, h, 1, name)
		h.Exec(t, "DELETE FROM x_team_cases")
		reset(t, h)
	}
}

func testTeamConflicts(t *testing.T, h *Harness) {
	withTeam(t, h)
	h.Do(t, newCase("case_1").adding(1))
	stale := func() *teamCase {
		c := &teamCase{Recorder: event.Restored(1), id: "case_1"}
		c.Record(teamEvent("x.team.case_noted"))
		return c
	}
	one, two, unguarded := stale(), stale(), stale()
	h.Do(t, one.save)
	require.Equal(t, int64(2), one.StoredVersion())
	require.ErrorIs(t, h.Store.Do(t.Context(), two.save), application.ErrConcurrentChange)
	require.ErrorIs(t, h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
		require.NoError(t, deposit(ctx, tx))
		return tx.Record(unguarded, unguarded.subject())
	}), application.ErrConcurrentChange, "the log takes a version once")
	require.Len(t, h.Events(t), 3)
	require.Zero(t, h.Count(t, "ledger_entries"))
}

func testTeamRecords(t *testing.T, h *Harness) {
	withTeam(t, h)
	long := newCase("case_1")
	long.Record(teamEvent(strings.Repeat("x", 62)))
	empty := newCase("case_1")
	subject := func(change func(of *application.Subject)) application.Subject {
		of := empty.subject()
		change(&of)
		return of
	}
	for says, record := range map[string]func(tx *sqlstore.Tx) error{
		`the kind "" is not 1 to 16`: func(tx *sqlstore.Tx) error {
			return tx.Record(empty, subject(func(of *application.Subject) { of.Kind = "" }))
		},
		`the kind "Case" is not 1 to`: func(tx *sqlstore.Tx) error {
			return tx.Record(empty, subject(func(of *application.Subject) { of.Kind = "Case" }))
		},
		`a_kind_of_17_char" is not`: func(tx *sqlstore.Tx) error {
			return tx.Record(empty, subject(func(of *application.Subject) { of.Kind = "a_kind_of_17_char" }))
		},
		`"lead" is leadmill's own`: func(tx *sqlstore.Tx) error {
			return tx.Record(empty, subject(func(of *application.Subject) { of.Kind = "lead" }))
		},
		`"click" is leadmill's own`: func(tx *sqlstore.Tx) error {
			return tx.Record(empty, subject(func(of *application.Subject) { of.Kind = "click" }))
		},
		`of a case: its id "" is`: func(tx *sqlstore.Tx) error {
			return tx.Record(empty, subject(func(of *application.Subject) { of.ID = "" }))
		},
		`the seller's id "" is`: func(tx *sqlstore.Tx) error {
			return tx.Record(empty, subject(func(of *application.Subject) { of.SellerID = "" }))
		},
		`the seller's id "é" is`: func(tx *sqlstore.Tx) error {
			return tx.Record(empty, subject(func(of *application.Subject) { of.SellerID = "é" }))
		},
		`no aggregate is given`:  func(tx *sqlstore.Tx) error { return tx.Record(nil, empty.subject()) },
		`no aggregate is  given`: func(tx *sqlstore.Tx) error { return tx.Record((*teamCase)(nil), empty.subject()) },
		`x.v1" is not 1 to 64`:   func(tx *sqlstore.Tx) error { return tx.Record(long, long.subject()) },
		`another object of it was`: func(tx *sqlstore.Tx) error {
			return errors.Join(tx.Record(empty, empty.subject()), tx.Record(newCase("case_1"), empty.subject()))
		},
		`type "` + strings.Repeat("y", 62): func(tx *sqlstore.Tx) error {
			late := newCase("case_9")
			err := tx.Record(late, late.subject())
			late.Record(teamEvent(strings.Repeat("y", 62)))
			return err
		},
	} {
		err := h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
			require.NoError(t, deposit(ctx, tx))
			_ = record(tx)
			return nil
		})
		require.ErrorContains(t, err, strings.ReplaceAll(says, "  ", " "))
		require.Equal(t, fault.Internal, fault.KindOf(err))
	}
	requireDeals(t, h, 0, "whatever was made of the error")
	most := newCase("case_1")
	most.Record(teamEvent(strings.Repeat("x", 61)))
	h.Do(t, func(_ ctx, tx tx) error {
		return tx.Record(most, application.Subject{Kind: "0123456789_abcde", ID: strings.Repeat("i", 64), SellerID: strings.Repeat("s", 64)})
	})
	require.Len(t, h.Events(t), 3)
}

// testTeamStatements has statements that could end the transaction.
func testTeamStatements(t *testing.T, h *Harness) {
	withTeam(t, h)
	for _, statement := range []string{
		"COMMIT", "ROLLBACK", "BEGIN", "START TRANSACTION", "SAVEPOINT a", "SET autocommit = 1", "", "-- INSERT", "(SELECT 1)",
		"CREATE TABLE x_team_more (id BIGINT)", "  \n/* INSERT */ -- SELECT\n DROP TABLE x_team_cases", "TRUNCATE x_team_cases", "LOCK TABLES x_team_cases WRITE",
		"INSERT or ROLLBACK INTO x_team_pairs (a, b, c) VALUES (1, 1, 1)",
		"WITH n AS (SELECT 1) INSERT OR /* ; */ ROLLBACK INTO x_team_pairs (a, b, c) VALUES (1, 1, 1)",
		"INSERT INTO x_team_pairs (a, b, c) VALUES (1, 1, 1); COMMIT; BEGIN", "SELECT ';' ; ; DELETE FROM x_team_pairs",
	} {
		err := h.Store.Do(t.Context(), func(ctx context.Context, tx *sqlstore.Tx) error {
			require.NoError(t, deal(newCase("case_1"))(ctx, tx))
			_, err := tx.ExecContext(ctx, statement)
			require.ErrorContains(t, err, "could end the transaction", statement)
			_, err = tx.QueryContext(ctx, "SELECT 1") //nolint:rowserrcheck,sqlclosecheck // there are none
			require.ErrorContains(t, err, "could end the transaction", statement)
			return nil
		})
		require.ErrorContains(t, err, "could end the transaction", statement)
		requireDeals(t, h, 0, statement)
	}
	h.Do(t, func(ctx ctx, tx tx) error {
		for _, statement := range []string{
			"/* a */ insert into x_team_pairs (a, b, c) VALUES (1, 1, 1)", "REPLACE INTO x_team_pairs (a, b, c) VALUES (1, 1, 2)",
			"\n\tUPDATE x_team_pairs SET c = 3", "-- all;\nDELETE FROM x_team_pairs WHERE ';' <> \"'\" ; -- end",
		} {
			r, err := tx.ExecContext(ctx, statement)
			require.NoError(t, err, statement)
			n, err := r.RowsAffected()
			require.NoError(t, err)
			require.Positive(t, n)
		}
		rows, err := tx.QueryContext(ctx, "WITH a AS (SELECT 1 AS b) SELECT b FROM a")
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		require.True(t, rows.Next())
		return rows.Err()
	})
}
