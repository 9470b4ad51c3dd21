-- +goose NO TRANSACTION
-- +goose Up
-- Whose customers were before they were given to another partner, from now on. version is the customer's after it was given away, at until_at.
CREATE TABLE IF NOT EXISTS customer_attributions (
  seller_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  customer_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version       BIGINT NOT NULL,
  partner_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  referral_key  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  policy        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attributed_at BIGINT NOT NULL,
  touched_at    BIGINT NOT NULL,
  until_at      BIGINT NOT NULL,
  PRIMARY KEY (seller_id, customer_id, version)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS customer_attributions;
