-- +goose Up
-- The identity of the log, which readers keep beside their positions: a position means nothing in another log. It changes when the
-- database goes back to what it was before, because the positions behind are given again.
INSERT INTO installation (name, value) VALUES ('log_id', CAST('log_' || lower(hex(randomblob(16))) AS BLOB));

-- +goose Down
DELETE FROM installation WHERE name = 'log_id';
