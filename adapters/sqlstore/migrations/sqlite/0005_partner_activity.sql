-- +goose Up
-- What came by each partner, and what happened in a program on each UTC day: referrals and GET /v1/program/overview.
CREATE TABLE partner_activity (
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  partner_id TEXT NOT NULL CHECK (length(partner_id) <= 64),
  clicks     INTEGER NOT NULL,
  signups    INTEGER NOT NULL,
  leads      INTEGER NOT NULL,
  PRIMARY KEY (seller_id, partner_id)
) STRICT;

CREATE TABLE program_days (
  seller_id        TEXT NOT NULL CHECK (length(seller_id) <= 64),
  day              TEXT NOT NULL CHECK (length(day) <= 10),
  partners_joined  INTEGER NOT NULL,
  partners_left    INTEGER NOT NULL,
  customers_joined INTEGER NOT NULL,
  customers_left   INTEGER NOT NULL,
  clicks           INTEGER NOT NULL,
  leads            INTEGER NOT NULL,
  PRIMARY KEY (seller_id, day)
) STRICT;

-- +goose Down
DROP TABLE program_days;
DROP TABLE partner_activity;
