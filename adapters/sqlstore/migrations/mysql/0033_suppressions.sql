-- +goose Up
-- What sellers take no leads of, never the value itself: hash is what is compared, masked what operators are shown of it, empty when the
-- person's data was erased. kind is phone, email or domain; job_id is the import that brought it.
CREATE TABLE IF NOT EXISTS suppressions (
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  hash       BINARY(32) NOT NULL,
  id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  masked     VARCHAR(320) NOT NULL,
  job_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (seller_id, hash),
  UNIQUE KEY suppressions_id (seller_id, id),
  KEY suppressions_kind (seller_id, kind, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS suppressions;
