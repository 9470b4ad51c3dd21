-- +goose NO TRANSACTION
-- +goose Up
-- Who changed what, for two years. actor_id is a person's or a key's, objects are ids with a space between them, address is where it came from.
CREATE TABLE IF NOT EXISTS audit_trail (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at        BIGINT NOT NULL,
  actor_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  command   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  objects   VARCHAR(1400) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  address   VARCHAR(64) NOT NULL,
  PRIMARY KEY (seller_id, id),
  KEY audit_trail_actor (seller_id, actor_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The same by object.
CREATE TABLE IF NOT EXISTS audit_objects (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  object_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  entry_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  at        BIGINT NOT NULL,
  PRIMARY KEY (seller_id, object_id, entry_id)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS audit_objects, audit_trail;
