-- +goose NO TRANSACTION
-- +goose Up
-- The returns of one status are listed by their ids. ALTER TABLE cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'sale_returns' AND index_name = 'sale_returns_status') = 0,
  'ALTER TABLE sale_returns ADD KEY sale_returns_status (seller_id, status, id)', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE sale_returns DROP KEY sale_returns_status;
