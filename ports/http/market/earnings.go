package markethttp

import (
	marketquery "github.com/leadmill/leadmill/application/market/query"
	"github.com/leadmill/leadmill/domain/money"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// getEarnings answers GET /v1/partners/{id}/earnings, as JSON with the sums of all days or as a table.
func (h Handlers) getEarnings(k *httpport.Call) {
	values := k.Query()
	q := marketquery.Earnings{Actor: k.Actor(), PartnerID: k.Param("id"), From: values.Get("from"), To: values.Get("to")}
	asTable := k.Prefers(httpport.TypeJSON, httpport.TypeCSV) == httpport.TypeCSV
	rows, err := h.Earnings.Handle(k.Context(), q)
	if err != nil {
		k.Fail(err)
		return
	}
	c := k.Currency()
	if asTable {
		sheet := k.Sheet("earnings.csv", "day", "campaign_id", "campaign_name", "sold_gross", "sold_net", "earned", "returned", "owed", "currency")
		for _, e := range rows {
			_ = sheet.Text(e.Day).Text(e.CampaignID).Text(e.CampaignName).Int(e.SoldGross).Int(e.SoldNet).Number(e.Earned.Format(c)).
				Number(e.Returned.Format(c)).Number(e.Owed.Format(c)).Text(c.Code()).Row()
		}
		sheet.End(nil)
		return
	}
	out := Earnings{PartnerId: q.PartnerID, From: q.From, To: q.To, Currency: c.Code(), Earnings: make([]Earning, len(rows))}
	var earned, returned, owed money.Micros
	for i, e := range rows {
		out.Earnings[i] = Earning{
			Day: e.Day, CampaignId: e.CampaignID, CampaignName: httpport.TextOrNil(e.CampaignName), SoldGross: e.SoldGross, SoldNet: e.SoldNet,
			Earned: httpport.Amount(e.Earned, c), Returned: httpport.Amount(e.Returned, c), Owed: httpport.Amount(e.Owed, c),
		}
		for _, sum := range []struct {
			into *money.Micros
			m    money.Micros
		}{{&earned, e.Earned}, {&returned, e.Returned}, {&owed, e.Owed}} {
			if *sum.into, err = sum.into.Add(sum.m); err != nil {
				k.Fail(err)
				return
			}
		}
	}
	out.Earned, out.Returned, out.Owed = httpport.Amount(earned, c), httpport.Amount(returned, c), httpport.Amount(owed, c)
	httpport.Answer(k, 200, out)
}
