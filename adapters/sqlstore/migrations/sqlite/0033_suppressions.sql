-- +goose Up
-- What sellers take no leads of, never the value itself: hash is what is compared, masked what operators are shown of it, empty when the
-- person's data was erased. kind is phone, email or domain; job_id is the import that brought it.
CREATE TABLE suppressions (
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  hash       BLOB NOT NULL CHECK (length(hash) = 32),
  id         TEXT NOT NULL CHECK (length(id) <= 64),
  kind       TEXT NOT NULL CHECK (length(kind) <= 16),
  masked     TEXT NOT NULL CHECK (length(masked) <= 320),
  job_id     TEXT NOT NULL CHECK (length(job_id) <= 64),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (seller_id, hash)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX suppressions_id ON suppressions (seller_id, id);
CREATE INDEX suppressions_kind ON suppressions (seller_id, kind, id);

-- +goose Down
DROP TABLE suppressions;
