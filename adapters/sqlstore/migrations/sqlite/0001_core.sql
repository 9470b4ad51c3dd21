-- Times are UTC microseconds since 1970, money is micro-units. Zero means "never" in times that may be absent.

-- +goose Up
CREATE TABLE installation (
  name  TEXT NOT NULL PRIMARY KEY CHECK (length(name) <= 64),
  value BLOB NOT NULL CHECK (length(value) <= 255)
) STRICT;

CREATE TABLE sellers (
  id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  code       TEXT NOT NULL CHECK (length(code) <= 8),
  slug       TEXT NOT NULL CHECK (length(slug) <= 64),
  name       TEXT NOT NULL CHECK (length(name) <= 200),
  currency   TEXT NOT NULL CHECK (length(currency) <= 3),
  time_zone  TEXT NOT NULL CHECK (length(time_zone) <= 64),
  website    TEXT NOT NULL CHECK (length(website) <= 2048),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX sellers_code ON sellers (code);
CREATE UNIQUE INDEX sellers_slug ON sellers (slug);

CREATE TABLE api_keys (
  id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  seller_id       TEXT NOT NULL CHECK (length(seller_id) <= 64),
  scope           TEXT NOT NULL CHECK (length(scope) <= 16),
  name            TEXT NOT NULL CHECK (length(name) <= 200),
  partner_id      TEXT NOT NULL CHECK (length(partner_id) <= 64),
  limit_requests  INTEGER NOT NULL,
  limit_window_us INTEGER NOT NULL,
  hash            BLOB NOT NULL CHECK (length(hash) = 32),
  created_at      INTEGER NOT NULL,
  revoked_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX api_keys_seller ON api_keys (seller_id, id);

CREATE TABLE partners (
  seller_id            TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id                   TEXT NOT NULL CHECK (length(id) <= 64),
  email                TEXT NOT NULL CHECK (length(email) <= 254),
  email_key            TEXT NOT NULL CHECK (length(email_key) <= 254),
  name                 TEXT NOT NULL CHECK (length(name) <= 200),
  surname              TEXT NOT NULL CHECK (length(surname) <= 200),
  status               TEXT NOT NULL CHECK (length(status) <= 16),
  approved             INTEGER NOT NULL,
  terms_accepted       INTEGER NOT NULL,
  tags                 TEXT NOT NULL,
  referring_partner_id TEXT NOT NULL CHECK (length(referring_partner_id) <= 64),
  password_hash        TEXT NOT NULL CHECK (length(password_hash) <= 255),
  created_at           INTEGER NOT NULL,
  updated_at           INTEGER NOT NULL,
  version              INTEGER NOT NULL,
  PRIMARY KEY (seller_id, id)
) STRICT;
CREATE UNIQUE INDEX partners_email ON partners (seller_id, email_key);

CREATE TABLE partner_keys (
  seller_id    TEXT NOT NULL CHECK (length(seller_id) <= 64),
  referral_key TEXT NOT NULL CHECK (length(referral_key) <= 64),
  partner_id   TEXT NOT NULL CHECK (length(partner_id) <= 64),
  ordinal      INTEGER NOT NULL,
  PRIMARY KEY (seller_id, referral_key)
) STRICT;
CREATE INDEX partner_keys_partner ON partner_keys (seller_id, partner_id, ordinal);

CREATE TABLE buyers (
  id           TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  seller_id    TEXT NOT NULL CHECK (length(seller_id) <= 64),
  name         TEXT NOT NULL CHECK (length(name) <= 200),
  email        TEXT NOT NULL CHECK (length(email) <= 254),
  status       TEXT NOT NULL CHECK (length(status) <= 16),
  time_zone    TEXT NOT NULL CHECK (length(time_zone) <= 64),
  balance      INTEGER NOT NULL,
  held         INTEGER NOT NULL,
  credit_limit INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  version      INTEGER NOT NULL
) STRICT;
CREATE INDEX buyers_seller ON buyers (seller_id, id);

CREATE TABLE ledger_entries (
  id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  seller_id     TEXT NOT NULL CHECK (length(seller_id) <= 64),
  buyer_id      TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  type          TEXT NOT NULL CHECK (length(type) <= 16),
  amount        INTEGER NOT NULL,
  balance_after INTEGER NOT NULL,
  sale_id       TEXT NOT NULL CHECK (length(sale_id) <= 64),
  note          TEXT NOT NULL CHECK (length(note) <= 500),
  created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_entries_buyer ON ledger_entries (buyer_id, id);

-- active_key is the category in its compared form while the campaign is active, else NULL: one active campaign a category.
CREATE TABLE campaigns (
  id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  name       TEXT NOT NULL CHECK (length(name) <= 200),
  category   TEXT NOT NULL CHECK (length(category) <= 200),
  active_key TEXT NULL CHECK (length(active_key) <= 400),
  status     TEXT NOT NULL CHECK (length(status) <= 16),
  definition TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version    INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX campaigns_active ON campaigns (seller_id, active_key);
CREATE INDEX campaigns_seller ON campaigns (seller_id, id);

CREATE TABLE contracts (
  id             TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  campaign_id    TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  seller_id      TEXT NOT NULL CHECK (length(seller_id) <= 64),
  buyer_id       TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  status         TEXT NOT NULL CHECK (length(status) <= 16),
  price          INTEGER NOT NULL,
  priority       INTEGER NOT NULL,
  time_zone      TEXT NOT NULL CHECK (length(time_zone) <= 64),
  effective_zone TEXT NOT NULL CHECK (length(effective_zone) <= 64),
  caps           TEXT NOT NULL,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX contracts_campaign ON contracts (campaign_id, id);
CREATE INDEX contracts_buyer ON contracts (buyer_id, campaign_id);

-- What a contract used in one span. The span of the total is 0 to 0; it is always there once the contract won a lead.
CREATE TABLE contract_counters (
  counter_key TEXT NOT NULL PRIMARY KEY CHECK (length(counter_key) <= 128),
  contract_id TEXT NOT NULL CHECK (length(contract_id) <= 64),
  span_window TEXT NOT NULL CHECK (length(span_window) <= 8),
  span_key    TEXT NOT NULL CHECK (length(span_key) <= 32),
  starts_at   INTEGER NOT NULL,
  ends_at     INTEGER NOT NULL,
  used        INTEGER NOT NULL,
  spent       INTEGER NOT NULL,
  last_won    INTEGER NOT NULL
) STRICT;
CREATE INDEX contract_counters_contract ON contract_counters (contract_id);

CREATE TABLE leads (
  id                  TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  seller_id           TEXT NOT NULL CHECK (length(seller_id) <= 64),
  seller_code         TEXT NOT NULL CHECK (length(seller_code) <= 8),
  origin              TEXT NOT NULL CHECK (length(origin) <= 16),
  key_id              TEXT NOT NULL CHECK (length(key_id) <= 64),
  partner_id          TEXT NOT NULL CHECK (length(partner_id) <= 64),
  campaign_id         TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  category            TEXT NOT NULL CHECK (length(category) <= 200),
  fields              BLOB NOT NULL,
  external_id         TEXT NOT NULL CHECK (length(external_id) <= 255),
  test                INTEGER NOT NULL,
  status              TEXT NOT NULL CHECK (length(status) <= 16),
  code                TEXT NOT NULL CHECK (length(code) <= 64),
  reason              TEXT NOT NULL CHECK (length(reason) <= 1000),
  payout              INTEGER NOT NULL,
  shown               INTEGER NOT NULL,
  shown_hidden        INTEGER NOT NULL,
  trace               BLOB NOT NULL,
  pending_until       INTEGER NOT NULL,
  request_fingerprint BLOB NOT NULL CHECK (length(request_fingerprint) = 32),
  answer_status       INTEGER NOT NULL,
  answer_body         BLOB NOT NULL CHECK (length(answer_body) <= 65535),
  created_at          INTEGER NOT NULL,
  updated_at          INTEGER NOT NULL,
  version             INTEGER NOT NULL
) STRICT;
CREATE INDEX leads_seller ON leads (seller_id, id);
CREATE INDEX leads_status ON leads (status, campaign_id, id);

-- slot numbers the live sales of a lead and is NULL once a sale is not live: an exclusive lead has slot 1 only.
CREATE TABLE sales (
  id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  lead_id     TEXT NOT NULL CHECK (length(lead_id) <= 64),
  slot        INTEGER NULL,
  campaign_id TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  contract_id TEXT NOT NULL CHECK (length(contract_id) <= 64),
  buyer_id    TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  price       INTEGER NOT NULL,
  currency    TEXT NOT NULL CHECK (length(currency) <= 3),
  status      TEXT NOT NULL CHECK (length(status) <= 16),
  sold_at     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX sales_lead ON sales (lead_id, slot);
CREATE INDEX sales_contract ON sales (contract_id, sold_at);

CREATE TABLE claims (
  claim_key  BLOB NOT NULL PRIMARY KEY CHECK (length(claim_key) = 32),
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  scope      TEXT NOT NULL CHECK (length(scope) <= 64),
  kind       TEXT NOT NULL CHECK (length(kind) <= 16),
  lead_id    TEXT NOT NULL CHECK (length(lead_id) <= 64),
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX claims_expires ON claims (expires_at);

CREATE TABLE answers (
  key_id      TEXT NOT NULL CHECK (length(key_id) <= 64),
  key_hash    BLOB NOT NULL CHECK (length(key_hash) = 32),
  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
  status      INTEGER NOT NULL,
  body        BLOB NOT NULL,
  expires_at  INTEGER NOT NULL,
  PRIMARY KEY (key_id, key_hash)
) STRICT;
CREATE INDEX answers_expires ON answers (expires_at);

-- +goose Down
DROP TABLE answers;
DROP TABLE claims;
DROP TABLE sales;
DROP TABLE leads;
DROP TABLE contract_counters;
DROP TABLE contracts;
DROP TABLE campaigns;
DROP TABLE ledger_entries;
DROP TABLE buyers;
DROP TABLE partner_keys;
DROP TABLE partners;
DROP TABLE api_keys;
DROP TABLE sellers;
DROP TABLE installation;
