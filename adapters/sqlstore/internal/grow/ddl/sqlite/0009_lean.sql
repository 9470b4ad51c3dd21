-- Lean tables: the key of what belongs to a seller begins with its seller, so one index serves lookups, lists and sharding.
-- The rows themselves are kept in that index, except where they are long.

CREATE TABLE buyers (
  seller_id    TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id           TEXT NOT NULL CHECK (length(id) <= 64),
  name         TEXT NOT NULL CHECK (length(name) <= 200),
  email        TEXT NOT NULL CHECK (length(email) <= 254),
  status       TEXT NOT NULL CHECK (length(status) <= 16),
  time_zone    TEXT NOT NULL CHECK (length(time_zone) <= 64),
  balance      INTEGER NOT NULL,
  held         INTEGER NOT NULL,
  credit_limit INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  version      INTEGER NOT NULL,
  PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_entries (
  seller_id     TEXT NOT NULL CHECK (length(seller_id) <= 64),
  buyer_id      TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  id            TEXT NOT NULL CHECK (length(id) <= 64),
  type          TEXT NOT NULL CHECK (length(type) <= 16),
  amount        INTEGER NOT NULL,
  balance_after INTEGER NOT NULL,
  sale_id       TEXT NOT NULL CHECK (length(sale_id) <= 64),
  note          TEXT NOT NULL CHECK (length(note) <= 500),
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (seller_id, buyer_id, id)
) STRICT, WITHOUT ROWID;

-- active_key is the category in its compared form while the campaign is active, else NULL: one active campaign a category.
CREATE TABLE campaigns (
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id         TEXT NOT NULL CHECK (length(id) <= 64),
  name       TEXT NOT NULL CHECK (length(name) <= 200),
  category   TEXT NOT NULL CHECK (length(category) <= 200),
  active_key TEXT NULL CHECK (length(active_key) <= 400),
  status     TEXT NOT NULL CHECK (length(status) <= 16),
  definition TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  PRIMARY KEY (seller_id, id)
) STRICT;

CREATE TABLE contracts (
  seller_id      TEXT NOT NULL CHECK (length(seller_id) <= 64),
  campaign_id    TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  id             TEXT NOT NULL CHECK (length(id) <= 64),
  buyer_id       TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  status         TEXT NOT NULL CHECK (length(status) <= 16),
  price          INTEGER NOT NULL,
  priority       INTEGER NOT NULL,
  time_zone      TEXT NOT NULL CHECK (length(time_zone) <= 64),
  effective_zone TEXT NOT NULL CHECK (length(effective_zone) <= 64),
  caps           TEXT NOT NULL,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL,
  PRIMARY KEY (seller_id, campaign_id, id)
) STRICT;

-- What a contract used in one span. The span of the total is 0 to 0; it is always there once the contract won a lead.
CREATE TABLE contract_counters (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  counter_key TEXT NOT NULL CHECK (length(counter_key) <= 128),
  contract_id TEXT NOT NULL CHECK (length(contract_id) <= 64),
  span_window TEXT NOT NULL CHECK (length(span_window) <= 8),
  span_key    TEXT NOT NULL CHECK (length(span_key) <= 32),
  starts_at   INTEGER NOT NULL,
  ends_at     INTEGER NOT NULL,
  used        INTEGER NOT NULL,
  spent       INTEGER NOT NULL,
  last_won    INTEGER NOT NULL,
  PRIMARY KEY (seller_id, counter_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE leads (
  seller_id           TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id                  TEXT NOT NULL CHECK (length(id) <= 64),
  seller_code         TEXT NOT NULL CHECK (length(seller_code) <= 8),
  origin              TEXT NOT NULL CHECK (length(origin) <= 16),
  key_id              TEXT NOT NULL CHECK (length(key_id) <= 64),
  partner_id          TEXT NOT NULL CHECK (length(partner_id) <= 64),
  campaign_id         TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  category            TEXT NOT NULL CHECK (length(category) <= 200),
  fields              BLOB NOT NULL,
  dimensions          BLOB NULL,
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
  version             INTEGER NOT NULL,
  PRIMARY KEY (seller_id, id)
) STRICT;

-- The narrow table: every lead of the market that has no live sale. reason is the lead's code; contract_id may be empty.
CREATE TABLE unsold_leads (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  lead_id     TEXT NOT NULL CHECK (length(lead_id) <= 64),
  campaign_id TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  status      TEXT NOT NULL CHECK (length(status) <= 16),
  test        INTEGER NOT NULL,
  reason      TEXT NOT NULL CHECK (length(reason) <= 64),
  contract_id TEXT NOT NULL CHECK (length(contract_id) <= 64),
  PRIMARY KEY (seller_id, lead_id)
) STRICT, WITHOUT ROWID;

-- slot numbers the live sales of a lead from 1 on; a sale that is not live has the lead's next free negative number.
CREATE TABLE sales (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  lead_id     TEXT NOT NULL CHECK (length(lead_id) <= 64),
  slot        INTEGER NOT NULL,
  id          TEXT NOT NULL CHECK (length(id) <= 64),
  campaign_id TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  contract_id TEXT NOT NULL CHECK (length(contract_id) <= 64),
  buyer_id    TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  price       INTEGER NOT NULL,
  currency    TEXT NOT NULL CHECK (length(currency) <= 3),
  status      TEXT NOT NULL CHECK (length(status) <= 16),
  sold_at     INTEGER NOT NULL,
  PRIMARY KEY (seller_id, lead_id, slot)
) STRICT, WITHOUT ROWID;

-- There is no index on expiry: the purge walks the key.
CREATE TABLE claims (
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  claim_key  BLOB NOT NULL CHECK (length(claim_key) = 32),
  lead_id    TEXT NOT NULL CHECK (length(lead_id) <= 64),
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (seller_id, claim_key)
) STRICT, WITHOUT ROWID;

-- What was sent in the last minute, by which a double click is known. content is a hash of the API key's id and the fields.
CREATE TABLE recent_requests (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  content     BLOB NOT NULL CHECK (length(content) = 32),
  lead_id     TEXT NOT NULL CHECK (length(lead_id) <= 64),
  accepted_at INTEGER NOT NULL,
  PRIMARY KEY (seller_id, content)
) STRICT, WITHOUT ROWID;

CREATE TABLE answers (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  key_id      TEXT NOT NULL CHECK (length(key_id) <= 64),
  key_hash    BLOB NOT NULL CHECK (length(key_hash) = 32),
  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
  status      INTEGER NOT NULL,
  body        BLOB NOT NULL,
  expires_at  INTEGER NOT NULL,
  PRIMARY KEY (seller_id, key_id, key_hash)
) STRICT;

-- key_hash is the SHA-256 of customer_key and NULL once the customer is deleted: keys are compared byte for byte.
CREATE TABLE customers (
  seller_id     TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id            TEXT NOT NULL CHECK (length(id) <= 64),
  customer_key  TEXT NOT NULL CHECK (length(customer_key) <= 255),
  key_hash      BLOB NULL CHECK (length(key_hash) = 32),
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
  version       INTEGER NOT NULL,
  PRIMARY KEY (seller_id, id)
) STRICT;

-- What a lead of the form has besides its row in leads.
CREATE TABLE lead_reviews (
  seller_id         TEXT NOT NULL CHECK (length(seller_id) <= 64),
  lead_id           TEXT NOT NULL CHECK (length(lead_id) <= 64),
  number            INTEGER NOT NULL,
  status            TEXT NOT NULL CHECK (length(status) <= 16),
  name              TEXT NOT NULL CHECK (length(name) <= 200),
  email             TEXT NOT NULL CHECK (length(email) <= 254),
  form_version      INTEGER NOT NULL,
  answers           TEXT NOT NULL,
  customer_id       TEXT NOT NULL CHECK (length(customer_id) <= 64),
  commission_amount INTEGER NULL,
  PRIMARY KEY (seller_id, lead_id)
) STRICT;

-- Mails that are still to be sent: by whom and to whom, never their text. next_at is also the claim of who sends it now.
CREATE TABLE outgoing_mails (
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  event_id   TEXT NOT NULL CHECK (length(event_id) <= 64),
  partner_id TEXT NOT NULL CHECK (length(partner_id) <= 64),
  attempts   INTEGER NOT NULL,
  next_at    INTEGER NOT NULL,
  PRIMARY KEY (seller_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX campaigns_active ON campaigns (seller_id, active_key);

CREATE INDEX contracts_buyer ON contracts (seller_id, buyer_id, campaign_id);

CREATE INDEX contract_counters_contract ON contract_counters (seller_id, contract_id);

CREATE INDEX unsold_leads_status ON unsold_leads (seller_id, status, campaign_id, lead_id);

CREATE UNIQUE INDEX sales_id ON sales (seller_id, id);
CREATE INDEX sales_contract ON sales (seller_id, contract_id, sold_at);

CREATE UNIQUE INDEX customers_key ON customers (seller_id, key_hash);
CREATE INDEX customers_partner ON customers (seller_id, partner_id, id);
CREATE INDEX customers_email ON customers (seller_id, email_key, id);

CREATE UNIQUE INDEX lead_reviews_number ON lead_reviews (seller_id, number);

CREATE INDEX outgoing_mails_next ON outgoing_mails (next_at);
