package account

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/leadmill/leadmill/adapters/sqlstore/audit"
)

// AuditRules says what must hold for the tables of this room, by statements alone: none of the code that writes them is used.
func AuditRules() audit.Rules {
	return audit.Rules{Tables: append([]audit.Table{
		{
			Name: "sellers", Key: []string{"id"}, Size: audit.FewRows, Aggregate: "seller", Seller: "id",
			Rules: []audit.Rule{audit.Readable("sellers", "id", audit.Column{Name: "program", Of: "{", Null: true})},
		},
		{
			Name: "seller_logos", Key: []string{"seller_id"}, Size: audit.ManyRows, ID: "seller_id",
			References: []audit.Reference{{Column: "seller_id", Table: "sellers"}},
			Rules: []audit.Rule{{
				Invariant: "I6", Name: "logo_is_a_picture", Description: "A seller's logo is served as a PNG, a JPEG or a WebP of at most 100 KB.",
				Query: `SELECT t.seller_id AS id, 'a picture' AS want, 'something else' AS got FROM seller_logos t WHERE {range}
					AND (t.media_type NOT IN ('image/png', 'image/jpeg', 'image/webp') OR LENGTH(t.image) = 0 OR LENGTH(t.image) > 102400)`,
			}},
		},
		{
			Name: "api_keys", Key: []string{"id"}, Size: audit.ManyRows,
			References: []audit.Reference{{Column: "seller_id", Table: "sellers"}, {Column: "partner_id", Table: "partners"}, {Column: "campaign_id", Table: "campaigns"}},
			Rules: []audit.Rule{{
				Invariant: "I6", Name: "key_hash_is_of_one", Description: "The hash of a key is one, and that of no other key.", Across: ownHashes,
			}},
		},
		{
			Name: "answers", Key: []string{"seller_id", "key_id", "key_hash"}, Bytes: true, Size: audit.ManyRows, ID: "key_id",
			Rules: []audit.Rule{
				{
					// The key of the installation's operator is kept nowhere, a module's own commands have none, and people act by their own id.
					Invariant: "I6", Name: "answers.key_id", Description: "A stored answer is for a request with a key of its seller.",
					Query: `SELECT t.key_id AS id, t.seller_id AS want, k.seller_id AS got FROM answers t LEFT JOIN api_keys k ON k.id = t.key_id
						WHERE {range} AND t.key_id NOT IN ('admin', '') AND t.key_id NOT LIKE 'person_%'`,
				},
			},
		},
	}, peopleTables()...)}
}

// ownHashes keeps the hashes of all keys, which are few.
func ownHashes() (run func(ctx context.Context, c *audit.Chunk) error, done func(c *audit.Chunk)) {
	owner := map[[32]byte]string{}
	return func(ctx context.Context, c *audit.Chunk) error {
		return c.Rows(ctx, "SELECT t.id, t.hash FROM api_keys t WHERE {range} ORDER BY t.id", func(rows *sqlx.Rows) error {
			var id string
			var stored []byte
			if err := rows.Scan(&id, &stored); err != nil {
				return err
			}
			var hash [32]byte
			copy(hash[:], stored)
			first, shared := owner[hash]
			switch {
			case len(stored) != len(hash) || hash == [32]byte{}:
				c.Breach(id, "a hash", "none")
			case shared:
				c.Breach(id, "a hash of its own", "that of "+first)
			default:
				owner[hash] = id
			}
			return nil
		})
	}, nil
}
