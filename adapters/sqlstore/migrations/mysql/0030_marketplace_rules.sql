-- +goose NO TRANSACTION
-- +goose Up
-- Further rules of a contract and of a buyer, each a JSON object; NULL: none. ALTER TABLE commits by itself and cannot be run twice, so
-- each is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'contracts' AND column_name = 'rules') = 0,
  'ALTER TABLE contracts ADD COLUMN rules LONGTEXT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'buyers' AND column_name = 'rules') = 0,
  'ALTER TABLE buyers ADD COLUMN rules LONGTEXT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- What the supplier earns for a sale. It is NULL in a sale of an older version: then it is the only one of its lead, and earns what the
-- lead's payout says.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'sales' AND column_name = 'payout') = 0,
  'ALTER TABLE sales ADD COLUMN payout BIGINT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- Whose counter it is, by the id in contract_id: a contract's, a buyer's or a campaign's. turn is where a contract stands in the order of
-- the strategy weighted.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'contract_counters' AND column_name = 'turn') = 0,
  'ALTER TABLE contract_counters ADD COLUMN owner VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''contract'', ADD COLUMN turn BIGINT NOT NULL DEFAULT 0', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE contract_counters DROP COLUMN turn, DROP COLUMN owner;
ALTER TABLE sales DROP COLUMN payout;
ALTER TABLE buyers DROP COLUMN rules;
ALTER TABLE contracts DROP COLUMN rules;
