-- +goose Up
-- How far the leads of a seller with a retention were looked at: what those up to lead_id held of persons is erased.
CREATE TABLE lead_retention (
  seller_id TEXT NOT NULL PRIMARY KEY CHECK (length(seller_id) <= 64),
  lead_id   TEXT NOT NULL CHECK (length(lead_id) <= 64)
) STRICT, WITHOUT ROWID;

-- When what a lead holds of a person was erased; 0 while it is there.
ALTER TABLE leads ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;
UPDATE leads SET erased_at = updated_at WHERE id IN (SELECT lead_id FROM lead_reviews WHERE status = 'deleted');

-- +goose Down
ALTER TABLE leads DROP COLUMN erased_at;
DROP TABLE lead_retention;
