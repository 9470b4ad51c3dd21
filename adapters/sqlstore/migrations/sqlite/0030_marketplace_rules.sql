-- +goose Up
-- Further rules of a contract and of a buyer, each a JSON object; NULL: none.
ALTER TABLE contracts ADD COLUMN rules TEXT;
ALTER TABLE buyers ADD COLUMN rules TEXT;

-- What the supplier earns for a sale. It is NULL in a sale of an older version: then it is the only one of its lead, and earns what the
-- lead's payout says.
ALTER TABLE sales ADD COLUMN payout INTEGER;

-- Whose counter it is, by the id in contract_id: a contract's, a buyer's or a campaign's. turn is where a contract stands in the order of
-- the strategy weighted.
ALTER TABLE contract_counters ADD COLUMN owner TEXT NOT NULL DEFAULT 'contract' CHECK (length(owner) <= 8);
ALTER TABLE contract_counters ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE contract_counters DROP COLUMN turn;
ALTER TABLE contract_counters DROP COLUMN owner;
ALTER TABLE sales DROP COLUMN payout;
ALTER TABLE buyers DROP COLUMN rules;
ALTER TABLE contracts DROP COLUMN rules;
