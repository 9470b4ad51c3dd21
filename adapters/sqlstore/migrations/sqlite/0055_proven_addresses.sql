-- +goose Up
-- When somebody showed that the email address is theirs; 0: nobody did, which is said of everybody who was there before.
ALTER TABLE people ADD COLUMN proven_at INTEGER NOT NULL DEFAULT 0;

-- Whether the link was sent to the person's address and shown to nobody else.
ALTER TABLE person_links ADD COLUMN mailed INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE person_links DROP COLUMN mailed;
ALTER TABLE people DROP COLUMN proven_at;
