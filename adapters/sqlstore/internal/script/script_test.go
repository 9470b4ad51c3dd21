package script_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/script"
)

func read(engine, sql string) ([]script.Statement, error) {
	return script.Read(engine, "x_acme_", "x_acme_migrations", sql)
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"CREATE TABLE x_acme_a (id BIGINT PRIMARY KEY, note VARCHAR(10) CHECK (note LIKE 'x%'), b BIGINT REFERENCES x_acme_b (id))",
		"create table if not exists `x_acme_a` (id BIGINT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
		"CREATE TABLE x_acme_a (id BIGINT) ENGINE innodb",
		"CREATE TABLE x_acme_a (engine VARCHAR(9), `table` BIGINT)",
		"CREATE TABLE x_acme_a LIKE x_acme_b",
		"CREATE TABLE x_acme_a (LIKE x_acme_b)",
		"CREATE INDEX x_acme_i ON x_acme_a (id)",
		"CREATE UNIQUE INDEX IF NOT EXISTS x_acme_i ON x_acme_a (id) WHERE id > 0",
		"CREATE VIEW x_acme_v AS SELECT a.id FROM x_acme_a a JOIN x_acme_b b ON a.id = b.id, x_acme_c AS c WHERE a.id IS NOT DISTINCT FROM 1",
		"CREATE OR REPLACE VIEW x_acme_v (id) AS SELECT id FROM (SELECT id FROM x_acme_a) s, x_acme_b",
		"ALTER TABLE x_acme_a ADD COLUMN b DECIMAL(10, 2) NOT NULL DEFAULT 0",
		"ALTER TABLE x_acme_a ADD KEY x_acme_k (b), ADD CONSTRAINT c CHECK (b > 0), ADD UNIQUE KEY u (b), DROP COLUMN d, ENGINE=InnoDB",
		"ALTER TABLE x_acme_a RENAME TO x_acme_b",
		"ALTER TABLE x_acme_a RENAME COLUMN b TO c",
		"ALTER TABLE x_acme_a ALTER COLUMN b SET DEFAULT 5, MODIFY c BIGINT",
		"DROP TABLE IF EXISTS x_acme_a, x_acme_b",
		"DROP TABLE x_acme_a CASCADE",
		"DROP VIEW x_acme_v",
		"DROP INDEX x_acme_i ON x_acme_a",
		"DROP INDEX IF EXISTS x_acme_i",
		"RENAME TABLE x_acme_a TO x_acme_b",
		"TRUNCATE TABLE x_acme_a",
		"INSERT INTO x_acme_a (id, b) VALUES (1, 'DROP TABLE sellers; it''s text'), (2, 'b')",
		"INSERT INTO x_acme_a (id) SELECT id FROM x_acme_b WHERE id IN (1, 2) ON DUPLICATE KEY UPDATE id = 1, b = 2",
		"INSERT OR IGNORE INTO x_acme_a (id) SELECT 1 FROM DUAL",
		"REPLACE INTO x_acme_a SET id = 1",
		"UPDATE x_acme_a AS a, x_acme_b b SET a.b = b.b, a.c = 1 WHERE a.id = b.id",
		"DELETE FROM x_acme_a WHERE id IN (SELECT id FROM x_acme_b)",
		"DELETE FROM x_acme_a AS a WHERE a.id = 1 ORDER BY id LIMIT 5",
		"/* DROP TABLE sellers */ DELETE FROM x_acme_a -- FROM sellers",
	} {
		for _, engine := range []string{"mysql", "sqlite"} {
			statements, err := read(engine, sql)
			require.NoError(t, err, "%s: %s", engine, sql)
			require.Len(t, statements, 1, sql)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const begins = "what the module makes and uses has a name that begins with x_acme_"
	for sql, says := range map[string]string{
		// Names of others.
		"CREATE TABLE cases (id BIGINT)":                                                "cases: " + begins,
		"CREATE TABLE IF NOT EXISTS `cases` (id BIGINT)":                                "cases: " + begins,
		"CREATE TABLE x_other_cases (id BIGINT)":                                        "x_other_cases: " + begins,
		"CREATE TABLE X_ACME_a (id BIGINT)":                                             "X_ACME_a: " + begins,
		"CREATE TABLE x_acme_ (id BIGINT)":                                              "x_acme_: " + begins,
		"CREATE TABLE x_acme_migrations (id BIGINT)":                                    "x_acme_migrations: leadmill keeps there",
		"CREATE TABLE `x_acme_a b` (id BIGINT)":                                         "x_acme_a b: a name is of a-z",
		"CREATE TABLE x_acme_A (id BIGINT)":                                             "x_acme_A: a name is of a-z",
		"CREATE TABLE x_acme_" + strings.Repeat("a", 58) + " (id BIGINT)":               "a name has at most 64 characters",
		"CREATE TABLE 'x_acme_a' (id BIGINT)":                                           "x_acme_a: a name stands in no quotes of texts",
		"CREATE TABLE leadmill.x_acme_a (id BIGINT)":                                    "leadmill.x_acme_a: a name stands without the name of a schema",
		"CREATE TABLE x_acme_a.sellers (id BIGINT)":                                     "x_acme_a.sellers: a name stands without",
		"CREATE TABLE x_acme_a (id BIGINT REFERENCES sellers (id))":                     "sellers: " + begins,
		"CREATE TABLE x_acme_a (id BIGINT, FOREIGN KEY (id) REFERENCES `sellers` (id))": "sellers: " + begins,

		"CREATE TABLE x_acme_a LIKE sellers":                                  "sellers: " + begins,
		"CREATE TABLE x_acme_a (LIKE sellers)":                                "sellers: " + begins,
		"CREATE TABLE x_acme_a AS SELECT * FROM x_acme_b":                     "CREATE TABLE has the form",
		"CREATE TABLE x_acme_a (id BIGINT) AS SELECT * FROM sellers":          "CREATE TABLE has the form",
		"CREATE TABLE x_acme_a SELECT * FROM sellers":                         "CREATE TABLE has the form",
		"CREATE TABLE x_acme_a (id BIGINT) AS TABLE sellers":                  "sellers: " + begins,
		"CREATE TABLE x_acme_a (id BIGINT) ENGINE=MyISAM":                     "ENGINE must be InnoDB",
		"CREATE TABLE x_acme_a (id BIGINT) ENGINE MRG_MyISAM UNION=(sellers)": "ENGINE must be InnoDB",

		"CREATE TABLE": "ends where the name of a table is expected",

		"CREATE INDEX i ON x_acme_a (id)":                          "i: " + begins,
		"CREATE INDEX x_acme_i ON sellers (id)":                    "sellers: " + begins,
		"CREATE UNIQUE INDEX x_acme_i USING BTREE ON sellers (id)": "sellers: " + begins,

		"CREATE INDEX x_acme_i":     "CREATE INDEX has the form",
		"CREATE VIEW v AS SELECT 1": "v: " + begins,

		"CREATE VIEW x_acme_v AS SELECT * FROM sellers":           "sellers: " + begins,
		"CREATE VIEW x_acme_v AS SELECT * FROM x_acme_a, sellers": "sellers: " + begins,

		"CREATE VIEW x_acme_v AS SELECT * FROM x_acme_a AS a JOIN x_acme_b ON 1=1, sellers": "sellers: " + begins,
		"CREATE VIEW x_acme_v AS SELECT * FROM (x_acme_a, sellers)":                         "sellers: " + begins,
		"CREATE VIEW x_acme_v AS SELECT * FROM (SELECT 1) s, sellers":                       "sellers: " + begins,
		"CREATE VIEW x_acme_v AS SELECT * FROM x_acme_a LEFT JOIN sellers USING (id)":       "sellers: " + begins,
		"CREATE VIEW x_acme_v AS SELECT * FROM x_acme_a STRAIGHT_JOIN sellers":              "sellers: " + begins,
		"CREATE VIEW x_acme_v AS SELECT (SELECT MAX(id) FROM sellers) FROM x_acme_a":        "sellers: " + begins,
		"CREATE VIEW x_acme_v AS SELECT 1 UNION TABLE sellers":                              "sellers: " + begins,
		"CREATE VIEW x_acme_v AS SELECT * FROM leadmill.sellers":                            "leadmill.sellers: a name stands without",
		"CREATE VIEW x_acme_v AS SELECT * FROM":                                             "ends where the name of a table is expected",
		"ALTER TABLE sellers ADD COLUMN a BIGINT":                                           "sellers: " + begins,
		"ALTER TABLE `sellers` DROP COLUMN a":                                               "sellers: " + begins,
		"ALTER TABLE x_acme_a RENAME TO sellers2":                                           "sellers2: " + begins,

		"ALTER TABLE x_acme_a ADD COLUMN b BIGINT REFERENCES sellers (id)": "sellers: " + begins,

		"ALTER TABLE x_acme_a ADD COLUMN b BIGINT, ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES sellers (id)": "sellers: " + begins,

		"ALTER TABLE x_acme_a EXCHANGE PARTITION p WITH TABLE sellers":          "ALTER TABLE … EXCHANGE is nothing",
		"ALTER TABLE x_acme_a ADD COLUMN b BIGINT, ENGINE=MyISAM":               "ENGINE must be InnoDB",
		"ALTER TABLE x_acme_a ADD PARTITION (PARTITION p VALUES LESS THAN (5))": "ADD PARTITION is nothing",

		"DROP TABLE sellers": "sellers: " + begins,

		"DROP TABLE IF EXISTS x_acme_a, sellers": "sellers: " + begins,

		"DROP VIEW event_log":              "event_log: " + begins,
		"DROP INDEX i ON x_acme_a":         "i: " + begins,
		"DROP INDEX x_acme_i ON sellers":   "sellers: " + begins,
		"RENAME TABLE sellers TO x_acme_a": "sellers: " + begins,
		"RENAME TABLE x_acme_a TO sellers": "sellers: " + begins,

		"RENAME TABLE x_acme_a TO x_acme_b, x_acme_b TO x_acme_a": "RENAME TABLE takes one table",

		"TRUNCATE sellers": "sellers: " + begins,

		"INSERT INTO sellers VALUES (1)":              "sellers: " + begins,
		"INSERT IGNORE `sellers` VALUES (1)":          "sellers: " + begins,
		"INSERT OR REPLACE INTO sellers VALUES (1)":   "sellers: " + begins,
		"INSERT OR ROLLBACK INTO x_acme_a VALUES (1)": "OR ROLLBACK would end the transaction",
		"REPLACE INTO sellers VALUES (1)":             "sellers: " + begins,
		"INSERT INTO x_acme_a SELECT * FROM leads":    "leads: " + begins,
		"INSERT INTO x_acme_a TABLE leads":            "leads: " + begins,

		"INSERT INTO x_acme_a SELECT a INTO OUTFILE '/tmp/a' FROM x_acme_b": "OUTFILE: " + begins,
		"INSERT INTO x_acme_a WITH c AS (SELECT 1) SELECT * FROM c":         "c: " + begins,

		"UPDATE sellers SET a = 1": "sellers: " + begins,

		"UPDATE x_acme_a, sellers SET sellers.a = 1":    "sellers: " + begins,
		"UPDATE x_acme_a SET b = (SELECT 1 FROM leads)": "leads: " + begins,

		"DELETE FROM sellers":     "sellers: " + begins,
		"DELETE s FROM sellers s": "DELETE has the form",

		"DELETE FROM x_acme_a USING x_acme_a JOIN sellers":        "DELETE has the form",
		"DELETE FROM x_acme_a, sellers USING x_acme_a":            "DELETE has the form",
		"DELETE FROM x_acme_a WHERE id IN (SELECT id FROM leads)": "leads: " + begins,
		// Other kinds.
		"CREATE TRIGGER x_acme_t AFTER INSERT ON x_acme_a FOR EACH ROW DELETE FROM x_acme_b": "no statement for a module",

		"CREATE PROCEDURE x_acme_p () DELETE FROM x_acme_a":                     "no statement for a module",
		"CREATE FUNCTION x_acme_f () RETURNS INT RETURN 1":                      "no statement for a module",
		"CREATE EVENT x_acme_e ON SCHEDULE EVERY 1 DAY DO DELETE FROM x_acme_a": "no statement for a module",
		"CREATE DEFINER=root@localhost VIEW x_acme_v AS SELECT 1":               "no statement for a module",
		"CREATE TEMPORARY TABLE x_acme_a (id BIGINT)":                           "no statement for a module",
		"CREATE OR REPLACE TABLE x_acme_a (id BIGINT)":                          "no statement for a module",
		"CREATE VIRTUAL TABLE x_acme_a USING fts5 (a)":                          "no statement for a module",

		"CREATE DATABASE x_acme_a": "no statement for a module",

		"ALTER DATABASE leadmill CHARACTER SET utf8mb4": "no statement for a module",

		"DROP DATABASE leadmill":           "no statement for a module",
		"GRANT ALL ON x_acme_a TO someone": "no statement for a module",
		"SET foreign_key_checks = 0":       "no statement for a module",
		"PRAGMA foreign_keys = OFF":        "no statement for a module",
		"ATTACH DATABASE 'a' AS b":         "no statement for a module",

		"SELECT 1": "no statement for a module",

		"WITH c AS (SELECT 1) DELETE FROM x_acme_a": "no statement for a module",

		"CALL x_acme_p()": "no statement for a module",

		"COMMIT": "no statement for a module",

		"LOAD DATA INFILE 'a' INTO TABLE x_acme_a": "no statement for a module",
		// What hides from a reader.
		"/*!50000 DROP TABLE sellers */":         "hides what it does",
		"DELETE FROM x_acme_a /*M! , sellers */": "hides what it does",
		"DELETE FROM x_acme_a --, sellers":       "without it the engines disagree",
		"DELETE FROM x_acme_a # comment":         "is one in MySQL only",
		"DELETE FROM [sellers]":                  "leave the brackets out",

		"DELETE FROM x_acme_a WHERE a = 'open": "has no end",
		"DELETE FROM x_acme_a /* open":         "has no end",
		"DELETE FROM x_acme_a \x00 WHERE 1":    "a control character",

		"-- only a comment": "holds no statement",

		"-- +goose Up\n-- +goose Down\nDROP TABLE x_acme_a":         "holds no statement",
		"DROP TABLE x_acme_a;\n-- +goose Up\nDROP TABLE x_acme_b":   `stands before "-- +goose Up"`,
		"DROP TABLE x_acme_a;\n-- +goose Down\nDROP TABLE x_acme_b": `has no "-- +goose Up" before it`,

		"-- +goose Up\nDROP TABLE x_acme_a;\n-- +goose Up\nDROP TABLE x_acme_a;\n-- +goose Down": "stands here twice",

		"-- +goose ENVSUB ON\nDROP TABLE x_acme_a": "is not known here",

		"-- +goose Up\nDROP TABLE x_acme_a;\n-- +goose Down\nDROP TABLE sellers": "sellers: " + begins,
	} {
		for _, engine := range []string{"mysql", "sqlite"} {
			_, err := read(engine, sql)
			assert.ErrorContains(t, err, says, "%s: %s", engine, sql)
		}
	}
}

// TestRepeatable refuses on MySQL what could be done twice after a crash.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"ALTER TABLE x_acme_a ADD INDEX (b)",
		"ALTER TABLE x_acme_a ADD COLUMN c BIGINT, ADD UNIQUE KEY USING BTREE (b)",
		"ALTER TABLE x_acme_a ADD CHECK (b > 0)",
		"ALTER TABLE x_acme_a ADD CONSTRAINT CHECK (b > 0)",
		"ALTER TABLE x_acme_a ADD FOREIGN KEY f (b) REFERENCES x_acme_b (id)",
		"ALTER TABLE x_acme_a MODIFY b BIGINT UNIQUE",
		"ALTER TABLE x_acme_a CHANGE b c BIGINT CHECK (c > 0)",
		"ALTER TABLE x_acme_a RENAME COLUMN b TO c, RENAME COLUMN c TO b",
		"ALTER TABLE x_acme_a CHANGE b c BIGINT, CHANGE c b BIGINT",
	} {
		_, err := read("mysql", sql)
		assert.ErrorContains(t, err, "because after a crash", sql)
	}
}

// TestEngines has texts that the engines end at different places.
func TestEngines(t *testing.T) {
	t.Parallel()
	hidden := `INSERT INTO x_acme_a VALUES ('\'); DROP TABLE sellers; -- ')`
	_, err := read("sqlite", hidden)
	require.ErrorContains(t, err, "sellers")
	statements, err := read("mysql", hidden)
	require.NoError(t, err)
	require.Len(t, statements, 1)
	_, err = read("mysql", `DELETE FROM "x_acme_a"`)
	require.ErrorContains(t, err, "no quotes of texts")
	statements, err = read("sqlite", `DELETE FROM "x_acme_a"`)
	require.NoError(t, err)
	require.Equal(t, []script.Statement{{Text: `DELETE FROM "x_acme_a"`, Data: true}}, statements)
}

// TestOptions has tables that lack options on MySQL.
func TestOptions(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"CREATE TABLE x_acme_a (a DECIMAL(9, 2) COLLATE ascii_bin)":    "CREATE TABLE x_acme_a (a DECIMAL(9, 2) COLLATE ascii_bin) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
		"CREATE TABLE x_acme_a (a INT) ENGINE=InnoDB":                  "CREATE TABLE x_acme_a (a INT) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ENGINE=InnoDB",
		"CREATE TABLE x_acme_a (a INT) CHARACTER SET ascii":            "CREATE TABLE x_acme_a (a INT) ENGINE=InnoDB CHARACTER SET ascii",
		"CREATE TABLE x_acme_a (a INT) PARTITION BY HASH (a)":          "CREATE TABLE x_acme_a (a INT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin PARTITION BY HASH (a)",
		"CREATE TABLE x_acme_a (a INT) ENGINE=InnoDB COLLATE=utf8_bin": "CREATE TABLE x_acme_a (a INT) ENGINE=InnoDB COLLATE=utf8_bin",

		"CREATE TABLE x_acme_a LIKE x_acme_b":   "CREATE TABLE x_acme_a LIKE x_acme_b",
		"CREATE TABLE x_acme_a (LIKE x_acme_b)": "CREATE TABLE x_acme_a (LIKE x_acme_b)",
	} {
		statements, err := read("mysql", " -- one\n"+sql)
		require.NoError(t, err)
		require.Equal(t, []script.Statement{{Text: want}}, statements)
		if strings.Contains(sql, "DECIMAL") {
			statements, err = read("sqlite", sql)
			require.NoError(t, err)
			require.Equal(t, []script.Statement{{Text: sql}}, statements)
		}
	}
}

func TestStatements(t *testing.T) {
	t.Parallel()
	statements, err := read("mysql", `-- +goose NO TRANSACTION
-- +goose Up
-- Cases; of Acme.
CREATE TABLE x_acme_a (
  id BIGINT -- the id; it counts
); INSERT INTO x_acme_a VALUES (1);

-- +goose StatementBegin
DROP TABLE x_acme_b;
-- +goose StatementEnd
UPDATE x_acme_a SET id = 2
-- +goose Down
;DROP TABLE x_acme_a`)
	require.NoError(t, err)
	require.Equal(t, []script.Statement{
		{Text: "CREATE TABLE x_acme_a (\n  id BIGINT -- the id; it counts\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"},
		{Text: "INSERT INTO x_acme_a VALUES (1)", Data: true},
		{Text: "DROP TABLE x_acme_b"},
		{Text: "UPDATE x_acme_a SET id = 2", Data: true},
	}, statements)
	_, err = read("mysql", "DROP TABLE sellers; DELETE FROM leads, events")
	require.EqualError(t, err, `"DROP TABLE sellers": sellers: what the module makes and uses has a name that begins with x_acme_
"DELETE FROM leads, events": leads: what the module makes and uses has a name that begins with x_acme_
"DELETE FROM leads, events": DELETE has the form DELETE FROM table WHERE …`)
}

// TestRowsOfModulesOnly shows what a module may send inside of a transaction, and to a query.
func TestRowsOfModulesOnly(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]struct{ exec, query string }{
		"SELECT * FROM buyers": {},

		"WITH a AS (SELECT 1) SELECT * FROM a":      {},
		"INSERT INTO x_acme_a (id) VALUES (1)":      {query: `"INSERT" changes something`},
		"INSERT OR IGNORE INTO x_acme_a VALUES (1)": {query: "changes something"},
		"update `x_acme_a` SET id = 1":              {query: "changes something"},
		"-- why\nDELETE FROM x_acme_a":              {query: "changes something"},
		"REPLACE INTO x_acme_a VALUES (1)":          {query: "changes something"},
		"UPDATE buyers SET balance = 0":             {exec: "buyers: a module changes rows of its own tables only", query: "changes something"},

		"DELETE FROM leads": {exec: "leads: a module changes rows", query: "changes something"},

		"INSERT INTO \"events\" VALUES (1)":      {exec: "a module changes rows", query: "changes something"},
		"WITH a AS (SELECT 1) DELETE FROM leads": {exec: "WITH stands before a SELECT only", query: "WITH stands before a SELECT only"},

		"DELETE": {exec: "ends where the name of a table is expected", query: "changes something"},

		"CREATE TABLE x_acme_a (id BIGINT)": {exec: "tables are made by migrations", query: "tables are made by migrations"},

		"UPDATE x_acme_a JOIN buyers ON 1=1 SET buyers.balance = 0": {exec: "one statement changes the rows of one table", query: "changes something"},

		"UPDATE x_acme_a, buyers SET balance = 0": {exec: "one statement changes the rows of one table", query: "changes something"},
		"DELETE x_acme_a, buyers FROM x_acme_a":   {exec: "one statement changes the rows of one table", query: "changes something"},
		"DELETE FROM x_acme_a USING buyers":       {exec: "one statement changes the rows of one table", query: "changes something"},
		"UPDATE x_other.buyers SET balance = 0":   {exec: "a module changes rows", query: "changes something"},

		"UPDATE x_acme_a SET n = (SELECT 1 FROM x_acme_b JOIN x_acme_c ON 1=1), m = 2 WHERE id IN (1, 2)": {query: "changes something"},

		"COMMIT": {exec: "could end the transaction", query: "could end the transaction"},

		"SELECT 1; DELETE FROM x_acme_a": {exec: "a second statement", query: "a second statement"},
	} {
		for _, engine := range []string{"mysql", "sqlite"} {
			for _, c := range []struct {
				check func(engine, sql string) error
				says  string
			}{{script.Single, want.exec}, {script.Query, want.query}} {
				if err := c.check(engine, sql); c.says == "" {
					require.NoError(t, err, sql)
				} else {
					require.ErrorContains(t, err, c.says, sql)
				}
			}
		}
	}
}
