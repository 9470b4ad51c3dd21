-- +goose Up
-- That a lead of a campaign that asks for consent came with a proof of it: the names of its consent fields, a space between them. What they
-- say stands in leads.fields, and is erased with the person; this stays.
CREATE TABLE lead_consents (
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  lead_id    TEXT NOT NULL CHECK (length(lead_id) <= 64),
  given      TEXT NOT NULL CHECK (length(given) <= 255),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (seller_id, lead_id)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE lead_consents;
