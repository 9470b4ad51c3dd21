-- +goose NO TRANSACTION
-- +goose Up
-- Mails to buyers that are still to be sent: why and to whom, never their text. next_at is also the claim of who sends it now.
CREATE TABLE IF NOT EXISTS buyer_mails (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts  INT NOT NULL,
  next_at   BIGINT NOT NULL,
  PRIMARY KEY (seller_id, event_id),
  KEY buyer_mails_next (next_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS buyer_mails;
