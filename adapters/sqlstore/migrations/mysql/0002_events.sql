-- +goose NO TRANSACTION
-- +goose Up
-- A row is never changed. Its position is in event_positions. See docs/events.md.
CREATE TABLE IF NOT EXISTS events (
  id                BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  event_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seller_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_type    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_version BIGINT NOT NULL,
  type              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  payload           LONGBLOB NOT NULL,
  metadata          BLOB NOT NULL,
  occurred_at       BIGINT NOT NULL,
  UNIQUE KEY events_aggregate (seller_id, aggregate_type, aggregate_id, aggregate_version)
) ENGINE=InnoDB;

-- The events that wait for their positions: a row for each INSERT of events, in the same transaction. The ids that one
-- INSERT gives are consecutive.
CREATE TABLE IF NOT EXISTS event_pending (
  first_id BIGINT NOT NULL PRIMARY KEY,
  events   INT NOT NULL
) ENGINE=InnoDB;

-- Given after the commit by the sequencer: dense and never changed.
CREATE TABLE IF NOT EXISTS event_positions (
  position  BIGINT NOT NULL PRIMARY KEY,
  id        BIGINT NOT NULL,
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  UNIQUE KEY event_positions_event (id),
  KEY event_positions_seller (seller_id, position, id)
) ENGINE=InnoDB;

-- What readers read.
CREATE OR REPLACE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW event_log AS
SELECT p.position, e.id, e.event_id, p.seller_id, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.type, e.payload,
  e.metadata, e.occurred_at
FROM event_positions p JOIN events e ON e.id = p.id;

CREATE TABLE IF NOT EXISTS event_sequence (
  id            INT NOT NULL PRIMARY KEY,
  last_position BIGINT NOT NULL
) ENGINE=InnoDB;
INSERT IGNORE INTO event_sequence (id, last_position) VALUES (1, 0);

-- A consumer's cursor with its lease: whoever owns it until lease_until may move it; the fence grows with every new owner.
CREATE TABLE IF NOT EXISTS event_consumers (
  name        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  position    BIGINT NOT NULL,
  owner       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  fence       BIGINT NOT NULL,
  lease_until BIGINT NOT NULL
) ENGINE=InnoDB;

-- Events a consumer could not handle, and the later events of the same aggregate, which wait behind them.
CREATE TABLE IF NOT EXISTS event_parked (
  consumer       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  position       BIGINT NOT NULL,
  seller_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_type VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts       INT NOT NULL,
  error          VARCHAR(1000) NOT NULL,
  parked_at      BIGINT NOT NULL,
  PRIMARY KEY (consumer, position),
  KEY event_parked_aggregate (consumer, seller_id, aggregate_type, aggregate_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP VIEW IF EXISTS event_log;
DROP TABLE IF EXISTS event_parked, event_consumers, event_sequence, event_positions, event_pending, events;
