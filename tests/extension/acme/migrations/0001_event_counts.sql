-- How many events of each type there are. One text for SQLite and MySQL.
CREATE TABLE x_acme_event_counts (
  type   VARCHAR(100) NOT NULL PRIMARY KEY,
  events BIGINT NOT NULL
);
