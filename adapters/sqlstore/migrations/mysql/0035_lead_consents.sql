-- +goose Up
-- That a lead of a campaign that asks for consent came with a proof of it: the names of its consent fields, a space between them. What they
-- say stands in leads.fields, and is erased with the person; this stays.
CREATE TABLE IF NOT EXISTS lead_consents (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lead_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  given      VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (seller_id, lead_id)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS lead_consents;
