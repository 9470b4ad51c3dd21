-- +goose NO TRANSACTION
-- +goose Up
-- When a key ends by itself (0: never), when it was last used (0: never) and how many leads came with it. The last two are written once a
-- minute at most. ALTER TABLE commits by itself and cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'api_keys' AND column_name = 'expires_at') = 0,
  'ALTER TABLE api_keys ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0, ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0, ADD COLUMN leads BIGINT NOT NULL DEFAULT 0', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE api_keys DROP COLUMN leads, DROP COLUMN last_used_at, DROP COLUMN expires_at;
