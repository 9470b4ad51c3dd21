-- +goose NO TRANSACTION
-- +goose Up
-- How far the leads of a seller with a retention were looked at: what those up to lead_id held of persons is erased.
CREATE TABLE IF NOT EXISTS lead_retention (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  lead_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB;

-- When what a lead holds of a person was erased; 0 while it is there. ALTER TABLE commits by itself and cannot be run twice, so it is
-- left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'leads' AND column_name = 'erased_at') = 0,
  'ALTER TABLE leads ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

UPDATE leads l JOIN lead_reviews f ON f.seller_id = l.seller_id AND f.lead_id = l.id SET l.erased_at = l.updated_at
WHERE f.status = 'deleted' AND l.erased_at = 0;

-- +goose Down
ALTER TABLE leads DROP COLUMN erased_at;
DROP TABLE IF EXISTS lead_retention;
