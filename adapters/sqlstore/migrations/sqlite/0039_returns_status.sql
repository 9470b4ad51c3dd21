-- +goose Up
-- The returns of one status are listed by their ids.
CREATE INDEX sale_returns_status ON sale_returns (seller_id, status, id);

-- +goose Down
DROP INDEX sale_returns_status;
