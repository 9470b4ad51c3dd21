-- +goose NO TRANSACTION
-- +goose Up
-- How a contract's buyer is told of its leads: a JSON object in which what is secret is sealed; NULL: it is not told. delivers_since is from when on
-- it is; 0: it is not. ALTER TABLE commits by itself and cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'contracts' AND column_name = 'delivers_since') = 0,
  'ALTER TABLE contracts ADD COLUMN delivery LONGTEXT NULL, ADD COLUMN delivers_since BIGINT NOT NULL DEFAULT 0', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- That the buyer of a sale is told of its lead, and where that stands. attempts counts those since it became pending, tries all; next_at is 0 when it
-- is not pending.
CREATE TABLE IF NOT EXISTS deliveries (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sale_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lead_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contract_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts    BIGINT NOT NULL,
  tries       BIGINT NOT NULL,
  next_at     BIGINT NOT NULL,
  reason      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  version     BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id),
  UNIQUE KEY deliveries_lead (seller_id, lead_id, sale_id),
  KEY deliveries_contract (seller_id, contract_id, state, id),
  KEY deliveries_state (seller_id, state, id)
) ENGINE=InnoDB;

-- The pending deliveries, so that the next one of each contract is found without a look at those of others.
CREATE TABLE IF NOT EXISTS delivery_queue (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contract_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  next_at     BIGINT NOT NULL,
  delivery_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (seller_id, contract_id, next_at, delivery_id)
) ENGINE=InnoDB;

-- What was sent and answered, without what is personal as far as that is known; both are emptied when the lead is erased. status is 0 when nothing was
-- answered, reason is empty when it succeeded.
CREATE TABLE IF NOT EXISTS delivery_attempts (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  delivery_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number      BIGINT NOT NULL,
  lead_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at          BIGINT NOT NULL,
  duration_us BIGINT NOT NULL,
  status      BIGINT NOT NULL,
  reason      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request     LONGBLOB NOT NULL,
  answer      LONGBLOB NOT NULL,
  PRIMARY KEY (seller_id, delivery_id, number)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS delivery_attempts, delivery_queue, deliveries;
ALTER TABLE contracts DROP COLUMN delivers_since, DROP COLUMN delivery;
