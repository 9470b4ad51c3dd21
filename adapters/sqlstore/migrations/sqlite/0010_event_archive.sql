-- +goose Up
-- Where the log begins: what is below first_position was archived to files, or waits to be deleted. Until held_until nothing is
-- taken away: what was restored is needed for a while.
CREATE TABLE event_archive (
  id             INTEGER PRIMARY KEY,
  first_position INTEGER NOT NULL,
  held_until     INTEGER NOT NULL
) STRICT;
INSERT INTO event_archive (id, first_position, held_until) VALUES (1, 1, 0);

-- +goose Down
DROP TABLE event_archive;
