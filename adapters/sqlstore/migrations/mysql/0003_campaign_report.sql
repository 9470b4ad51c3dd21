-- +goose NO TRANSACTION
-- +goose Up
-- The read model of GET /v1/reports/campaigns: leads by the local day they were submitted on, sales beside them.
-- The time zones of a seller, each from a time on. Latest is the latest submission counted while it was the newest.
CREATE TABLE IF NOT EXISTS report_sellers (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  since     BIGINT NOT NULL,
  time_zone VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  latest    BIGINT NOT NULL,
  PRIMARY KEY (seller_id, since)
) ENGINE=InnoDB;

CREATE TABLE IF NOT EXISTS report_leads (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day         VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  category    VARCHAR(200) NOT NULL,
  partner_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  submitted   BIGINT NOT NULL,
  pending     BIGINT NOT NULL,
  sold        BIGINT NOT NULL,
  duplicate   BIGINT NOT NULL,
  rejected    BIGINT NOT NULL,
  unsold      BIGINT NOT NULL,
  PRIMARY KEY (seller_id, day, campaign_id, category, partner_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS report_sales (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day         VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  category    VARCHAR(200) NOT NULL,
  partner_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sales       BIGINT NOT NULL,
  revenue     BIGINT NOT NULL,
  payout      BIGINT NOT NULL,
  PRIMARY KEY (seller_id, day, campaign_id, category, partner_id, buyer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS report_sales, report_leads, report_sellers;
