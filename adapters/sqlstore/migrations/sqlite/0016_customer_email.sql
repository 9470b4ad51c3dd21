-- +goose Up
-- The hash of an email that no other customer of the seller may have. It is absent for customers that were there before, which may
-- share one, and where the seller's program lets customers share emails.
ALTER TABLE customers ADD COLUMN email_hash BLOB CHECK (length(email_hash) = 32);
CREATE UNIQUE INDEX customers_one_email ON customers (seller_id, email_hash);

-- +goose Down
DROP INDEX customers_one_email;
ALTER TABLE customers DROP COLUMN email_hash;
