-- +goose NO TRANSACTION
-- +goose Up
-- What came by each referral link on each UTC day, for the charts of partners.
CREATE TABLE IF NOT EXISTS link_days (
  seller_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partner_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day          VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  referral_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  clicks       BIGINT NOT NULL,
  signups      BIGINT NOT NULL,
  PRIMARY KEY (seller_id, partner_id, day, referral_key)
) ENGINE=InnoDB;

-- signed_up: the partner came by the sign-up page; NULL: it did not. ALTER TABLE cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'partners' AND column_name = 'signed_up') = 0,
  'ALTER TABLE partners ADD COLUMN signed_up TINYINT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- The picture that stands for a seller on the pages of its partners and buyers.
CREATE TABLE IF NOT EXISTS seller_logos (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  media_type VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  image      LONGBLOB NOT NULL,
  version    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (seller_id)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS seller_logos;
ALTER TABLE partners DROP COLUMN signed_up;
DROP TABLE IF EXISTS link_days;
