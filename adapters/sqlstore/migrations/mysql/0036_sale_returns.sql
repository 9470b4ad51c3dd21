-- +goose NO TRANSACTION
-- +goose Up
-- Sales that buyers want to give back, and what became of that. open_sale is the sale while the return is not decided, so that a sale
-- has one open return. What is noted may be personal, and is erased with the lead.
CREATE TABLE IF NOT EXISTS sale_returns (
  seller_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sale_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  open_sale     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  lead_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contract_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  note          VARCHAR(1000) NOT NULL,
  status        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  automatic     TINYINT NOT NULL,
  price         BIGINT NOT NULL,
  payout        BIGINT NOT NULL,
  currency      VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sold_at       BIGINT NOT NULL,
  requested_at  BIGINT NOT NULL,
  decided_at    BIGINT NOT NULL,
  decision_note VARCHAR(1000) NOT NULL,
  PRIMARY KEY (seller_id, id),
  UNIQUE KEY sale_returns_open (seller_id, open_sale),
  KEY sale_returns_lead (seller_id, lead_id),
  KEY sale_returns_buyer (seller_id, buyer_id, decided_at),
  KEY sale_returns_contract (seller_id, contract_id, sold_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS sale_returns;
