-- +goose Up
-- What sellers asked for that takes long, such as an import: how far it is, and what was wrong, without any value. step is the number of the
-- piece that is done next. finished_at is 0 until the end.
CREATE TABLE IF NOT EXISTS seller_jobs (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  settings    TEXT NOT NULL,
  done        BIGINT NOT NULL,
  total       BIGINT NOT NULL,
  failed      BIGINT NOT NULL,
  errors      TEXT NOT NULL,
  step        BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id),
  KEY seller_jobs_state (state, created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What was uploaded for a job, cut where a line begins; line is the number of the first. A piece is deleted when it is done.
CREATE TABLE IF NOT EXISTS seller_job_pieces (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  job_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  number    BIGINT NOT NULL,
  line      BIGINT NOT NULL,
  content   LONGBLOB NOT NULL,
  PRIMARY KEY (seller_id, job_id, number)
) ENGINE=InnoDB;

-- +goose Down
DROP TABLE IF EXISTS seller_job_pieces, seller_jobs;
