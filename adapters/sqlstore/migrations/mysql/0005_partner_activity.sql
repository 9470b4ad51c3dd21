-- +goose NO TRANSACTION
-- +goose Up
-- What came by each partner, and what happened in a program on each UTC day: referrals and GET /v1/program/overview.
CREATE TABLE IF NOT EXISTS partner_activity (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partner_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  clicks     BIGINT NOT NULL,
  signups    BIGINT NOT NULL,
  leads      BIGINT NOT NULL,
  PRIMARY KEY (seller_id, partner_id)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS program_days (
  seller_id        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day              VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  partners_joined  BIGINT NOT NULL,
  partners_left    BIGINT NOT NULL,
  customers_joined BIGINT NOT NULL,
  customers_left   BIGINT NOT NULL,
  clicks           BIGINT NOT NULL,
  leads            BIGINT NOT NULL,
  PRIMARY KEY (seller_id, day)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS program_days, partner_activity;
