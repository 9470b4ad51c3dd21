-- +goose NO TRANSACTION
-- +goose Up
-- Sales that may be made of leads: their buyers are asked first, or take the lead if others do. One that is reserved or accepted holds its price and
-- counts in caps by reserved_at; it is deleted when it is a sale. A released one stays, so that its buyer is not asked about the lead again.
CREATE TABLE IF NOT EXISTS reservations (
  seller_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lead_id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  sale_id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  contract_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  buyer_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  slot              BIGINT NOT NULL,
  status            VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason            VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  asked             TINYINT NOT NULL,
  price_from_answer TINYINT NOT NULL,
  price             BIGINT NOT NULL,
  currency          VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reserved_at       BIGINT NOT NULL,
  deadline_at       BIGINT NOT NULL,
  updated_at        BIGINT NOT NULL,
  PRIMARY KEY (seller_id, lead_id, sale_id),
  KEY reservations_contract (seller_id, contract_id, status),
  KEY reservations_deadline (status, deadline_at)
) ENGINE=InnoDB;

-- deadline_at is until when buyers are asked about a lead; NULL: none is. answer_until is until when the stored response to its supplier may be
-- replaced; NULL: it is final. ALTER TABLE commits by itself and cannot be run twice, so it is left out where it was done before.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'unsold_leads' AND column_name = 'deadline_at') = 0,
  'ALTER TABLE unsold_leads ADD COLUMN deadline_at BIGINT NULL, ADD COLUMN answer_until BIGINT NULL', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- confirm: the buyer was asked before the sale was made, until deadline_at; 0: it is told only. reference is what the buyer called the lead.
SET @ddl = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'deliveries' AND column_name = 'deadline_at') = 0,
  'ALTER TABLE deliveries ADD COLUMN confirm TINYINT NOT NULL DEFAULT 0, ADD COLUMN deadline_at BIGINT NOT NULL DEFAULT 0, ADD COLUMN reference VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT ''''', 'DO 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- +goose Down
ALTER TABLE deliveries DROP COLUMN reference, DROP COLUMN deadline_at, DROP COLUMN confirm;
ALTER TABLE unsold_leads DROP COLUMN answer_until, DROP COLUMN deadline_at;
DROP TABLE IF EXISTS reservations;
