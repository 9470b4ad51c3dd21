package query

import "github.com/leadmill/leadmill/application"

// PartnerList asks for a seller's partners with their figures, newest first. Status selects the partners that stand so, and Search those of
// which the id, a referral key, the email or the name contains the text; capital letters of ASCII are as good as small ones, except in ids and keys.
type PartnerList struct {
	application.Actor

	Status, Search string
	Page           application.Page
}

// Needs implements application.Message.
func (PartnerList) Needs() application.Scope { return application.Program }
