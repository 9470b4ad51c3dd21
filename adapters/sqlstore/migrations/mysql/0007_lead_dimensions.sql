-- +goose NO TRANSACTION
-- +goose Up
-- What the events of a lead tell of it besides ids: a JSON object of texts; NULL is nothing. ALTER TABLE commits by itself and
-- cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'leads' AND column_name = 'dimensions') = 0,
  'ALTER TABLE leads ADD COLUMN dimensions LONGBLOB NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE leads DROP COLUMN dimensions;
