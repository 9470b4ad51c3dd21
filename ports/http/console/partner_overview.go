package consolehttp

import (
	programquery "github.com/leadmill/leadmill/application/program/query"

	"github.com/leadmill/leadmill/application/program"
)

type partnerOverviewContent struct {
	*PartnerVisit

	Links    []ownLink
	Activity programquery.LinksView
}

// ownLink is an address that the partner gives to others.
type ownLink struct {
	Key, URL, Field string
	Default         bool
}

// partnerOverview shows a partner its links and what came by them.
func partnerOverview(v *PartnerVisit) {
	content := partnerOverviewContent{PartnerVisit: v}
	var err error
	if content.Activity, err = Ask[programquery.LinksView](v.Visit, programquery.OwnLinkActivity{Token: v.token, Days: programDays}); err != nil {
		v.Fail(err)
		return
	}
	if v.Partner.Website != "" {
		for i, key := range v.Partner.Partner.Keys {
			content.Links = append(content.Links, ownLink{
				Key: key, URL: program.ReferralURL(v.Partner.Website, v.Partner.LinkParameter, key), Field: "link-" + key, Default: i == 0,
			})
		}
	}
	v.Show("partner_overview", content)
}

// Percent is how many of a number became something else.
func (p *Portal) Percent(of, became int64) string {
	return p.locale.separated((*Visit)(nil).Conversion(of, became))
}
