-- +goose Up
-- The consumers of the log that were added and not forgotten, so that a cursor that got lost is missed: without it, its consumer would
-- begin again.
CREATE TABLE known_consumers (
  name TEXT NOT NULL PRIMARY KEY CHECK (length(name) <= 64)
) STRICT, WITHOUT ROWID;
INSERT INTO known_consumers (name) SELECT name FROM event_consumers;

-- The duplicate rule by which a lead took claims: how long they last and over which fields, such as "any 30 phone,email"; empty when it
-- took none by a rule, NULL for a lead that came before this was kept.
ALTER TABLE leads ADD COLUMN claimed TEXT CHECK (length(claimed) <= 64);

-- +goose Down
ALTER TABLE leads DROP COLUMN claimed;
DROP TABLE known_consumers;
