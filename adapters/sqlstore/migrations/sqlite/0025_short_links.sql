-- +goose Up
-- Whose the short link of a referral key is: the seller's that had the key first, whoever takes the same key later. Of keys that several
-- sellers had before it was kept, the link is theirs whose partner is the oldest.
CREATE TABLE short_links (
  referral_key TEXT NOT NULL PRIMARY KEY CHECK (length(referral_key) <= 64),
  seller_id    TEXT NOT NULL CHECK (length(seller_id) <= 64)
) STRICT, WITHOUT ROWID;
INSERT INTO short_links (referral_key, seller_id)
SELECT k.referral_key, MIN(k.seller_id) FROM partner_keys k JOIN partners p ON p.seller_id = k.seller_id AND p.id = k.partner_id
WHERE NOT EXISTS (SELECT 1 FROM partner_keys o JOIN partners q ON q.seller_id = o.seller_id AND q.id = o.partner_id
  WHERE o.referral_key = k.referral_key AND q.created_at < p.created_at)
GROUP BY k.referral_key;

-- Nothing else asked for a key without its seller.
DROP INDEX partner_keys_key;

-- An instance that does not know the table would add keys without an owner.
UPDATE installation SET value = x'3235' WHERE name = 'schema_floor';

-- +goose Down
UPDATE installation SET value = x'3133' WHERE name = 'schema_floor';
CREATE INDEX partner_keys_key ON partner_keys (referral_key);
DROP TABLE short_links;
