-- +goose Up
-- Who changed what, for two years. actor_id is a person's or a key's, objects are ids with a space between them, address is where it came from.
CREATE TABLE audit_trail (
  seller_id TEXT NOT NULL CHECK (length(seller_id) <= 64),
  id        TEXT NOT NULL CHECK (length(id) <= 64),
  at        INTEGER NOT NULL,
  actor_id  TEXT NOT NULL CHECK (length(actor_id) <= 64),
  command   TEXT NOT NULL CHECK (length(command) <= 64),
  objects   TEXT NOT NULL CHECK (length(objects) <= 1400),
  address   TEXT NOT NULL CHECK (length(address) <= 64),
  PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_trail_actor ON audit_trail (seller_id, actor_id, id);

-- The same by object.
CREATE TABLE audit_objects (
  seller_id TEXT NOT NULL CHECK (length(seller_id) <= 64),
  object_id TEXT NOT NULL CHECK (length(object_id) <= 64),
  entry_id  TEXT NOT NULL CHECK (length(entry_id) <= 64),
  at        INTEGER NOT NULL,
  PRIMARY KEY (seller_id, object_id, entry_id)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE audit_objects;
DROP TABLE audit_trail;
