-- What one transaction says of one seller: the body of adapters/eventlog/segment. A row is never changed.
CREATE TABLE event_segments (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  seller_id TEXT NOT NULL CHECK (length(seller_id) <= 64),
  tx        INTEGER NOT NULL,
  events    INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  types     INTEGER NOT NULL,
  body      BLOB NOT NULL
) STRICT;

-- One writer at a time gives the positions, in the transaction that writes the segments: dense and never changed. The n-th event
-- of a segment has first_position + n - 1.
CREATE TABLE event_positions (
  first_position INTEGER PRIMARY KEY,
  seller_id      TEXT NOT NULL CHECK (length(seller_id) <= 64),
  segment_id     INTEGER NOT NULL,
  events         INTEGER NOT NULL,
  at             INTEGER NOT NULL,
  types          INTEGER NOT NULL
) STRICT;
CREATE INDEX event_positions_seller ON event_positions (seller_id, first_position);

CREATE TABLE event_sequence (
  id            INTEGER PRIMARY KEY,
  last_position INTEGER NOT NULL
) STRICT;

-- The versions of the aggregates that have no table of Leadmill's.
CREATE TABLE event_versions (
  seller_id      TEXT NOT NULL CHECK (length(seller_id) <= 64),
  aggregate_type TEXT NOT NULL CHECK (length(aggregate_type) <= 16),
  aggregate_id   TEXT NOT NULL CHECK (length(aggregate_id) <= 64),
  version        INTEGER NOT NULL,
  PRIMARY KEY (seller_id, aggregate_type, aggregate_id)
) STRICT, WITHOUT ROWID;

-- The segments without which an operator let a consumer go on, because they cannot be read.
CREATE TABLE event_skipped (
  consumer   TEXT NOT NULL CHECK (length(consumer) <= 64),
  segment_id INTEGER NOT NULL,
  reason     TEXT NOT NULL CHECK (length(reason) <= 1000),
  skipped_at INTEGER NOT NULL,
  PRIMARY KEY (consumer, segment_id)
) STRICT, WITHOUT ROWID;
