package account

import "github.com/leadmill/leadmill/adapters/sqlstore/audit"

// peopleTables are the tables of people who sign in, and what must hold for them. People belong to no seller, so what refers to them is looked
// up by its id alone.
func peopleTables() []audit.Table {
	person := func(table, id string) audit.Rule {
		return audit.Rule{
			Invariant: "I6", Name: table + ".person_id", Description: "The column person_id of " + table + " names a person, or nobody.",
			Query: "SELECT t." + id + " AS id, t.person_id AS want, p.id AS got FROM " + table + " t LEFT JOIN people p ON p.id = t.person_id WHERE {range} AND t.person_id <> ''",
		}
	}
	return []audit.Table{
		{
			Name: "people", Key: []string{"id"}, Size: audit.ManyRows,
			Rules: []audit.Rule{
				{
					Invariant: "I6", Name: "person_has_seller", Description: "Everybody who can sign in is, or was invited to be, one of some seller's people.",
					Query: "SELECT t.id AS id, 'a seller' AS want, CASE WHEN EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = t.id) THEN 'a seller' ELSE 'none' END AS got FROM people t WHERE {range}",
				},
				{
					Invariant: "I6", Name: "invited_person_has_no_password", Description: "Who was invited and never signed in has no password, did not show that the address is theirs, and is nobody's accepted person.",
					Query: `SELECT t.id AS id, 'nothing' AS want, CASE WHEN t.password_hash <> '' THEN 'a password' WHEN t.proven_at > 0 THEN 'a proof' ELSE 'a seller' END AS got FROM people t
						WHERE {range} AND t.status = 'invited' AND (t.password_hash <> '' OR t.proven_at > 0 OR EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = t.id AND m.accepted_at > 0))`,
				},
			},
		},
		{
			Name: "memberships", Key: []string{"seller_id", "person_id"}, Size: audit.ManyRows, ID: "person_id",
			References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			Rules: []audit.Rule{
				person("memberships", "person_id"),
				{
					Invariant: "I6", Name: "role_is_known", Description: "A person's role is owner, operator, viewer or buyer.",
					Query: "SELECT t.person_id AS id, 'a role' AS want, t.role AS got FROM memberships t WHERE {range} AND t.role NOT IN ('owner', 'operator', 'viewer', 'buyer')",
				},
				{
					Invariant: "I6", Name: "person_of_buyer_has_buyer", Description: "Who has the role buyer, and nobody else, is of a buyer of the same seller.",
					Query: `SELECT t.person_id AS id, CASE WHEN t.role = 'buyer' THEN 'a buyer' ELSE 'none' END AS want,
						CASE WHEN EXISTS (SELECT 1 FROM buyers b WHERE b.seller_id = t.seller_id AND b.id = t.buyer_id) THEN 'a buyer' WHEN t.buyer_id = '' THEN 'none' ELSE 'of nobody' END AS got
						FROM memberships t WHERE {range}`,
				},
			},
		},
		{
			Name: "person_sessions", Key: []string{"token_hash"}, Bytes: true, Size: audit.ManyRows,
			Rules: []audit.Rule{
				person("person_sessions", "id"),
				{
					Invariant: "I6", Name: "session_ends", Description: "A session ends 12 hours after its last use and 30 days after it began, at the latest.",
					Query: `SELECT t.id AS id, CASE WHEN t.seen_at + 43200000000 < t.created_at + 2592000000000 THEN t.seen_at + 43200000000 ELSE t.created_at + 2592000000000 END AS want,
						t.expires_at AS got FROM person_sessions t WHERE {range}`, Broken: "got > want",
				},
			},
		},
		{Name: "person_links", Key: []string{"token_hash"}, Bytes: true, Size: audit.ManyRows, ID: "person_id", Rules: []audit.Rule{person("person_links", "person_id")}},
		{
			Name: "person_mails", Key: []string{"seller_id", "event_id"}, Size: audit.ManyRows, ID: "event_id",
			Rules: []audit.Rule{
				person("person_mails", "event_id"),
				{
					Invariant: "I6", Name: "person_mail_is_due_soon", Description: "A mail to a person is due within two days.",
					Query: "SELECT t.event_id AS id, {now} + 172800000000 AS want, t.next_at AS got FROM person_mails t WHERE {range}", Broken: "got > want",
				},
			},
		},
		{
			Name: "audit_trail", Key: []string{"seller_id", "id"}, Size: audit.ManyRows,
			References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			Rules: []audit.Rule{{
				Invariant: "I6", Name: "audit_entry_says_who", Description: "An entry of the audit trail says who did what.",
				Query: "SELECT t.id AS id, 'an actor and a command' AS want, 'less' AS got FROM audit_trail t WHERE {range} AND (t.actor_id = '' OR t.command = '')",
			}},
		},
		{
			Name: "audit_objects", Key: []string{"seller_id", "object_id", "entry_id"}, Size: audit.ManyRows, ID: "object_id",
			Rules: []audit.Rule{{
				Invariant: "I6", Name: "audit_object_has_entry", Description: "What the audit trail lists of an object names the object, while the entry is kept.",
				Query: `SELECT t.object_id AS id, t.at AS want, CASE WHEN CONCAT(' ', e.objects, ' ') LIKE CONCAT('% ', t.object_id, ' %') THEN e.at ELSE 0 END AS got FROM audit_objects t
					JOIN audit_trail e ON e.seller_id = t.seller_id AND e.id = t.entry_id WHERE {range}`,
			}},
		},
	}
}
