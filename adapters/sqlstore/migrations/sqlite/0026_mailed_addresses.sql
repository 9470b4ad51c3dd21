-- +goose Up
-- To which addresses invitations went lately, each as a hash: until expires_at a seller sends that address no other one.
CREATE TABLE mailed_addresses (
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  address    BLOB NOT NULL CHECK (length(address) = 32),
  event_id   TEXT NOT NULL CHECK (length(event_id) <= 64),
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (seller_id, address)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE mailed_addresses;
