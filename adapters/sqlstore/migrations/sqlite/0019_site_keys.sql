-- +goose Up
-- Where the pages are that may use a site key: origins with spaces between. NULL for all other keys.
ALTER TABLE api_keys ADD COLUMN origins TEXT;

-- +goose Down
ALTER TABLE api_keys DROP COLUMN origins;
