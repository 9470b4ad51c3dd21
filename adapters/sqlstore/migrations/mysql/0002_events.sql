-- +goose NO TRANSACTION
-- +goose Up
-- position is given after the commit by the sequencer: dense and never changed. See docs/events.md.
CREATE TABLE IF NOT EXISTS events (
  id                BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  position          BIGINT NULL,
  event_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seller_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_type    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_version BIGINT NOT NULL,
  type              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  payload           LONGBLOB NOT NULL,
  metadata          BLOB NOT NULL,
  occurred_at       BIGINT NOT NULL,
  UNIQUE KEY events_position (position),
  UNIQUE KEY events_aggregate (seller_id, aggregate_type, aggregate_id, aggregate_version),
  KEY events_seller (seller_id, position)
) ENGINE=InnoDB;

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
DROP TABLE IF EXISTS event_parked, event_consumers, event_sequence, events;
