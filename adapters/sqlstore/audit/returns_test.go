package audit_test

import "fmt"

// onReturn plants with one statement on a return of the fair, which %s stands for.
func onReturn(rule, table string, id func(f *fair) string, statement string) violation {
	return violation{rule: rule, plant: func(f *fair) (string, string) {
		f.exec(fmt.Sprintf(statement, id(f)))
		return table, id(f)
	}}
}

func openReturn(f *fair) string     { return f.requested }
func approvedReturn(f *fair) string { return f.returned }
func returnedLead(f *fair) string   { return f.back }

// saleOf returns the id of the sale of a return.
func (f *fair) saleOf(returnID string) string {
	return f.text("SELECT sale_id FROM sale_returns WHERE id = '" + returnID + "'")
}

// ofReturns are the violations of the rules about sales that are given back.
var ofReturns = []violation{
	{rule: "sale_status_fits_slot", plant: func(f *fair) (string, string) {
		f.exec("UPDATE sales SET status = 'voided' WHERE lead_id = '" + f.free + "'")
		return "sales", f.text("SELECT id FROM sales WHERE lead_id = '" + f.free + "'")
	}},
	{rule: "sale_has_its_return", plant: func(f *fair) (string, string) { // two open ones
		f.exec("INSERT INTO sale_returns (seller_id, id, sale_id, lead_id, campaign_id, contract_id, buyer_id, reason, note, status, automatic, price, payout, currency, sold_at, requested_at, decided_at, decision_note) " +
			"SELECT seller_id, 'return_x', sale_id, lead_id, campaign_id, contract_id, buyer_id, reason, note, status, automatic, price, payout, currency, sold_at, requested_at, decided_at, decision_note " +
			"FROM sale_returns WHERE id = '" + f.requested + "'")
		return "sales", f.saleOf(f.requested)
	}, also: []string{"open_return_holds_sale", "status_is_told"}},
	{rule: "sale_has_its_return", plant: func(f *fair) (string, string) { // returned without a return
		sale := f.saleOf(f.returned)
		f.exec("DELETE FROM sale_returns WHERE id = '" + f.returned + "'")
		return "sales", sale
	}},
	{rule: "returned_sale_is_credited", plant: func(f *fair) (string, string) { // a credit without a return
		sale := f.text("SELECT id FROM sales WHERE lead_id = '" + f.free + "'")
		f.entry("return", sale, 0)
		return "sales", sale
	}},
	{rule: "returned_sale_is_credited", plant: func(f *fair) (string, string) { // a return without a credit
		f.exec("UPDATE ledger_entries SET type = 'adjustment' WHERE type = 'return'")
		return "sales", f.saleOf(f.returned)
	}, also: []string{"balances_are_money_in_less_sales"}},
	onReturn("return_is_of_its_sale", "sale_returns", approvedReturn, "UPDATE sale_returns SET payout = payout + 1 WHERE id = '%s'"),
	onReturn("open_return_holds_sale", "sale_returns", openReturn, "UPDATE sale_returns SET open_sale = NULL WHERE id = '%s'"),
	{rule: "return_fits_sale", plant: func(f *fair) (string, string) {
		f.exec("UPDATE sales SET status = 'captured' WHERE id = '" + f.saleOf(f.requested) + "'")
		return "sale_returns", f.requested
	}},
	of("returned_lead_was_sold", "leads", pendingLead, "UPDATE leads SET status = 'returned' WHERE id = '%s'", "UPDATE unsold_leads SET status = 'returned' WHERE lead_id = '%s'").and("lead_is_as_told"),
	of("sold_lead_has_sale", "leads", returnedLead, "UPDATE leads SET status = 'sold' WHERE id = '%s'", "UPDATE unsold_leads SET status = 'sold' WHERE lead_id = '%s'").and("lead_is_as_told"),
	of("unsold_lead_earns_nothing", "leads", returnedLead, "UPDATE leads SET payout = 1 WHERE id = '%s'").and("lead_is_as_told"),
	of("erased_lead_has_no_notes", "leads", returnedLead, "UPDATE leads SET erased_at = 5, fields = X'7B7D' WHERE id = '%s'"),
	onReturn("status_is_told", "sale_returns", openReturn, "UPDATE sale_returns SET status = 'rejected', open_sale = NULL WHERE id = '%s'").and("sale_has_its_return"),
	onReturn("sale_returns.sale_id", "sale_returns", openReturn, "UPDATE sale_returns SET sale_id = 'sale_none' WHERE id = '%s'").and("open_return_holds_sale", "sale_has_its_return", "status_is_told"),
	onReturn("sale_returns.lead_id", "sale_returns", openReturn, "UPDATE sale_returns SET lead_id = 'lead_none' WHERE id = '%s'").and("return_is_of_its_sale", "sale_has_its_return"),
	onReturn("sale_returns.contract_id", "sale_returns", openReturn, "UPDATE sale_returns SET contract_id = 'contract_none' WHERE id = '%s'").and("return_is_of_its_sale"),
	onReturn("sale_returns.buyer_id", "sale_returns", openReturn, "UPDATE sale_returns SET buyer_id = 'buyer_none' WHERE id = '%s'").and("return_is_of_its_sale"),
	{rule: "report_is_replay", plant: func(f *fair) (string, string) {
		group := f.text("SELECT CONCAT(seller_id, ' ', day, ' ', campaign_id, ' ', partner_id) FROM report_returns WHERE buyer_id = ''")
		f.exec("UPDATE report_returns SET sales = sales + 1 WHERE buyer_id <> ''")
		return "report_returns", group + " buyer_back"
	}},
	{rule: "counter_is_live_sales", plant: func(f *fair) (string, string) { // its place was given back in a span that was over
		f.exec("UPDATE sale_returns SET decided_at = (SELECT MAX(ends_at) FROM contract_counters WHERE contract_id = 'contract_back' AND span_window = 'day') WHERE id = '" + f.returned + "'")
		return "contract_counters", f.text("SELECT counter_key FROM contract_counters WHERE contract_id = 'contract_back' AND span_window = 'day'")
	}},
}
