-- +goose NO TRANSACTION
-- +goose Up
-- To which addresses invitations went lately, each as a hash: until expires_at a seller sends that address no other one.
CREATE TABLE IF NOT EXISTS mailed_addresses (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  address    BINARY(32) NOT NULL,
  event_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (seller_id, address)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS mailed_addresses;
