-- +goose Up
-- One writer gives the ids in the order of commits, so the id is the position of an event. See docs/events.md.
CREATE TABLE events (
  id                INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id          TEXT NOT NULL CHECK (length(event_id) <= 64),
  seller_id         TEXT NOT NULL CHECK (length(seller_id) <= 64),
  aggregate_type    TEXT NOT NULL CHECK (length(aggregate_type) <= 16),
  aggregate_id      TEXT NOT NULL CHECK (length(aggregate_id) <= 64),
  aggregate_version INTEGER NOT NULL,
  type              TEXT NOT NULL CHECK (length(type) <= 64),
  payload           BLOB NOT NULL,
  metadata          BLOB NOT NULL CHECK (length(metadata) <= 65535),
  occurred_at       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_aggregate ON events (seller_id, aggregate_type, aggregate_id, aggregate_version);
CREATE INDEX events_seller ON events (seller_id, id);

-- What readers read, by the names it has on the other engines.
CREATE VIEW event_positions AS SELECT id AS position, id, seller_id FROM events;
CREATE VIEW event_log AS
SELECT id AS position, id, event_id, seller_id, aggregate_type, aggregate_id, aggregate_version, type, payload, metadata,
  occurred_at
FROM events;

-- A consumer's cursor with its lease: whoever owns it until lease_until may move it; the fence grows with every new owner.
CREATE TABLE event_consumers (
  name        TEXT NOT NULL PRIMARY KEY CHECK (length(name) <= 64),
  position    INTEGER NOT NULL,
  owner       TEXT NOT NULL CHECK (length(owner) <= 64),
  fence       INTEGER NOT NULL,
  lease_until INTEGER NOT NULL
) STRICT;

-- Events a consumer could not handle, and the later events of the same aggregate, which wait behind them.
CREATE TABLE event_parked (
  consumer       TEXT NOT NULL CHECK (length(consumer) <= 64),
  position       INTEGER NOT NULL,
  seller_id      TEXT NOT NULL CHECK (length(seller_id) <= 64),
  aggregate_type TEXT NOT NULL CHECK (length(aggregate_type) <= 16),
  aggregate_id   TEXT NOT NULL CHECK (length(aggregate_id) <= 64),
  attempts       INTEGER NOT NULL,
  error          TEXT NOT NULL CHECK (length(error) <= 1000),
  parked_at      INTEGER NOT NULL,
  PRIMARY KEY (consumer, position)
) STRICT;
CREATE INDEX event_parked_aggregate ON event_parked (consumer, seller_id, aggregate_type, aggregate_id);

-- +goose Down
DROP TABLE event_parked;
DROP TABLE event_consumers;
DROP VIEW event_log;
DROP VIEW event_positions;
DROP TABLE events;
