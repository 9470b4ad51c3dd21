-- +goose Up
-- How a contract's buyer is told of its leads: a JSON object in which what is secret is sealed; NULL: it is not told. delivers_since is from when on
-- it is; 0: it is not.
ALTER TABLE contracts ADD COLUMN delivery TEXT;
ALTER TABLE contracts ADD COLUMN delivers_since INTEGER NOT NULL DEFAULT 0;

-- That the buyer of a sale is told of its lead, and where that stands. attempts counts those since it became pending, tries all; next_at is 0 when it
-- is not pending.
CREATE TABLE deliveries (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id          TEXT NOT NULL CHECK (length(id) <= 64),
  sale_id     TEXT NOT NULL CHECK (length(sale_id) <= 64),
  lead_id     TEXT NOT NULL CHECK (length(lead_id) <= 64),
  campaign_id TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  contract_id TEXT NOT NULL CHECK (length(contract_id) <= 64),
  buyer_id    TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  state       TEXT NOT NULL CHECK (length(state) <= 16),
  attempts    INTEGER NOT NULL,
  tries       INTEGER NOT NULL,
  next_at     INTEGER NOT NULL,
  reason      TEXT NOT NULL CHECK (length(reason) <= 32),
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  version     INTEGER NOT NULL,
  PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX deliveries_lead ON deliveries (seller_id, lead_id, sale_id);
CREATE INDEX deliveries_contract ON deliveries (seller_id, contract_id, state, id);
CREATE INDEX deliveries_state ON deliveries (seller_id, state, id);

-- The pending deliveries, so that the next one of each contract is found without a look at those of others.
CREATE TABLE delivery_queue (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  contract_id TEXT NOT NULL CHECK (length(contract_id) <= 64),
  next_at     INTEGER NOT NULL,
  delivery_id TEXT NOT NULL CHECK (length(delivery_id) <= 64),
  PRIMARY KEY (seller_id, contract_id, next_at, delivery_id)
) STRICT, WITHOUT ROWID;

-- What was sent and answered, without what is personal as far as that is known; both are emptied when the lead is erased. status is 0 when nothing was
-- answered, reason is empty when it succeeded.
CREATE TABLE delivery_attempts (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  delivery_id TEXT NOT NULL CHECK (length(delivery_id) <= 64),
  number      INTEGER NOT NULL,
  lead_id     TEXT NOT NULL CHECK (length(lead_id) <= 64),
  at          INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  status      INTEGER NOT NULL,
  reason      TEXT NOT NULL CHECK (length(reason) <= 32),
  request     BLOB NOT NULL,
  answer      BLOB NOT NULL,
  PRIMARY KEY (seller_id, delivery_id, number)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE delivery_attempts;
DROP TABLE delivery_queue;
DROP TABLE deliveries;
ALTER TABLE contracts DROP COLUMN delivers_since;
ALTER TABLE contracts DROP COLUMN delivery;
