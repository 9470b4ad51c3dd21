-- +goose NO TRANSACTION
-- +goose Up
-- What was asked to be erased, and what was: never whose it was. subject says what the request named: an email, a phone, a customer, one
-- lead, or restore for what a restored database has again.
CREATE TABLE IF NOT EXISTS erasures (
  seller_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  requested_at BIGINT NOT NULL,
  finished_at  BIGINT NOT NULL,
  leads        BIGINT NOT NULL,
  form_answers BIGINT NOT NULL,
  customers    BIGINT NOT NULL,
  mails        BIGINT NOT NULL,
  answers      BIGINT NOT NULL,
  claims       BIGINT NOT NULL,
  requests     BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Erasures that are not done, with whom they are about, which goes with the row. What came after last_lead and last_customer was not there
-- when somebody asked. email and phone are in the form that is compared.
CREATE TABLE IF NOT EXISTS open_erasures (
  seller_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  erasure_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  running       TINYINT NOT NULL,
  email         VARCHAR(254) NOT NULL,
  phone         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  customer_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  last_lead     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  last_customer VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (seller_id, erasure_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- How far the open erasures of a seller came, all of which go through its rows together. step counts what was stored.
CREATE TABLE IF NOT EXISTS erasure_runs (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  stage     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  place     VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  step      BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Leads and customers that were erased because of an erasure; kind is lead or customer.
CREATE TABLE IF NOT EXISTS erased (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  erasure_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (seller_id, id),
  KEY erased_erasure (seller_id, erasure_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The leads and customers that an answer is about, a space between ids; NULL in one of an older version, which is over after a day.
-- ALTER TABLE commits by itself and cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'answers' AND column_name = 'about') = 0,
  'ALTER TABLE answers ADD COLUMN about TEXT CHARACTER SET ascii COLLATE ascii_bin NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE answers DROP COLUMN about;
DROP TABLE IF EXISTS erased;
DROP TABLE IF EXISTS erasure_runs;
DROP TABLE IF EXISTS open_erasures;
DROP TABLE IF EXISTS erasures;
