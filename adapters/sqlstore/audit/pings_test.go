package audit_test

import "fmt"

// pinged plants a ping, and then breaks it with a statement in which %s is its lead.
func pinged(rule string, usedAt int, lead func(f *fair) string) violation {
	return violation{rule: rule, plant: func(f *fair) (string, string) {
		f.exec(fmt.Sprintf(`INSERT INTO pings (seller_id, id, key_id, campaign_id, test, quote, created_at, expires_at, used_at, lead_id)
			SELECT 'seller_1', 'ping_1', l.key_id, l.campaign_id, 0, '{}', 1, 2, %d, '%s' FROM leads l JOIN deliveries d ON d.seller_id = l.seller_id AND d.lead_id = l.id WHERE d.id = '%s'`,
			usedAt, lead(f), f.delivered))
		return "pings", "ping_1"
	}}
}

func leadOfDelivery(f *fair) string {
	return f.text("SELECT lead_id FROM deliveries WHERE id = '" + f.delivered + "'")
}

// ofPings are the violations of the rules about pings.
var ofPings = []violation{
	pinged("used_ping_has_its_lead", 1, func(*fair) string { return "lead_none" }),
	pinged("used_ping_has_its_lead", 1, func(*fair) string { return "" }),
	pinged("used_ping_has_its_lead", 0, leadOfDelivery),
}
