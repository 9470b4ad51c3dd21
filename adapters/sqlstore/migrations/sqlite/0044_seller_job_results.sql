-- +goose Up
-- What became of the lines of jobs that tell of each: parts of a report, one for each piece that is done. line is the number of the first line
-- that content tells of, and told of how many it does. Nothing of what was uploaded is in it.
CREATE TABLE seller_job_results (
  seller_id TEXT NOT NULL CHECK (length(seller_id) <= 64),
  job_id    TEXT NOT NULL CHECK (length(job_id) <= 64),
  number    INTEGER NOT NULL,
  line      INTEGER NOT NULL,
  told      INTEGER NOT NULL,
  content   BLOB NOT NULL,
  PRIMARY KEY (seller_id, job_id, number)
) STRICT;

-- +goose Down
DROP TABLE seller_job_results;
