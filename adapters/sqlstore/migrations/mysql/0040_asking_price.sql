-- +goose NO TRANSACTION
-- +goose Up
-- At what a lead that is not sold is offered in place of the contracts' prices; NULL: at these. ALTER TABLE cannot be run twice, so it is left
-- out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'unsold_leads' AND column_name = 'asking_price') = 0,
  'ALTER TABLE unsold_leads ADD COLUMN asking_price BIGINT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE unsold_leads DROP COLUMN asking_price;
