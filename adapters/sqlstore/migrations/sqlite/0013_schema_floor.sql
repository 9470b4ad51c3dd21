-- +goose Up
-- The oldest version of the schema whose binaries can work on this database, in digits. A migration that only adds tables, and columns
-- that may be left out, leaves it alone: instances that do not know it go on beside those that do. Any other writes its own number.
INSERT INTO installation (name, value) VALUES ('schema_floor', x'3133');

-- +goose Down
DELETE FROM installation WHERE name = 'schema_floor';
