-- +goose NO TRANSACTION
-- +goose Up
-- What of the campaign report was given back: sales by their buyers, and under an empty buyer the leads that are returned now.
CREATE TABLE IF NOT EXISTS report_returns (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  day         VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  category    VARCHAR(200) NOT NULL,
  partner_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  leads       BIGINT NOT NULL,
  sales       BIGINT NOT NULL,
  revenue     BIGINT NOT NULL,
  payout      BIGINT NOT NULL,
  PRIMARY KEY (seller_id, day, campaign_id, category, partner_id, buyer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS report_returns;
