-- +goose Up
-- What the events of a lead tell of it besides ids: a JSON object of texts; NULL is nothing.
ALTER TABLE leads ADD COLUMN dimensions BLOB;

-- +goose Down
ALTER TABLE leads DROP COLUMN dimensions;
