package audit_test

import "fmt"

// ping plants two pings of the key that sent the leads which are delivered: one was used by the one that is done.
func (f *fair) ping() {
	f.t.Helper()
	for id, used := range map[string]string{"ping_used": "1, l.id", "ping_free": "0, ''"} {
		f.exec(fmt.Sprintf(`INSERT INTO pings (seller_id, id, key_id, campaign_id, test, quote, created_at, expires_at, used_at, lead_id)
			SELECT l.seller_id, '%s', l.key_id, l.campaign_id, 0, '{}', 1, 2, %s FROM leads l JOIN deliveries d ON d.seller_id = l.seller_id AND d.lead_id = l.id WHERE d.id = '%s'`,
			id, used, f.delivered))
	}
}

func onPing(rule, id, statement string) violation {
	return violation{rule: rule, plant: func(f *fair) (string, string) {
		f.exec("UPDATE pings SET " + statement + " WHERE id = '" + id + "'")
		return "pings", id
	}}
}

// ofPings are the violations of the rules about pings.
var ofPings = []violation{
	onPing("used_ping_has_its_lead", "ping_used", "lead_id = 'lead_none'"),
	onPing("used_ping_has_its_lead", "ping_used", "lead_id = ''"),
	onPing("used_ping_has_its_lead", "ping_used", "used_at = 0"),
	onPing("used_ping_has_its_lead", "ping_free", "used_at = 1"),
	onPing("quote_is_paid", "ping_used", `expires_at = 9000000000000000, quote = '{"payout":9000000000000}'`),
	onPing("pings.key_id", "ping_free", "key_id = 'key_none'"),
	onPing("pings.campaign_id", "ping_free", "campaign_id = 'campaign_none'"),
}
