-- +goose Up
-- Mails to buyers that are still to be sent: why and to whom, never their text. next_at is also the claim of who sends it now.
CREATE TABLE buyer_mails (
  seller_id TEXT NOT NULL CHECK (length(seller_id) <= 64),
  event_id  TEXT NOT NULL CHECK (length(event_id) <= 64),
  buyer_id  TEXT NOT NULL CHECK (length(buyer_id) <= 64),
  attempts  INTEGER NOT NULL,
  next_at   INTEGER NOT NULL,
  PRIMARY KEY (seller_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX buyer_mails_next ON buyer_mails (next_at);

-- +goose Down
DROP TABLE buyer_mails;
