-- +goose NO TRANSACTION
-- +goose Up
-- The partner program. ALTER TABLE commits by itself and cannot be run twice, so each is left out where it was done before.
-- custom_fields: a list of {"name","value"}; NULL is none. invited: the partner did not answer its invitation yet.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'partners' AND column_name = 'custom_fields') = 0,
  'ALTER TABLE partners ADD COLUMN custom_fields LONGTEXT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'partners' AND column_name = 'invited') = 0,
  'ALTER TABLE partners ADD COLUMN invited TINYINT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'partners' AND index_name = 'partners_created') = 0,
  'ALTER TABLE partners ADD KEY partners_created (seller_id, created_at, id)', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- For the links without a seller: a retired key has ordinal -1.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'partner_keys' AND index_name = 'partner_keys_key') = 0,
  'ALTER TABLE partner_keys ADD KEY partner_keys_key (referral_key)', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- The settings of the program as JSON; NULL is the default program.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'sellers' AND column_name = 'program') = 0,
  'ALTER TABLE sellers ADD COLUMN program LONGTEXT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- key_hash is the SHA-256 of customer_key and NULL once the customer is deleted: keys are compared byte for byte.
CREATE TABLE IF NOT EXISTS customers (
  id            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
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
  UNIQUE KEY customers_key (seller_id, key_hash),
  KEY customers_seller (seller_id, id),
  KEY customers_partner (seller_id, partner_id, id),
  KEY customers_email (seller_id, email_key, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS lead_forms (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  version    BIGINT NOT NULL,
  definition LONGTEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The last number given of each series of a seller.
CREATE TABLE IF NOT EXISTS seller_numbers (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  series    VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  value     BIGINT NOT NULL,
  PRIMARY KEY (seller_id, series)
) ENGINE=InnoDB;

-- What a lead of the form has besides its row in leads.
CREATE TABLE IF NOT EXISTS lead_reviews (
  lead_id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number            BIGINT NOT NULL,
  status            VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name              VARCHAR(200) NOT NULL,
  email             VARCHAR(254) NOT NULL,
  form_version      BIGINT NOT NULL,
  answers           LONGTEXT NOT NULL,
  customer_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  commission_amount BIGINT NULL,
  UNIQUE KEY lead_reviews_number (seller_id, number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS partner_tokens (
  token_hash BINARY(32) NOT NULL PRIMARY KEY,
  kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partner_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  expires_at BIGINT NOT NULL,
  KEY partner_tokens_partner (seller_id, partner_id),
  KEY partner_tokens_expires (expires_at)
) ENGINE=InnoDB;

-- Mails that are still to be sent: by whom and to whom, never their text. next_at is also the claim of who sends it now.
CREATE TABLE IF NOT EXISTS outgoing_mails (
  event_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partner_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts   INT NOT NULL,
  next_at    BIGINT NOT NULL,
  KEY outgoing_mails_next (next_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE outgoing_mails;
DROP TABLE IF EXISTS partner_tokens, lead_reviews, seller_numbers, lead_forms, customers;
ALTER TABLE sellers DROP COLUMN program;
ALTER TABLE partner_keys DROP KEY partner_keys_key;
ALTER TABLE partners DROP KEY partners_created, DROP COLUMN invited, DROP COLUMN custom_fields;
