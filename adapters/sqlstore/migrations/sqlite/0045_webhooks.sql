-- +goose Up
-- Addresses of sellers that are told of their events. handle is what Partnero's paths call one, events a JSON list of types; secret and old_secret are
-- sealed. failing_since is 0 when the last attempt succeeded, stopped_at since when one is disabled. Of a deleted one its id is kept.
CREATE TABLE webhooks (
  seller_id        TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id               TEXT NOT NULL CHECK (length(id) <= 64),
  handle           TEXT NOT NULL CHECK (length(handle) <= 64),
  name             TEXT NOT NULL CHECK (length(name) <= 200),
  url              TEXT NOT NULL,
  events           TEXT NOT NULL,
  format           TEXT NOT NULL CHECK (length(format) <= 16),
  status           TEXT NOT NULL CHECK (length(status) <= 16),
  disabled_reason  TEXT NOT NULL CHECK (length(disabled_reason) <= 32),
  stopped_at       INTEGER NOT NULL,
  failing_since    INTEGER NOT NULL,
  secret           BLOB NOT NULL,
  old_secret       BLOB NOT NULL,
  old_secret_until INTEGER NOT NULL,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  version          INTEGER NOT NULL,
  PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX webhooks_handle ON webhooks (seller_id, handle);

-- That a webhook is told of an event, with what is sent, and where that stands. attempts counts those since it became pending, tries all; next_at is 0
-- when it is not pending, ended_at when it is.
CREATE TABLE webhook_deliveries (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  webhook_id  TEXT NOT NULL CHECK (length(webhook_id) <= 64),
  event_id    TEXT NOT NULL CHECK (length(event_id) <= 64),
  type        TEXT NOT NULL CHECK (length(type) <= 64),
  state       TEXT NOT NULL CHECK (length(state) <= 16),
  attempts    INTEGER NOT NULL,
  tries       INTEGER NOT NULL,
  next_at     INTEGER NOT NULL,
  reason      TEXT NOT NULL CHECK (length(reason) <= 32),
  body        BLOB NOT NULL,
  happened_at INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  ended_at    INTEGER NOT NULL,
  PRIMARY KEY (seller_id, webhook_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (seller_id, webhook_id, state, event_id);

-- The pending deliveries, so that the next one of each webhook is found without a look at those of others.
CREATE TABLE webhook_queue (
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  webhook_id TEXT NOT NULL CHECK (length(webhook_id) <= 64),
  next_at    INTEGER NOT NULL,
  event_id   TEXT NOT NULL CHECK (length(event_id) <= 64),
  PRIMARY KEY (seller_id, webhook_id, next_at, event_id)
) STRICT, WITHOUT ROWID;

-- What was answered, without what is secret as far as that is known. status is 0 when nothing was, reason is empty when it succeeded.
CREATE TABLE webhook_attempts (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  webhook_id  TEXT NOT NULL CHECK (length(webhook_id) <= 64),
  event_id    TEXT NOT NULL CHECK (length(event_id) <= 64),
  number      INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  status      INTEGER NOT NULL,
  reason      TEXT NOT NULL CHECK (length(reason) <= 32),
  answer      BLOB NOT NULL,
  PRIMARY KEY (seller_id, webhook_id, event_id, number)
) STRICT, WITHOUT ROWID;

-- What webhooks are told again of the log, until that is done. types is a JSON list; event_id is empty when it is not of one event; position is how far
-- the log was read.
CREATE TABLE webhook_replays (
  seller_id    TEXT NOT NULL CHECK (length(seller_id) <= 64),
  webhook_id   TEXT NOT NULL CHECK (length(webhook_id) <= 64),
  id           TEXT NOT NULL CHECK (length(id) <= 64),
  types        TEXT NOT NULL,
  event_id     TEXT NOT NULL CHECK (length(event_id) <= 64),
  from_at      INTEGER NOT NULL,
  until_at     INTEGER NOT NULL,
  only_missing INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  PRIMARY KEY (seller_id, webhook_id, id)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE webhook_replays;
DROP TABLE webhook_attempts;
DROP TABLE webhook_queue;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
