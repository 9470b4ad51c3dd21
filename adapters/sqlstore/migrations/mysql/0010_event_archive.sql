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

-- +goose Down
DROP TABLE IF EXISTS event_archive;
