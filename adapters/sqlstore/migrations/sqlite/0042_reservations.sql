-- +goose Up
-- Sales that may be made of leads: their buyers are asked first, or take the lead if others do. One that is reserved or accepted holds its price and
-- counts in caps by reserved_at; it is deleted when it is a sale. A released one stays, so that its buyer is not asked about the lead again.
CREATE TABLE reservations (
  seller_id         TEXT NOT NULL CHECK (length(seller_id) <= 64),
  lead_id           TEXT NOT NULL CHECK (length(lead_id) <= 64),
  sale_id           TEXT NOT NULL CHECK (length(sale_id) <= 64),
  campaign_id       TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  contract_id       TEXT NOT NULL CHECK (length(contract_id) <= 64),
  buyer_id          TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  slot              INTEGER NOT NULL,
  status            TEXT NOT NULL CHECK (length(status) <= 16),
  reason            TEXT NOT NULL CHECK (length(reason) <= 32),
  asked             INTEGER NOT NULL,
  price_from_answer INTEGER NOT NULL,
  price             INTEGER NOT NULL,
  currency          TEXT NOT NULL CHECK (length(currency) <= 3),
  reserved_at       INTEGER NOT NULL,
  deadline_at       INTEGER NOT NULL,
  updated_at        INTEGER NOT NULL,
  PRIMARY KEY (seller_id, lead_id, sale_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_contract ON reservations (seller_id, contract_id, status);
CREATE INDEX reservations_deadline ON reservations (status, deadline_at);

-- deadline_at is until when buyers are asked about a lead; NULL: none is. answer_until is until when the stored response to its supplier may be
-- replaced; NULL: it is final.
ALTER TABLE unsold_leads ADD COLUMN deadline_at INTEGER;
ALTER TABLE unsold_leads ADD COLUMN answer_until INTEGER;

-- confirm: the buyer was asked before the sale was made, until deadline_at; 0: it is told only. reference is what the buyer called the lead.
ALTER TABLE deliveries ADD COLUMN confirm INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN deadline_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN reference TEXT NOT NULL DEFAULT '' CHECK (length(reference) <= 255);

-- +goose Down
ALTER TABLE deliveries DROP COLUMN reference;
ALTER TABLE deliveries DROP COLUMN deadline_at;
ALTER TABLE deliveries DROP COLUMN confirm;
ALTER TABLE unsold_leads DROP COLUMN answer_until;
ALTER TABLE unsold_leads DROP COLUMN deadline_at;
DROP TABLE reservations;
