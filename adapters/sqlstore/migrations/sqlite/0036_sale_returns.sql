-- +goose Up
-- Sales that buyers want to give back, and what became of that. open_sale is the sale while the return is not decided, so that a sale
-- has one open return. What is noted may be personal, and is erased with the lead.
CREATE TABLE sale_returns (
  seller_id     TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id            TEXT NOT NULL CHECK (length(id) <= 64),
  sale_id       TEXT NOT NULL CHECK (length(sale_id) <= 64),
  open_sale     TEXT CHECK (length(open_sale) <= 64),
  lead_id       TEXT NOT NULL CHECK (length(lead_id) <= 64),
  campaign_id   TEXT NOT NULL CHECK (length(campaign_id) <= 64),
  contract_id   TEXT NOT NULL CHECK (length(contract_id) <= 64),
  buyer_id      TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  reason        TEXT NOT NULL CHECK (length(reason) <= 32),
  note          TEXT NOT NULL CHECK (length(note) <= 1000),
  status        TEXT NOT NULL CHECK (length(status) <= 16),
  automatic     INTEGER NOT NULL,
  price         INTEGER NOT NULL,
  payout        INTEGER NOT NULL,
  currency      TEXT NOT NULL CHECK (length(currency) <= 3),
  sold_at       INTEGER NOT NULL,
  requested_at  INTEGER NOT NULL,
  decided_at    INTEGER NOT NULL,
  decision_note TEXT NOT NULL CHECK (length(decision_note) <= 1000),
  PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sale_returns_open ON sale_returns (seller_id, open_sale);
CREATE INDEX sale_returns_lead ON sale_returns (seller_id, lead_id);
CREATE INDEX sale_returns_buyer ON sale_returns (seller_id, buyer_id, decided_at);
CREATE INDEX sale_returns_contract ON sale_returns (seller_id, contract_id, sold_at);

-- +goose Down
DROP TABLE sale_returns;
