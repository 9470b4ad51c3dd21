-- +goose NO TRANSACTION
-- +goose Up
-- What is repeated from time to time, on one instance at a time: a job's lease, when it is due, and how it went. The fence
-- grows with every new owner. lease_until is by the database's clock, the other times are by Leadmill's.
CREATE TABLE IF NOT EXISTS jobs (
  name             VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  schedule         VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  owner            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  fence            BIGINT NOT NULL,
  lease_until      BIGINT NOT NULL,
  next_at          BIGINT NOT NULL,
  last_started_at  BIGINT NOT NULL,
  last_finished_at BIGINT NOT NULL,
  last_result      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  last_error       VARCHAR(1000) NOT NULL,
  runs             BIGINT NOT NULL,
  failures         BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS jobs;
