package query

import "context"

// PartnerPage asks for what a signed-in partner sees of itself. Token is its session: application.ErrTokenUnknown.
type PartnerPage struct{ Token string }

// PartnerPageView is what a partner sees of itself: its name, links and counts.
type PartnerPageView struct {
	Program, Website, LinkParameter string
	Partner                         PartnerDetail
}

// OpenInvitation asks whom an invitation is for: application.ErrTokenUnknown.
type OpenInvitation struct{ Token string }

// InvitationView is what somebody who was invited is shown.
type InvitationView struct{ Program, Name string }

// PortalReader is the read model of the partners' pages.
type PortalReader interface {
	PartnerPage(ctx context.Context, q PartnerPage) (PartnerPageView, error)
	OpenInvitation(ctx context.Context, q OpenInvitation) (InvitationView, error)
}
