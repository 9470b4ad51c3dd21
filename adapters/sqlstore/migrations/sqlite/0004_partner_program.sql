-- +goose Up
-- The partner program.
-- custom_fields: a list of {"name","value"}; NULL is none. invited: the partner did not answer its invitation yet.
ALTER TABLE partners ADD COLUMN custom_fields TEXT;
ALTER TABLE partners ADD COLUMN invited INTEGER;
CREATE INDEX partners_created ON partners (seller_id, created_at, id);

-- For the links without a seller: a retired key has ordinal -1.
CREATE INDEX partner_keys_key ON partner_keys (referral_key);

-- The settings of the program as JSON; NULL is the default program.
ALTER TABLE sellers ADD COLUMN program TEXT;

-- key_hash is the SHA-256 of customer_key and NULL once the customer is deleted: keys are compared byte for byte.
CREATE TABLE customers (
  id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  seller_id     TEXT NOT NULL CHECK (length(seller_id) <= 64),
  customer_key  TEXT NOT NULL CHECK (length(customer_key) <= 255),
  key_hash      BLOB CHECK (length(key_hash) = 32),
  email         TEXT NOT NULL CHECK (length(email) <= 254),
  email_key     TEXT NOT NULL CHECK (length(email_key) <= 254),
  name          TEXT NOT NULL CHECK (length(name) <= 200),
  surname       TEXT NOT NULL CHECK (length(surname) <= 200),
  tags          TEXT NOT NULL,
  status        TEXT NOT NULL CHECK (length(status) <= 16),
  partner_id    TEXT NOT NULL CHECK (length(partner_id) <= 64),
  referral_key  TEXT NOT NULL CHECK (length(referral_key) <= 64),
  policy        TEXT NOT NULL CHECK (length(policy) <= 64),
  attributed_at INTEGER NOT NULL,
  touched_at    INTEGER NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  deleted_at    INTEGER NOT NULL,
  version       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX customers_key ON customers (seller_id, key_hash);
CREATE INDEX customers_seller ON customers (seller_id, id);
CREATE INDEX customers_partner ON customers (seller_id, partner_id, id);
CREATE INDEX customers_email ON customers (seller_id, email_key, id);

CREATE TABLE lead_forms (
  seller_id  TEXT NOT NULL PRIMARY KEY CHECK (length(seller_id) <= 64),
  version    INTEGER NOT NULL,
  definition TEXT NOT NULL
) STRICT;

-- The last number given of each series of a seller.
CREATE TABLE seller_numbers (
  seller_id TEXT NOT NULL CHECK (length(seller_id) <= 64),
  series    TEXT NOT NULL CHECK (length(series) <= 32),
  value     INTEGER NOT NULL,
  PRIMARY KEY (seller_id, series)
) STRICT;

-- What a lead of the form has besides its row in leads.
CREATE TABLE lead_reviews (
  lead_id           TEXT NOT NULL PRIMARY KEY CHECK (length(lead_id) <= 64),
  seller_id         TEXT NOT NULL CHECK (length(seller_id) <= 64),
  number            INTEGER NOT NULL,
  status            TEXT NOT NULL CHECK (length(status) <= 16),
  name              TEXT NOT NULL CHECK (length(name) <= 200),
  email             TEXT NOT NULL CHECK (length(email) <= 254),
  form_version      INTEGER NOT NULL,
  answers           TEXT NOT NULL,
  customer_id       TEXT NOT NULL CHECK (length(customer_id) <= 64),
  commission_amount INTEGER
) STRICT;
CREATE UNIQUE INDEX lead_reviews_number ON lead_reviews (seller_id, number);

CREATE TABLE partner_tokens (
  token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
  kind       TEXT NOT NULL CHECK (length(kind) <= 16),
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  partner_id TEXT NOT NULL CHECK (length(partner_id) <= 64),
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX partner_tokens_partner ON partner_tokens (seller_id, partner_id);
CREATE INDEX partner_tokens_expires ON partner_tokens (expires_at);

-- Mails that are still to be sent: by whom and to whom, never their text. next_at is also the claim of who sends it now.
CREATE TABLE outgoing_mails (
  event_id   TEXT NOT NULL PRIMARY KEY CHECK (length(event_id) <= 64),
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  partner_id TEXT NOT NULL CHECK (length(partner_id) <= 64),
  attempts   INTEGER NOT NULL,
  next_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX outgoing_mails_next ON outgoing_mails (next_at);

-- +goose Down
DROP TABLE outgoing_mails;
DROP TABLE partner_tokens;
DROP TABLE lead_reviews;
DROP TABLE seller_numbers;
DROP TABLE lead_forms;
DROP TABLE customers;
ALTER TABLE sellers DROP COLUMN program;
DROP INDEX partner_keys_key;
DROP INDEX partners_created;
ALTER TABLE partners DROP COLUMN invited;
ALTER TABLE partners DROP COLUMN custom_fields;
