-- +goose Up
-- The read model of GET /v1/reports/campaigns: leads by the local day they were submitted on, sales beside them.
-- The time zones of a seller, each from a time on. Latest is the latest submission counted while it was the newest.
CREATE TABLE report_sellers (
  seller_id TEXT NOT NULL CHECK (length(seller_id) <= 64),
  since     INTEGER NOT NULL,
  time_zone TEXT NOT NULL CHECK (length(time_zone) <= 64),
  latest    INTEGER NOT NULL,
  PRIMARY KEY (seller_id, since)
) STRICT;

CREATE TABLE report_leads (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  day         TEXT NOT NULL CHECK (length(day) <= 10),
  campaign_id TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  category    TEXT NOT NULL CHECK (length(category) <= 200),
  partner_id  TEXT NOT NULL CHECK (length(partner_id) <= 64),
  submitted   INTEGER NOT NULL,
  pending     INTEGER NOT NULL,
  sold        INTEGER NOT NULL,
  duplicate   INTEGER NOT NULL,
  rejected    INTEGER NOT NULL,
  unsold      INTEGER NOT NULL,
  PRIMARY KEY (seller_id, day, campaign_id, category, partner_id)
) STRICT;

CREATE TABLE report_sales (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  day         TEXT NOT NULL CHECK (length(day) <= 10),
  campaign_id TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  category    TEXT NOT NULL CHECK (length(category) <= 200),
  partner_id  TEXT NOT NULL CHECK (length(partner_id) <= 64),
  buyer_id    TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  sales       INTEGER NOT NULL,
  revenue     INTEGER NOT NULL,
  payout      INTEGER NOT NULL,
  PRIMARY KEY (seller_id, day, campaign_id, category, partner_id, buyer_id)
) STRICT;

-- +goose Down
DROP TABLE report_sales;
DROP TABLE report_leads;
DROP TABLE report_sellers;
