-- +goose NO TRANSACTION
-- +goose Up
-- Form keys: the campaign that a key is bound to, and the origins of the pages that may post with it, with a space between them. Both
-- are empty for all other keys. ALTER TABLE commits by itself and cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'api_keys' AND column_name = 'campaign_id') = 0,
  'ALTER TABLE api_keys ADD COLUMN campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '''', ADD COLUMN origins LONGTEXT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE api_keys DROP COLUMN origins, DROP COLUMN campaign_id;
