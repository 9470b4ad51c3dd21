-- +goose Up
-- Whose customers were before they were given to another partner, from now on. version is the customer's after it was given away, at until_at.
CREATE TABLE customer_attributions (
  seller_id     TEXT NOT NULL CHECK (length(seller_id) <= 64),
  customer_id   TEXT NOT NULL CHECK (length(customer_id) <= 64),
  version       INTEGER NOT NULL,
  partner_id    TEXT NOT NULL CHECK (length(partner_id) <= 64),
  referral_key  TEXT NOT NULL CHECK (length(referral_key) <= 64),
  policy        TEXT NOT NULL CHECK (length(policy) <= 64),
  attributed_at INTEGER NOT NULL,
  touched_at    INTEGER NOT NULL,
  until_at      INTEGER NOT NULL,
  PRIMARY KEY (seller_id, customer_id, version)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE customer_attributions;
