-- +goose NO TRANSACTION
-- +goose Up
-- When somebody showed that the email address is theirs; 0: nobody did, which is said of everybody who was there before. ALTER TABLE cannot be run
-- twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'people' AND column_name = 'proven_at') = 0,
  'ALTER TABLE people ADD COLUMN proven_at BIGINT NOT NULL DEFAULT 0', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- Whether the link was sent to the person's address and shown to nobody else.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'person_links' AND column_name = 'mailed') = 0,
  'ALTER TABLE person_links ADD COLUMN mailed TINYINT NOT NULL DEFAULT 0', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE person_links DROP COLUMN mailed;
ALTER TABLE people DROP COLUMN proven_at;
