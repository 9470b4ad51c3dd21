-- +goose Up
-- Form keys: the campaign that a key is bound to, and the origins of the pages that may post with it, with a space between them. Both
-- are empty for all other keys.
ALTER TABLE api_keys ADD COLUMN campaign_id TEXT NOT NULL DEFAULT '' CHECK (length(campaign_id) <= 64);
ALTER TABLE api_keys ADD COLUMN origins TEXT NULL;

-- +goose Down
ALTER TABLE api_keys DROP COLUMN origins;
ALTER TABLE api_keys DROP COLUMN campaign_id;
