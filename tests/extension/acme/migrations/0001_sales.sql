-- What was sold in each state.
CREATE TABLE IF NOT EXISTS x_acme_sales (
  seller_id VARCHAR(64) NOT NULL,
  state     VARCHAR(64) NOT NULL,
  sales     BIGINT NOT NULL,
  revenue   BIGINT NOT NULL,
  PRIMARY KEY (seller_id, state)
);
