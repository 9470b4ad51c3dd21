-- +goose Up
-- What was asked to be erased, and what was: never whose it was. subject says what the request named: an email, a phone, a customer, one
-- lead, or restore for what a restored database has again.
CREATE TABLE erasures (
  seller_id    TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id           TEXT NOT NULL CHECK (length(id) <= 64),
  subject      TEXT NOT NULL CHECK (length(subject) <= 16),
  state        TEXT NOT NULL CHECK (length(state) <= 16),
  requested_at INTEGER NOT NULL,
  finished_at  INTEGER NOT NULL,
  leads        INTEGER NOT NULL,
  form_answers INTEGER NOT NULL,
  customers    INTEGER NOT NULL,
  mails        INTEGER NOT NULL,
  answers      INTEGER NOT NULL,
  claims       INTEGER NOT NULL,
  requests     INTEGER NOT NULL,
  PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;

-- Erasures that are not done, with whom they are about, which goes with the row. What came after last_lead and last_customer was not there
-- when somebody asked. email and phone are in the form that is compared.
CREATE TABLE open_erasures (
  seller_id     TEXT NOT NULL CHECK (length(seller_id) <= 64),
  erasure_id    TEXT NOT NULL CHECK (length(erasure_id) <= 64),
  running       INTEGER NOT NULL,
  email         TEXT NOT NULL CHECK (length(email) <= 254),
  phone         TEXT NOT NULL CHECK (length(phone) <= 32),
  customer_id   TEXT NOT NULL CHECK (length(customer_id) <= 64),
  last_lead     TEXT NOT NULL CHECK (length(last_lead) <= 64),
  last_customer TEXT NOT NULL CHECK (length(last_customer) <= 64),
  PRIMARY KEY (seller_id, erasure_id)
) STRICT, WITHOUT ROWID;

-- How far the open erasures of a seller came, all of which go through its rows together. step counts what was stored.
CREATE TABLE erasure_runs (
  seller_id TEXT NOT NULL PRIMARY KEY CHECK (length(seller_id) <= 64),
  stage     TEXT NOT NULL CHECK (length(stage) <= 16),
  place     TEXT NOT NULL CHECK (length(place) <= 200),
  step      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Leads and customers that were erased because of an erasure; kind is lead or customer.
CREATE TABLE erased (
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id         TEXT NOT NULL CHECK (length(id) <= 64),
  kind       TEXT NOT NULL CHECK (length(kind) <= 16),
  erasure_id TEXT NOT NULL CHECK (length(erasure_id) <= 64),
  PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_erasure ON erased (seller_id, erasure_id, id);

-- The leads and customers that an answer is about, a space between ids; NULL in one of an older version, which is over after a day.
ALTER TABLE answers ADD COLUMN about TEXT;

-- +goose Down
ALTER TABLE answers DROP COLUMN about;
DROP TABLE erased;
DROP TABLE erasure_runs;
DROP TABLE open_erasures;
DROP TABLE erasures;
