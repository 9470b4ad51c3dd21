-- +goose NO TRANSACTION
-- +goose Up
-- The consumers of the log that were added and not forgotten, so that a cursor that got lost is missed: without it, its consumer would
-- begin again.
CREATE TABLE IF NOT EXISTS known_consumers (
  name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT IGNORE INTO known_consumers (name) SELECT name FROM event_consumers;

-- The duplicate rule by which a lead took claims: how long they last and over which fields, such as "any 30 phone,email"; empty when it
-- took none by a rule, NULL for a lead that came before this was kept. ALTER TABLE commits by itself and cannot be run twice, so it is
-- left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'leads' AND column_name = 'claimed') = 0,
  'ALTER TABLE leads ADD COLUMN claimed VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE leads DROP COLUMN claimed;
DROP TABLE IF EXISTS known_consumers;
