-- +goose Up
-- What became of the lines of jobs that tell of each: parts of a report, one for each piece that is done. line is the number of the first line
-- that content tells of, and told of how many it does. Nothing of what was uploaded is in it.
CREATE TABLE IF NOT EXISTS seller_job_results (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  job_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number    BIGINT NOT NULL,
  line      BIGINT NOT NULL,
  told      BIGINT NOT NULL,
  content   LONGBLOB NOT NULL,
  PRIMARY KEY (seller_id, job_id, number)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS seller_job_results;
