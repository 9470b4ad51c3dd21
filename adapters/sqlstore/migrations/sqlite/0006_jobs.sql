-- +goose Up
-- What is repeated from time to time, on one instance at a time: a job's lease, when it is due, and how it went. The fence
-- grows with every new owner. lease_until is by the database's clock, the other times are by Leadmill's.
CREATE TABLE jobs (
  name             TEXT NOT NULL PRIMARY KEY CHECK (length(name) <= 64),
  schedule         TEXT NOT NULL CHECK (length(schedule) <= 200),
  owner            TEXT NOT NULL CHECK (length(owner) <= 64),
  fence            INTEGER NOT NULL,
  lease_until      INTEGER NOT NULL,
  next_at          INTEGER NOT NULL,
  last_started_at  INTEGER NOT NULL,
  last_finished_at INTEGER NOT NULL,
  last_result      TEXT NOT NULL CHECK (length(last_result) <= 64),
  last_error       TEXT NOT NULL CHECK (length(last_error) <= 1000),
  runs             INTEGER NOT NULL,
  failures         INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE jobs;
