-- +goose Up
-- Who signs in to the pages. A person belongs to no seller, because one may work for several. subject is whom an identity provider says the person
-- is; NULL: none did. totp_secret and totp_pending are sealed, recovery_codes are 32 bytes of each code that was not used yet.
CREATE TABLE people (
  id             TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 64),
  email          TEXT NOT NULL CHECK (length(email) <= 254),
  email_key      TEXT NOT NULL CHECK (length(email_key) <= 254),
  name           TEXT NOT NULL CHECK (length(name) <= 200),
  status         TEXT NOT NULL CHECK (length(status) <= 16),
  password_hash  TEXT NOT NULL CHECK (length(password_hash) <= 255),
  subject        TEXT CHECK (length(subject) <= 600),
  totp_secret    BLOB NOT NULL,
  totp_pending   BLOB NOT NULL,
  totp_step      INTEGER NOT NULL,
  recovery_codes BLOB NOT NULL,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX people_email ON people (email_key);
CREATE UNIQUE INDEX people_subject ON people (subject);

-- The people of a seller. accepted_at is 0 until the invitation is accepted.
CREATE TABLE memberships (
  seller_id   TEXT NOT NULL CHECK (length(seller_id) <= 64),
  person_id   TEXT NOT NULL CHECK (length(person_id) <= 64),
  role        TEXT NOT NULL CHECK (length(role) <= 16),
  invited_at  INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  PRIMARY KEY (seller_id, person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_person ON memberships (person_id);

-- Sessions of people, found by the hash of what the browser keeps. half: the second factor is still to be shown. seller_id is whose pages are open.
CREATE TABLE person_sessions (
  token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
  id         TEXT NOT NULL CHECK (length(id) <= 64),
  person_id  TEXT NOT NULL CHECK (length(person_id) <= 64),
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  half       INTEGER NOT NULL,
  address    TEXT NOT NULL CHECK (length(address) <= 64),
  agent      TEXT NOT NULL CHECK (length(agent) <= 200),
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX person_sessions_person ON person_sessions (person_id, id);

-- Links that people were sent and that work once. seller_id is empty for a link that is about no seller.
CREATE TABLE person_links (
  token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
  kind       TEXT NOT NULL CHECK (length(kind) <= 16),
  person_id  TEXT NOT NULL CHECK (length(person_id) <= 64),
  seller_id  TEXT NOT NULL CHECK (length(seller_id) <= 64),
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX person_links_person ON person_links (person_id);

-- Mails to people that are still to be sent, never their text: invitations by a seller, and where seller_id is empty, resets of a password. next_at is
-- also the claim of who sends it now.
CREATE TABLE person_mails (
  seller_id TEXT NOT NULL CHECK (length(seller_id) <= 64),
  event_id  TEXT NOT NULL CHECK (length(event_id) <= 64),
  person_id TEXT NOT NULL CHECK (length(person_id) <= 64),
  attempts  INTEGER NOT NULL,
  next_at   INTEGER NOT NULL,
  PRIMARY KEY (seller_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_mails_next ON person_mails (next_at);

-- +goose Down
DROP TABLE person_mails;
DROP TABLE person_links;
DROP TABLE person_sessions;
DROP TABLE memberships;
DROP TABLE people;
