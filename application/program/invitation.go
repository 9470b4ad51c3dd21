package program

import (
	"time"

	"github.com/leadmill/leadmill/application"
)

// Invitation is what the mail to an invited partner is written from. Link is where it joins, once and for as long as the
// invitation lasts.
type Invitation struct {
	Name, Surname string // of who is invited
	Program       string // the seller's name
	Link          string
	Lasts         time.Duration
}

// InvitationText writes the mail that invites a partner, so that it can be translated and replaced.
type InvitationText interface {
	// Write returns a mail with its subject and its texts; whom it goes to is filled in by who sends it.
	Write(i Invitation) (application.Mail, error)
}
