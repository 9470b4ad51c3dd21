-- +goose Up
-- What of the campaign report was given back: sales by their buyers, and under an empty buyer the leads that are returned now.
CREATE TABLE report_returns (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  day         TEXT NOT NULL CHECK (length(day) <= 10),
  campaign_id TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  category    TEXT NOT NULL CHECK (length(category) <= 200),
  partner_id  TEXT NOT NULL CHECK (length(partner_id) <= 64),
  buyer_id    TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  leads       INTEGER NOT NULL,
  sales       INTEGER NOT NULL,
  revenue     INTEGER NOT NULL,
  payout      INTEGER NOT NULL,
  PRIMARY KEY (seller_id, day, campaign_id, category, partner_id, buyer_id)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE report_returns;
