-- +goose NO TRANSACTION
-- +goose Up
-- Addresses of sellers that are told of their events. handle is what Partnero's paths call one, events a JSON list of types; secret and old_secret are
-- sealed. failing_since is 0 when the last attempt succeeded, stopped_at since when one is disabled. Of a deleted one its id is kept.
CREATE TABLE IF NOT EXISTS webhooks (
  seller_id        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id               VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  handle           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name             VARCHAR(200) NOT NULL,
  url              LONGTEXT NOT NULL,
  events           LONGTEXT NOT NULL,
  format           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  disabled_reason  VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  stopped_at       BIGINT NOT NULL,
  failing_since    BIGINT NOT NULL,
  secret           LONGBLOB NOT NULL,
  old_secret       LONGBLOB NOT NULL,
  old_secret_until BIGINT NOT NULL,
  created_at       BIGINT NOT NULL,
  updated_at       BIGINT NOT NULL,
  version          BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id),
  UNIQUE KEY webhooks_handle (seller_id, handle)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- That a webhook is told of an event, with what is sent, and where that stands. attempts counts those since it became pending, tries all; next_at is 0
-- when it is not pending, ended_at when it is.
CREATE TABLE IF NOT EXISTS webhook_deliveries (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  webhook_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  type        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts    BIGINT NOT NULL,
  tries       BIGINT NOT NULL,
  next_at     BIGINT NOT NULL,
  reason      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  body        LONGBLOB NOT NULL,
  happened_at BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  ended_at    BIGINT NOT NULL,
  PRIMARY KEY (seller_id, webhook_id, event_id),
  KEY webhook_deliveries_state (seller_id, webhook_id, state, event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The pending deliveries, so that the next one of each webhook is found without a look at those of others.
CREATE TABLE IF NOT EXISTS webhook_queue (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  webhook_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  next_at    BIGINT NOT NULL,
  event_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (seller_id, webhook_id, next_at, event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What was answered, without what is secret as far as that is known. status is 0 when nothing was, reason is empty when it succeeded.
CREATE TABLE IF NOT EXISTS webhook_attempts (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  webhook_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number      BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  duration_us BIGINT NOT NULL,
  status      BIGINT NOT NULL,
  reason      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  answer      LONGBLOB NOT NULL,
  PRIMARY KEY (seller_id, webhook_id, event_id, number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What webhooks are told again of the log, until that is done. types is a JSON list; event_id is empty when it is not of one event; position is how far
-- the log was read.
CREATE TABLE IF NOT EXISTS webhook_replays (
  seller_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  webhook_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  types        LONGTEXT NOT NULL,
  event_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  from_at      BIGINT NOT NULL,
  until_at     BIGINT NOT NULL,
  only_missing BIGINT NOT NULL,
  position     BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (seller_id, webhook_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS webhook_replays, webhook_attempts, webhook_queue, webhook_deliveries, webhooks;
