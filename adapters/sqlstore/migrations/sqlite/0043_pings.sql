-- +goose Up
-- What suppliers were promised before they sent a lead: quote is a JSON object of amounts in micro-units. lead_id is empty and used_at 0 until a lead
-- came with it. Nothing of a person is in it.
CREATE TABLE pings (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id          TEXT NOT NULL CHECK (length(id) <= 64),
  key_id      TEXT NOT NULL CHECK (length(key_id) <= 64),
  campaign_id TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  test        INTEGER NOT NULL CHECK (test IN (0, 1)),
  quote       TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  used_at     INTEGER NOT NULL,
  lead_id     TEXT NOT NULL CHECK (length(lead_id) <= 64),
  PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pings_lead ON pings (seller_id, lead_id);

-- +goose Down
DROP TABLE pings;
