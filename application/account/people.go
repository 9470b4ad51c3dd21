package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
	"github.com/leadmill/leadmill/domain/seller"
)

// PersonRepository stores people.
type PersonRepository interface {
	// Add stores a new person. When somebody else stores one with the same email at the same time, the transaction runs again.
	Add(ctx context.Context, p *operator.Person) error
	// Lock returns a person, locked: operator.ErrNotFound.
	Lock(ctx context.Context, id string) (*operator.Person, error)
	// LockByEmail is Lock by the email as it is compared.
	LockByEmail(ctx context.Context, emailKey string) (*operator.Person, error)
	// Save stores a person that was locked: operator.ErrSubject when an identity provider calls another person so.
	Save(ctx context.Context, p *operator.Person) error
	// Remove deletes a person with all sessions and links.
	Remove(ctx context.Context, id string) error
}

// Membership is that a person is, or is invited to be, one of a seller's people.
type Membership struct {
	operator.Member

	SellerID string
}

// StaffRepository stores which people a seller has.
type StaffRepository interface {
	// Lock returns the people of a seller, whose row is locked: seller.ErrNotFound.
	Lock(ctx context.Context, sellerID string) (*operator.Staff, error)
	// Save stores what changed of the people of a seller that were locked.
	Save(ctx context.Context, s *operator.Staff) error
	// SellersOf returns of which sellers a person is, by their ids.
	SellersOf(ctx context.Context, personID string) ([]Membership, error)
	// FindBuyer returns buyer.ErrNotFound when a seller has no such buyer.
	FindBuyer(ctx context.Context, sellerID, buyerID string) error
}

// PersonSessionRepository stores the sessions of people.
type PersonSessionRepository interface {
	// Add stores a new session.
	Add(ctx context.Context, s operator.Session) error
	// Get returns the session with a hash; found is false when there is none.
	Get(ctx context.Context, hash [sha256.Size]byte) (s operator.Session, found bool, err error)
	// Use stores when a session was used and until when it lasts. ended says that it is not there any more.
	Use(ctx context.Context, s operator.Session) (ended bool, err error)
	// Open stores the pages of which seller a session has open. ended says that it is not there any more.
	Open(ctx context.Context, hash [sha256.Size]byte, sellerID string) (ended bool, err error)
	// End deletes the session with a hash, and reports whether there was one.
	End(ctx context.Context, hash [sha256.Size]byte) (bool, error)
	// EndByID deletes a session of a person by its id, and reports whether there was one.
	EndByID(ctx context.Context, personID, id string) (bool, error)
	// EndOf deletes all sessions of a person but the one with an id; empty for none.
	EndOf(ctx context.Context, personID, except string) error
}

// PersonLinkRepository stores links that people were sent.
type PersonLinkRepository interface {
	// Add stores a new link.
	Add(ctx context.Context, l operator.Link) error
	// Consume deletes a link of a kind that works at now and returns it: operator.ErrLink. Only one of several calls at the same time gets it.
	Consume(ctx context.Context, hash [sha256.Size]byte, kind operator.LinkKind, now time.Time) (operator.Link, error)
	// RevokeInvitations deletes the invitations of a person by a seller.
	RevokeInvitations(ctx context.Context, personID, sellerID string) error
	// RevokeOf deletes the links of some kinds that a person has.
	RevokeOf(ctx context.Context, personID string, kinds ...operator.LinkKind) error
}

// PersonMail is a mail to a person in the queue: an invitation by a seller or, without one, a reset. Its text is made when it is sent.
type PersonMail struct {
	ID, SellerID, PersonID string
	Attempts               int
}

// PersonMailRepository queues mails to people.
type PersonMailRepository interface {
	// Add queues a mail that is due at a time.
	Add(ctx context.Context, m PersonMail, due time.Time) error
}

// PersonMailQueue hands out the mails to people until they are sent. Its errors are those of UnitOfWork.Do.
type PersonMailQueue interface {
	// TakePersonMails returns up to limit mails that are due at now, the longest due first, and does not return them to others until a time.
	TakePersonMails(ctx context.Context, now, until time.Time, limit int) ([]PersonMail, error)
	// PostponePersonMail makes a mail due later, after one more attempt.
	PostponePersonMail(ctx context.Context, m PersonMail, due time.Time) error
	// RemovePersonMail forgets a mail that was sent or given up.
	RemovePersonMail(ctx context.Context, m PersonMail) error
}

// SignedSession is a session with who signed in and the sellers whose pages that person may open.
type SignedSession struct {
	operator.Session

	Person  operator.Snapshot
	Sellers []SellerOfPerson // those whose invitation was accepted, by name; none of a buyer that is not there
}

// SellerOfPerson is a seller with a person's role.
type SellerOfPerson struct {
	Seller  seller.Snapshot
	Role    operator.Role
	BuyerID string // for operator.Buyer
}

// PersonReader reads who signs in, outside of transactions.
type PersonReader interface {
	// SessionByHash returns a session, also one that is over: operator.ErrNotFound.
	SessionByHash(ctx context.Context, hash [sha256.Size]byte) (SignedSession, error)
	// PersonByEmail returns a person by the email as it is compared: operator.ErrNotFound.
	PersonByEmail(ctx context.Context, emailKey string) (operator.Snapshot, error)
	// PersonByID returns a person: operator.ErrNotFound.
	PersonByID(ctx context.Context, id string) (operator.Snapshot, error)
	// PersonBySubject returns a person by what an identity provider calls them, as operator.SubjectOf has it: operator.ErrNotFound.
	PersonBySubject(ctx context.Context, subject string) (operator.Snapshot, error)
	// LinkByHash returns a link, also one that is over: operator.ErrLink.
	LinkByHash(ctx context.Context, hash [sha256.Size]byte) (operator.Link, error)
	// MemberOf returns a person of a seller, and the seller: operator.ErrNotFound.
	MemberOf(ctx context.Context, sellerID, personID string) (operator.Member, seller.Snapshot, error)
}

// PersonTokenHash returns the hash that is stored of what a browser keeps of a session, or a link has at its end.
func PersonTokenHash(token string) [sha256.Size]byte {
	return sha256.Sum256([]byte("leadmill person\x00" + token))
}

// formToken is what the forms of a session carry while the pages of a seller are open: a form of another seller carries another one. It is made of
// what the browser keeps, so that whoever reads the database cannot make it.
func formToken(cookie, sellerID string) string {
	mac := hmac.New(sha256.New, []byte(cookie))
	mac.Write([]byte("leadmill form\x00" + sellerID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// PersonMailText writes the mails to people, so that they can be translated and replaced.
type PersonMailText interface {
	// WriteInvitation returns a mail with its subject and texts; the caller fills in the recipient and the ID.
	WriteInvitation(i PersonInvitation) (application.Mail, error)
	// WriteReset is WriteInvitation for a new password.
	WriteReset(r PersonReset) (application.Mail, error)
}

// PersonInvitation is the content of the mail to somebody who becomes one of a seller's people. Link works once, for the time Lasts.
type PersonInvitation struct {
	Name, Seller, Link string
	Lasts              time.Duration
}

// PersonReset is the content of the mail with which a person chooses a new password. Link works once, for the time Lasts.
type PersonReset struct {
	Name, Link string
	Lasts      time.Duration
}

// Codes are the codes of authenticator apps.
type Codes interface {
	// New makes a secret, and the address by which an app takes it over, which names the person's email.
	New(email string) (secret, url string, err error)
	// Step returns the step of time whose code it is, near now; ok is false for a wrong code.
	Step(secret, code string, now time.Time) (step int64, ok bool)
}

// SealSecondFactor is the purpose under which secrets of authenticator apps are sealed, with the person's id.
const SealSecondFactor = "person-totp"
