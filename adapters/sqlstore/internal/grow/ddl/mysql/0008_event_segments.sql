-- What one transaction says of one seller: the body of adapters/eventlog/segment. A row is never changed; its position is in
-- event_positions. The rows of one INSERT share a random number tx. Ids ascend, and nothing needs them to be without gaps. TiDB
-- hands out ids that ascend over all its nodes only with the option in the comment.
CREATE TABLE IF NOT EXISTS event_segments (
  id        BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  tx        BIGINT NOT NULL,
  events    INT NOT NULL,
  at        BIGINT NOT NULL,
  types     BIGINT NOT NULL,
  body      LONGBLOB NOT NULL
) ENGINE=InnoDB /*T![auto_id_cache] AUTO_ID_CACHE=1 */;

-- The segments that wait for their positions: a row for each INSERT of segments, in the same transaction.
CREATE TABLE IF NOT EXISTS event_pending (
  first_id  BIGINT NOT NULL PRIMARY KEY,
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  tx        BIGINT NOT NULL,
  segments  INT NOT NULL
) ENGINE=InnoDB;

-- Given after the commit by the sequencer: dense and never changed. The n-th event of a segment has first_position + n - 1.
CREATE TABLE IF NOT EXISTS event_positions (
  first_position BIGINT NOT NULL PRIMARY KEY,
  seller_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  segment_id     BIGINT NOT NULL,
  events         INT NOT NULL,
  at             BIGINT NOT NULL,
  types          BIGINT NOT NULL,
  KEY event_positions_seller (seller_id, first_position)
) ENGINE=InnoDB;

-- The versions of the aggregates that have no table of Leadmill's.
CREATE TABLE IF NOT EXISTS event_versions (
  seller_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_type VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  aggregate_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version        BIGINT NOT NULL,
  PRIMARY KEY (seller_id, aggregate_type, aggregate_id)
) ENGINE=InnoDB;

-- The segments without which an operator let a consumer go on, because they cannot be read.
CREATE TABLE IF NOT EXISTS event_skipped (
  consumer   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  segment_id BIGINT NOT NULL,
  reason     VARCHAR(1000) NOT NULL,
  skipped_at BIGINT NOT NULL,
  PRIMARY KEY (consumer, segment_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
