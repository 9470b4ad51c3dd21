-- +goose Up
-- Of whom somebody is who has the role buyer; empty for the seller's own people.
ALTER TABLE memberships ADD COLUMN buyer_id TEXT NOT NULL DEFAULT '' CHECK (length(buyer_id) <= 64);

-- +goose Down
DELETE FROM memberships WHERE buyer_id <> '';
ALTER TABLE memberships DROP COLUMN buyer_id;
