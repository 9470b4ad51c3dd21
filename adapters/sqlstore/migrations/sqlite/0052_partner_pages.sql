-- +goose Up
-- What came by each referral link on each UTC day, for the charts of partners.
CREATE TABLE link_days (
  seller_id    TEXT NOT NULL CHECK (length(seller_id) <= 64),
  partner_id   TEXT NOT NULL CHECK (length(partner_id) <= 64),
  day          TEXT NOT NULL CHECK (length(day) <= 10),
  referral_key TEXT NOT NULL CHECK (length(referral_key) <= 64),
  clicks       INTEGER NOT NULL,
  signups      INTEGER NOT NULL,
  PRIMARY KEY (seller_id, partner_id, day, referral_key)
) STRICT, WITHOUT ROWID;

-- signed_up: the partner came by the sign-up page; NULL: it did not.
ALTER TABLE partners ADD COLUMN signed_up INTEGER;

-- The picture that stands for a seller on the pages of its partners and buyers.
CREATE TABLE seller_logos (
  seller_id  TEXT NOT NULL PRIMARY KEY CHECK (length(seller_id) <= 64),
  media_type TEXT NOT NULL CHECK (length(media_type) <= 16),
  image      BLOB NOT NULL,
  version    TEXT NOT NULL CHECK (length(version) <= 16)
) STRICT;

-- +goose Down
DROP TABLE seller_logos;
ALTER TABLE partners DROP COLUMN signed_up;
DROP TABLE link_days;
