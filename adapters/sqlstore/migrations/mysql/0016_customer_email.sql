-- +goose NO TRANSACTION
-- +goose Up
-- The hash of an email that no other customer of the seller may have. It is absent for customers that were there before, which may
-- share one, and where the seller's program lets customers share emails. ALTER TABLE commits by itself and cannot be run twice, so
-- each is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'customers' AND column_name = 'email_hash') = 0,
  'ALTER TABLE customers ADD COLUMN email_hash BINARY(32) NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

SET @ddl = IF((SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'customers' AND index_name = 'customers_one_email') = 0,
  'ALTER TABLE customers ADD UNIQUE KEY customers_one_email (seller_id, email_hash)', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE customers DROP KEY customers_one_email;
ALTER TABLE customers DROP COLUMN email_hash;
