package audit_test

// What people who sign in have, as rows: one who works for seller_1, and one who is invited.
var (
	newPeople = "INSERT INTO people (id, email, email_key, name, status, password_hash, subject, totp_secret, totp_pending, totp_step, recovery_codes, created_at, updated_at) VALUES " +
		"('person_1', 'ann@example.com', 'ann@example.com', 'Ann', 'active', '$x', NULL, X'', X'', 0, X'', 1, 1), " +
		"('person_2', 'bob@example.com', 'bob@example.com', 'Bob', 'invited', '', NULL, X'', X'', 0, X'', 1, 1)"
	newMembers    = "INSERT INTO memberships (seller_id, person_id, role, invited_at, accepted_at) VALUES ('seller_1', 'person_1', 'owner', 1, 1), ('seller_1', 'person_2', 'viewer', 1, 0)"
	newSession    = "INSERT INTO person_sessions (token_hash, id, person_id, seller_id, half, address, agent, created_at, seen_at, expires_at) VALUES (" + hash32 + ", 'session_1', 'person_1', 'seller_1', 0, '', '', 9000000000000000, 9000000000000000, 9000043200000000)"
	newLink       = "INSERT INTO person_links (token_hash, kind, person_id, seller_id, expires_at) VALUES (" + hash32 + ", 'invitation', 'person_2', 'seller_1', 9000000000000000)"
	newPersonMail = "INSERT INTO person_mails (seller_id, event_id, person_id, attempts, next_at) VALUES ('seller_1', 'invitation_1', 'person_2', 0, 1), ('', 'reset_1', '', 0, 1)"
)

const (
	newLogo   = "INSERT INTO seller_logos (seller_id, media_type, image, version) VALUES ('seller_1', 'image/png', X'89', '1')"
	newAudit  = "INSERT INTO audit_trail (seller_id, id, at, actor_id, command, objects, address) VALUES ('seller_1', 'audit_1', 1, 'person_1', 'PauseBuyer', 'buyer_rich buyer_free', '192.0.2.1')"
	newObject = "INSERT INTO audit_objects (seller_id, object_id, entry_id, at) VALUES ('seller_1', 'buyer_rich', 'audit_1', 1)"
)

// ofPeople are the violations of the rules about people who sign in.
var ofPeople = []violation{
	by("person_has_seller", "people", "person_2", "DELETE FROM memberships WHERE person_id = 'person_2'"),
	by("invited_person_has_no_password", "people", "person_2", "UPDATE people SET password_hash = '$x' WHERE id = 'person_2'"),
	by("invited_person_has_no_password", "people", "person_2", "UPDATE people SET proven_at = 1 WHERE id = 'person_2'"),
	by("invited_person_has_no_password", "people", "person_2", "UPDATE memberships SET accepted_at = 1 WHERE person_id = 'person_2'"),
	by("memberships.seller_id", "memberships", "person_2", "UPDATE memberships SET seller_id = 'seller_none' WHERE person_id = 'person_2'"),
	by("memberships.person_id", "memberships", "person_none", "INSERT INTO memberships (seller_id, person_id, role, invited_at, accepted_at) VALUES ('seller_1', 'person_none', 'viewer', 1, 0)"),
	by("role_is_known", "memberships", "person_2", "UPDATE memberships SET role = 'root' WHERE person_id = 'person_2'"),
	by("person_of_buyer_has_buyer", "memberships", "person_2", "UPDATE memberships SET role = 'buyer' WHERE person_id = 'person_2'"),
	by("person_of_buyer_has_buyer", "memberships", "person_2", "UPDATE memberships SET buyer_id = 'buyer_rich' WHERE person_id = 'person_2'"),
	by("person_of_buyer_has_buyer", "memberships", "person_2", "UPDATE memberships SET role = 'buyer', buyer_id = 'buyer_none' WHERE person_id = 'person_2'"),
	by("person_sessions.person_id", "person_sessions", "session_1", "UPDATE person_sessions SET person_id = 'person_none'"),
	by("session_ends", "person_sessions", "session_1", "UPDATE person_sessions SET expires_at = expires_at + 1"),
	by("session_ends", "person_sessions", "session_1", "UPDATE person_sessions SET created_at = 1"),
	by("person_links.person_id", "person_links", "person_none", "UPDATE person_links SET person_id = 'person_none'"),
	by("person_mails.person_id", "person_mails", "invitation_1", "UPDATE person_mails SET person_id = 'person_none' WHERE event_id = 'invitation_1'"),
	by("person_mail_is_due_soon", "person_mails", "reset_1", "UPDATE person_mails SET next_at = 9000000000000000 WHERE event_id = 'reset_1'"),
	by("seller_logos.seller_id", "seller_logos", "seller_none", "UPDATE seller_logos SET seller_id = 'seller_none'"),
	by("logo_is_a_picture", "seller_logos", "seller_1", "UPDATE seller_logos SET media_type = 'text/html'"),
	by("audit_trail.seller_id", "audit_trail", "audit_1", "UPDATE audit_trail SET seller_id = 'seller_none'"),
	by("audit_entry_says_who", "audit_trail", "audit_1", "UPDATE audit_trail SET actor_id = ''"),
	by("audit_entry_says_who", "audit_trail", "audit_1", "UPDATE audit_trail SET command = ''"),
	by("audit_object_has_entry", "audit_objects", "buyer_rich", "UPDATE audit_trail SET objects = 'buyer_free'"),
	by("audit_object_has_entry", "audit_objects", "buyer_rich", "UPDATE audit_objects SET at = 2"),
}
