package program

import (
	"time"

	"github.com/leadmill/leadmill/application"
)

// Invitation is the content of the mail to an invited partner. Link is where the partner joins; it works once, for the time
// Lasts.
type Invitation struct {
	Name, Surname string // the invited partner's
	Program       string // the seller's name
	Link          string
	Lasts         time.Duration
	Joined        bool // the partner takes part already: Link signs it in
	SignedUp      bool // the partner asked for this itself, on the program's sign-up page
}

// InvitationText writes the mail that invites a partner, so that it can be translated and replaced.
type InvitationText interface {
	// Write returns a mail with its subject and texts; the caller fills in the recipient and the ID.
	Write(i Invitation) (application.Mail, error)
}
