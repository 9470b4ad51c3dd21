-- +goose NO TRANSACTION
-- +goose Up
-- Of whom somebody is who has the role buyer; empty for the seller's own people. ALTER TABLE cannot be run twice, so it is left out where it was
-- done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'memberships' AND column_name = 'buyer_id') = 0,
  'ALTER TABLE memberships ADD COLUMN buyer_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT \'\'', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
DELETE FROM memberships WHERE buyer_id <> '';
ALTER TABLE memberships DROP COLUMN buyer_id;
