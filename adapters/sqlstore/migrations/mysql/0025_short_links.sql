-- +goose NO TRANSACTION
-- +goose Up
-- Whose the short link of a referral key is: the seller's that had the key first, whoever takes the same key later. Of keys that several
-- sellers had before it was kept, the link is theirs whose partner is the oldest.
CREATE TABLE IF NOT EXISTS short_links (
  referral_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  seller_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT IGNORE INTO short_links (referral_key, seller_id)
SELECT k.referral_key, MIN(k.seller_id) FROM partner_keys k JOIN partners p ON p.seller_id = k.seller_id AND p.id = k.partner_id
WHERE NOT EXISTS (SELECT 1 FROM partner_keys o JOIN partners q ON q.seller_id = o.seller_id AND q.id = o.partner_id
  WHERE o.referral_key = k.referral_key AND q.created_at < p.created_at)
GROUP BY k.referral_key;

-- Nothing else asked for a key without its seller. ALTER TABLE cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'partner_keys' AND index_name = 'partner_keys_key') = 0,
  'DO 0', 'ALTER TABLE partner_keys DROP KEY partner_keys_key');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- An instance that does not know the table would add keys without an owner.
UPDATE installation SET value = '25' WHERE name = 'schema_floor';

-- +goose Down
UPDATE installation SET value = '13' WHERE name = 'schema_floor';
ALTER TABLE partner_keys ADD KEY partner_keys_key (referral_key);
DROP TABLE IF EXISTS short_links;
