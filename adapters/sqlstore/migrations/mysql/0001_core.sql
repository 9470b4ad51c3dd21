-- Times are UTC microseconds since 1970, money is micro-units. Zero means "never" in times that may be absent.

-- DDL commits by itself on MySQL, so every statement can run again after a crash in the middle of a migration.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS installation (
  name  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  value VARBINARY(255) NOT NULL
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS sellers (
  id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  code       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  slug       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name       VARCHAR(200) NOT NULL,
  currency   VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  time_zone  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  website    VARCHAR(2048) NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version    BIGINT NOT NULL,
  UNIQUE KEY sellers_code (code),
  UNIQUE KEY sellers_slug (slug)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS api_keys (
  id              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  scope           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name            VARCHAR(200) NOT NULL,
  partner_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  limit_requests  BIGINT NOT NULL,
  limit_window_us BIGINT NOT NULL,
  hash            BINARY(32) NOT NULL,
  created_at      BIGINT NOT NULL,
  revoked_at      BIGINT NOT NULL,
  KEY api_keys_seller (seller_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS partners (
  seller_id            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id                   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  email                VARCHAR(254) NOT NULL,
  email_key            VARCHAR(254) NOT NULL,
  name                 VARCHAR(200) NOT NULL,
  surname              VARCHAR(200) NOT NULL,
  status               VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  approved             TINYINT NOT NULL,
  terms_accepted       TINYINT NOT NULL,
  tags                 LONGTEXT NOT NULL,
  referring_partner_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  password_hash        VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at           BIGINT NOT NULL,
  updated_at           BIGINT NOT NULL,
  version              BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id),
  UNIQUE KEY partners_email (seller_id, email_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS partner_keys (
  seller_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  referral_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partner_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  ordinal      INT NOT NULL,
  PRIMARY KEY (seller_id, referral_key),
  KEY partner_keys_partner (seller_id, partner_id, ordinal)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS buyers (
  id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
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
  KEY buyers_seller (seller_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS ledger_entries (
  id            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  type          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  amount        BIGINT NOT NULL,
  balance_after BIGINT NOT NULL,
  sale_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  note          VARCHAR(500) NOT NULL,
  created_at    BIGINT NOT NULL,
  KEY ledger_entries_buyer (buyer_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- active_key is the category in its compared form while the campaign is active, else NULL: one active campaign a category.
CREATE TABLE IF NOT EXISTS campaigns (
  id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name         VARCHAR(200) NOT NULL,
  category     VARCHAR(200) NOT NULL,
  active_key   VARCHAR(400) NULL,
  status       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  definition   LONGTEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL,
  UNIQUE KEY campaigns_active (seller_id, active_key),
  KEY campaigns_seller (seller_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS contracts (
  id             VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  campaign_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seller_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  price          BIGINT NOT NULL,
  priority       BIGINT NOT NULL,
  time_zone      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  effective_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  caps           LONGTEXT NOT NULL,
  created_at     BIGINT NOT NULL,
  updated_at     BIGINT NOT NULL,
  KEY contracts_campaign (campaign_id, id),
  KEY contracts_buyer (buyer_id, campaign_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What a contract used in one span. The span of the total is 0 to 0; it is always there once the contract won a lead.
CREATE TABLE IF NOT EXISTS contract_counters (
  counter_key VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  contract_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  span_window VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  span_key    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  starts_at   BIGINT NOT NULL,
  ends_at     BIGINT NOT NULL,
  used        BIGINT NOT NULL,
  spent       BIGINT NOT NULL,
  last_won    BIGINT NOT NULL,
  KEY contract_counters_contract (contract_id)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS leads (
  id                  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seller_code         VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  origin              VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  key_id              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partner_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  category            VARCHAR(200) NOT NULL,
  fields              LONGBLOB NOT NULL,
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
  KEY leads_seller (seller_id, id),
  KEY leads_status (status, campaign_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- slot numbers the live sales of a lead and is NULL once a sale is not live: an exclusive lead has slot 1 only.
CREATE TABLE IF NOT EXISTS sales (
  id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lead_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  slot        INT NULL,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contract_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  price       BIGINT NOT NULL,
  currency    VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sold_at     BIGINT NOT NULL,
  UNIQUE KEY sales_lead (lead_id, slot),
  KEY sales_contract (contract_id, sold_at)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS claims (
  claim_key  BINARY(32) NOT NULL PRIMARY KEY,
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  scope      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lead_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  expires_at BIGINT NOT NULL,
  KEY claims_expires (expires_at)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS answers (
  key_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  key_hash    BINARY(32) NOT NULL,
  fingerprint BINARY(32) NOT NULL,
  status      INT NOT NULL,
  body        LONGBLOB NOT NULL,
  expires_at  BIGINT NOT NULL,
  PRIMARY KEY (key_id, key_hash),
  KEY answers_expires (expires_at)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS answers, claims, sales, leads, contract_counters, contracts, campaigns, ledger_entries, buyers, partner_keys,
  partners, api_keys, sellers, installation;
