package account

import "github.com/leadmill/leadmill/adapters/sqlstore/audit"

// AuditRules says what must hold for the tables of this room, by statements alone: none of the code that writes them is used.
func AuditRules() audit.Rules {
	return audit.Rules{Tables: []audit.Table{
		{Name: "sellers", Key: []string{"id"}, Size: audit.FewRows, Aggregate: "seller", Seller: "id"},
		{
			Name: "api_keys", Key: []string{"id"}, Size: audit.ManyRows,
			References: []audit.Reference{{Column: "seller_id", Table: "sellers"}, {Column: "partner_id", Table: "partners"}, {Column: "campaign_id", Table: "campaigns"}},
		},
	}}
}
