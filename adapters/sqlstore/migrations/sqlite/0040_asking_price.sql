-- +goose Up
-- At what a lead that is not sold is offered in place of the contracts' prices; NULL: at these.
ALTER TABLE unsold_leads ADD COLUMN asking_price INTEGER CHECK (asking_price > 0);

-- +goose Down
ALTER TABLE unsold_leads DROP COLUMN asking_price;
