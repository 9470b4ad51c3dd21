-- +goose Up
-- What suppliers were promised before they sent a lead: quote is a JSON object of amounts in micro-units. lead_id is empty and used_at 0 until a lead
-- came with it. Nothing of a person is in it.
CREATE TABLE IF NOT EXISTS pings (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  key_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  test        TINYINT NOT NULL,
  quote       LONGTEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  used_at     BIGINT NOT NULL,
  lead_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (seller_id, id),
  KEY pings_lead (seller_id, lead_id)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS pings;
