-- Lean tables: the key of what belongs to a seller begins with its seller, so one index serves lookups, lists and sharding.
CREATE TABLE IF NOT EXISTS buyers (
  seller_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name         VARCHAR(200) NOT NULL,
  email        VARCHAR(254) NOT NULL,
  status       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  time_zone    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  balance      BIGINT NOT NULL,
  held         BIGINT NOT NULL,
  credit_limit BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ledger_entries (
  seller_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  type          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  amount        BIGINT NOT NULL,
  balance_after BIGINT NOT NULL,
  sale_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  note          VARCHAR(500) NOT NULL,
  created_at    BIGINT NOT NULL,
  PRIMARY KEY (seller_id, buyer_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- active_key is the category in its compared form while the campaign is active, else NULL: one active campaign a category.
CREATE TABLE IF NOT EXISTS campaigns (
  seller_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name         VARCHAR(200) NOT NULL,
  category     VARCHAR(200) NOT NULL,
  active_key   VARCHAR(400) NULL,
  status       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  definition   LONGTEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id),
  UNIQUE KEY campaigns_active (seller_id, active_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS contracts (
  seller_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id             VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  price          BIGINT NOT NULL,
  priority       BIGINT NOT NULL,
  time_zone      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  effective_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  caps           LONGTEXT NOT NULL,
  created_at     BIGINT NOT NULL,
  updated_at     BIGINT NOT NULL,
  PRIMARY KEY (seller_id, campaign_id, id),
  KEY contracts_buyer (seller_id, buyer_id, campaign_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What a contract used in one span. The span of the total is 0 to 0; it is always there once the contract won a lead.
CREATE TABLE IF NOT EXISTS contract_counters (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  counter_key VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contract_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  span_window VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  span_key    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  starts_at   BIGINT NOT NULL,
  ends_at     BIGINT NOT NULL,
  used        BIGINT NOT NULL,
  spent       BIGINT NOT NULL,
  last_won    BIGINT NOT NULL,
  PRIMARY KEY (seller_id, counter_key),
  KEY contract_counters_contract (seller_id, contract_id)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS leads (
  seller_id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id                  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seller_code         VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  origin              VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  key_id              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partner_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  category            VARCHAR(200) NOT NULL,
  fields              LONGBLOB NOT NULL,
  dimensions          LONGBLOB NULL,
  external_id         VARCHAR(255) NOT NULL,
  test                TINYINT NOT NULL,
  status              VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  code                VARCHAR(64) NOT NULL,
  reason              VARCHAR(1000) NOT NULL,
  payout              BIGINT NOT NULL,
  shown               BIGINT NOT NULL,
  shown_hidden        TINYINT NOT NULL,
  trace               LONGBLOB NOT NULL,
  pending_until       BIGINT NOT NULL,
  request_fingerprint BINARY(32) NOT NULL,
  answer_status       INT NOT NULL,
  answer_body         BLOB NOT NULL,
  created_at          BIGINT NOT NULL,
  updated_at          BIGINT NOT NULL,
  version             BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The narrow table: every lead of the market that has no live sale. reason is the lead's code; contract_id may be empty.
CREATE TABLE IF NOT EXISTS unsold_leads (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lead_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  test        TINYINT NOT NULL,
  reason      VARCHAR(64) NOT NULL,
  contract_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (seller_id, lead_id),
  KEY unsold_leads_status (seller_id, status, campaign_id, lead_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- slot numbers the live sales of a lead from 1 on; a sale that is not live has the lead's next free negative number.
CREATE TABLE IF NOT EXISTS sales (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lead_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  slot        INT NOT NULL,
  id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contract_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  price       BIGINT NOT NULL,
  currency    VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sold_at     BIGINT NOT NULL,
  PRIMARY KEY (seller_id, lead_id, slot),
  UNIQUE KEY sales_id (seller_id, id),
  KEY sales_contract (seller_id, contract_id, sold_at)
) ENGINE=InnoDB;

-- There is no index on expiry: the purge walks the key.
CREATE TABLE IF NOT EXISTS claims (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  claim_key  BINARY(32) NOT NULL,
  lead_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (seller_id, claim_key)
) ENGINE=InnoDB;

-- What was sent in the last minute, by which a double click is known. content is a hash of the API key's id and the fields.
CREATE TABLE IF NOT EXISTS recent_requests (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  content     BINARY(32) NOT NULL,
  lead_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  accepted_at BIGINT NOT NULL,
  PRIMARY KEY (seller_id, content)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS answers (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  key_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  key_hash    BINARY(32) NOT NULL,
  fingerprint BINARY(32) NOT NULL,
  status      INT NOT NULL,
  body        LONGBLOB NOT NULL,
  expires_at  BIGINT NOT NULL,
  PRIMARY KEY (seller_id, key_id, key_hash)
) ENGINE=InnoDB;

-- key_hash is the SHA-256 of customer_key and NULL once the customer is deleted: keys are compared byte for byte.
CREATE TABLE IF NOT EXISTS customers (
  seller_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  customer_key  VARCHAR(255) NOT NULL,
  key_hash      BINARY(32) NULL,
  email         VARCHAR(254) NOT NULL,
  email_key     VARCHAR(254) NOT NULL,
  name          VARCHAR(200) NOT NULL,
  surname       VARCHAR(200) NOT NULL,
  tags          LONGTEXT NOT NULL,
  status        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partner_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  referral_key  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  policy        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attributed_at BIGINT NOT NULL,
  touched_at    BIGINT NOT NULL,
  created_at    BIGINT NOT NULL,
  updated_at    BIGINT NOT NULL,
  deleted_at    BIGINT NOT NULL,
  version       BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id),
  UNIQUE KEY customers_key (seller_id, key_hash),
  KEY customers_partner (seller_id, partner_id, id),
  KEY customers_email (seller_id, email_key, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What a lead of the form has besides its row in leads.
CREATE TABLE IF NOT EXISTS lead_reviews (
  seller_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lead_id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number            BIGINT NOT NULL,
  status            VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name              VARCHAR(200) NOT NULL,
  email             VARCHAR(254) NOT NULL,
  form_version      BIGINT NOT NULL,
  answers           LONGTEXT NOT NULL,
  customer_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  commission_amount BIGINT NULL,
  PRIMARY KEY (seller_id, lead_id),
  UNIQUE KEY lead_reviews_number (seller_id, number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Mails that are still to be sent: by whom and to whom, never their text. next_at is also the claim of who sends it now.
CREATE TABLE IF NOT EXISTS outgoing_mails (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partner_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts   INT NOT NULL,
  next_at    BIGINT NOT NULL,
  PRIMARY KEY (seller_id, event_id),
  KEY outgoing_mails_next (next_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
