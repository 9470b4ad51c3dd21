-- +goose NO TRANSACTION
-- +goose Up
-- The identity of the log, which readers keep beside their positions: a position means nothing in another log. It changes when the
-- database goes back to what it was before, because the positions behind are given again.
INSERT IGNORE INTO installation (name, value) VALUES ('log_id', CONCAT('log_', REPLACE(UUID(), '-', '')));

-- +goose Down
DELETE FROM installation WHERE name = 'log_id';
