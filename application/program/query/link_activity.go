package query

import "github.com/leadmill/leadmill/application"

// LinkActivity asks for what came by the links of a partner of the actor's seller in the last days, today included: partner.ErrNotFound. At least
// one day, at most 366.
type LinkActivity struct {
	application.Actor

	PartnerID string
	Days      int
}

// Needs implements application.Message.
func (LinkActivity) Needs() application.Scope { return application.Program }

// LinksView is what came by a partner's links, as far as the projection is: by day, the oldest first, and by link in the order of the
// partner's links. Behind these comes one without a key, when something came by links that were removed or renamed, or by none.
type LinksView struct {
	Days  []LinkDay
	Links []LinkSum
}

// LinkDay is what came by all links of a partner on a day (YYYY-MM-DD, UTC).
type LinkDay struct {
	Day             string
	Clicks, Signups int64
}

// LinkSum is what came by a link.
type LinkSum struct {
	Key             string
	Clicks, Signups int64
}
