package program

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"
)

// OutgoingMail is a mail in the queue. Its text is made when it is sent. EventID is the event that caused the mail; Attempts
// is how often sending it failed.
type OutgoingMail struct {
	EventID, SellerID, PartnerID string
	Attempts                     int
}

// signInMail begins the ids of mails with a sign-in link.
const signInMail = "in_"

// SignInMail returns the id of a mail that signs a partner in that takes part already, caused by an event.
func SignInMail(eventID string) string { return signInMail + eventID }

// SignsIn reports whether the mail has a sign-in link in it; else it is an invitation.
func (m OutgoingMail) SignsIn() bool { return strings.HasPrefix(m.EventID, signInMail) }

// SignInAddressHash is AddressHash for mails with a sign-in link, which do not wait for invitations.
func SignInAddressHash(emailKey string) [sha256.Size]byte {
	return sha256.Sum256([]byte("leadmill address of a sign-in mail\x00" + emailKey))
}

// AddressHash returns the hash that is kept of the address of a mail, by the form in which emails are compared.
func AddressHash(emailKey string) [sha256.Size]byte {
	return sha256.Sum256([]byte("leadmill mailed address\x00" + emailKey))
}

// MailQueue keeps mails until they are sent. Its errors are those of UnitOfWork.Do.
type MailQueue interface {
	// AddMail queues a mail that is due at a time, unless it is queued already.
	AddMail(ctx context.Context, m OutgoingMail, due time.Time) error
	// TakeMails returns up to limit mails that are due at now, the longest due first, and does not return them to others
	// until a time.
	TakeMails(ctx context.Context, now, until time.Time, limit int) ([]OutgoingMail, error)
	// PostponeMail makes a mail due later, after one more attempt.
	PostponeMail(ctx context.Context, m OutgoingMail, due time.Time) error
	// TakeAddress takes an address, named by its hash, for a mail of a seller until a time. taken is false while it is another mail's
	// beyond now, which freeAt tells. The same mail may take it again.
	TakeAddress(ctx context.Context, m OutgoingMail, address [sha256.Size]byte, now, until time.Time) (taken bool, freeAt time.Time, err error)
	// RemoveMail forgets a mail that was sent or given up.
	RemoveMail(ctx context.Context, m OutgoingMail) error
}
