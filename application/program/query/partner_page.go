package query

import (
	"github.com/leadmill/leadmill/application"
)

// PartnerPage asks for what a signed-in partner sees of itself. Token is that of its session: program.ErrTokenUnknown.
type PartnerPage struct{ Token string }

// Needs implements application.Message.
func (PartnerPage) Needs() application.Scope { return application.Visitor }

// PartnerPageView is what a partner sees of itself: its name, links and counts. TimeZone is the seller's; LeadForm says whether partners may
// submit leads.
type PartnerPageView struct {
	Program, Website, LinkParameter string
	SellerCode, TimeZone            string
	LeadForm                        bool
	Partner                         PartnerDetail
}
