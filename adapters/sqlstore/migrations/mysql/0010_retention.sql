-- +goose NO TRANSACTION
-- +goose Up
-- Where the log begins: what is below first_position was archived to files, or waits to be deleted. Who makes a consumer, who moves one
-- back and who archives lock the row, so that no event is taken away that somebody is about to read. Until held_until nothing is
-- taken away: what was restored is needed for a while.
CREATE TABLE IF NOT EXISTS event_archive (
  id             INT NOT NULL PRIMARY KEY,
  first_position BIGINT NOT NULL,
  held_until     BIGINT NOT NULL
) ENGINE=InnoDB;
INSERT IGNORE INTO event_archive (id, first_position, held_until) VALUES (1, 1, 0);

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
DROP TABLE IF EXISTS event_archive;
