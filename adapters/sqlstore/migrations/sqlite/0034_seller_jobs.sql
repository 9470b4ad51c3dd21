-- +goose Up
-- What sellers asked for that takes long, such as an import: how far it is, and what was wrong, without any value. step is the number of the
-- piece that is done next. finished_at is 0 until the end.
CREATE TABLE seller_jobs (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id          TEXT NOT NULL CHECK (length(id) <= 64),
  kind        TEXT NOT NULL CHECK (length(kind) <= 32),
  state       TEXT NOT NULL CHECK (length(state) <= 16),
  settings    TEXT NOT NULL,
  done        INTEGER NOT NULL,
  total       INTEGER NOT NULL,
  failed      INTEGER NOT NULL,
  errors      TEXT NOT NULL,
  step        INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  finished_at INTEGER NOT NULL,
  PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX seller_jobs_state ON seller_jobs (state, created_at);

-- What was uploaded for a job, cut where a line begins; line is the number of the first. A piece is deleted when it is done.
CREATE TABLE seller_job_pieces (
  seller_id TEXT NOT NULL CHECK (length(seller_id) <= 64),
  job_id    TEXT NOT NULL CHECK (length(job_id) <= 64),
  number    INTEGER NOT NULL,
  line      INTEGER NOT NULL,
  content   BLOB NOT NULL,
  PRIMARY KEY (seller_id, job_id, number)
) STRICT;

-- +goose Down
DROP TABLE seller_job_pieces;
DROP TABLE seller_jobs;
