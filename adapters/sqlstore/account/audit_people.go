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
					Invariant: "I6", Name: "invited_person_has_no_password", Description: "Who was invited and never signed in has no password, and is nobody's accepted person.",
					Query: `SELECT t.id AS id, 'nothing' AS want, CASE WHEN t.password_hash <> '' THEN 'a password' ELSE 'a seller' END AS got FROM people t WHERE {range} AND t.status = 'invited'
						AND (t.password_hash <> '' OR EXISTS (SELECT 1 FROM memberships m WHERE m.person_id = t.id AND m.accepted_at > 0))`,
				},
			},
		},
		{
			Name: "memberships", Key: []string{"seller_id", "person_id"}, Size: audit.ManyRows, ID: "person_id",
			References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			Rules: []audit.Rule{
				person("memberships", "person_id"),
				{
					Invariant: "I6", Name: "role_is_known", Description: "A person's role is owner, operator or viewer.",
					Query: "SELECT t.person_id AS id, 'a role' AS want, t.role AS got FROM memberships t WHERE {range} AND t.role NOT IN ('owner', 'operator', 'viewer')",
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
	}
}
