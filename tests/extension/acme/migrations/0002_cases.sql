-- Cases that people work on. version counts a case's events.
CREATE TABLE IF NOT EXISTS x_acme_cases (
  seller_id VARCHAR(64) NOT NULL,
  id        VARCHAR(64) NOT NULL,
  lead_id   VARCHAR(64) NOT NULL,
  status    VARCHAR(16) NOT NULL,
  opened_at BIGINT NOT NULL,
  version   BIGINT NOT NULL,
  PRIMARY KEY (seller_id, id),
  UNIQUE (seller_id, lead_id)
);
