-- +goose NO TRANSACTION
-- +goose Up
-- Who signs in to the pages. A person belongs to no seller, because one may work for several. subject is whom an identity provider says the person
-- is; NULL: none did. totp_secret and totp_pending are sealed, recovery_codes are 32 bytes of each code that was not used yet.
CREATE TABLE IF NOT EXISTS people (
  id             VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  email          VARCHAR(254) NOT NULL,
  email_key      VARCHAR(254) NOT NULL,
  name           VARCHAR(200) NOT NULL,
  status         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  password_hash  VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject        VARCHAR(600) NULL,
  totp_secret    LONGBLOB NOT NULL,
  totp_pending   LONGBLOB NOT NULL,
  totp_step      BIGINT NOT NULL,
  recovery_codes LONGBLOB NOT NULL,
  created_at     BIGINT NOT NULL,
  updated_at     BIGINT NOT NULL,
  UNIQUE KEY people_email (email_key),
  UNIQUE KEY people_subject (subject)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The people of a seller. accepted_at is 0 until the invitation is accepted.
CREATE TABLE IF NOT EXISTS memberships (
  seller_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  person_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  role        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  invited_at  BIGINT NOT NULL,
  accepted_at BIGINT NOT NULL,
  PRIMARY KEY (seller_id, person_id),
  KEY memberships_person (person_id)
) ENGINE=InnoDB;

-- Sessions of people, found by the hash of what the browser keeps. half: the second factor is still to be shown. seller_id is whose pages are open.
CREATE TABLE IF NOT EXISTS person_sessions (
  token_hash BINARY(32) NOT NULL PRIMARY KEY,
  id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  person_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  half       TINYINT NOT NULL,
  address    VARCHAR(64) NOT NULL,
  agent      VARCHAR(200) NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  KEY person_sessions_person (person_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Links that people were sent and that work once. seller_id is empty for a link that is about no seller.
CREATE TABLE IF NOT EXISTS person_links (
  token_hash BINARY(32) NOT NULL PRIMARY KEY,
  kind       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  person_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seller_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  expires_at BIGINT NOT NULL,
  KEY person_links_person (person_id)
) ENGINE=InnoDB;

-- Mails to people that are still to be sent, never their text: invitations by a seller, and where seller_id is empty, resets of a password. next_at is
-- also the claim of who sends it now.
CREATE TABLE IF NOT EXISTS person_mails (
  seller_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_id  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  person_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  attempts  INT NOT NULL,
  next_at   BIGINT NOT NULL,
  PRIMARY KEY (seller_id, event_id),
  KEY person_mails_next (next_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS person_mails, person_links, person_sessions, memberships, people;
