-- +goose NO TRANSACTION
-- +goose Up
-- Where the pages are that may use a site key: origins with spaces between. NULL for all other keys. ALTER TABLE commits by itself and
-- cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'api_keys' AND column_name = 'origins') = 0,
  'ALTER TABLE api_keys ADD COLUMN origins TEXT CHARACTER SET ascii COLLATE ascii_bin NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE api_keys DROP COLUMN origins;
