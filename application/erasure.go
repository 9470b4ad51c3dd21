package application

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/leadmill/leadmill/domain/contact"
)

// CustomerTraits tell whether a customer is somebody that is looked for. EmailKey is the address in the form that is compared.
type CustomerTraits struct {
	ID, Key, EmailKey string
	DeletedAt         time.Time // zero for one that is not deleted
}

// Has reports whether the customer has an address, in the form that is compared: as its email, or as its key.
func (c CustomerTraits) Has(emailKey string) bool {
	if c.EmailKey == emailKey {
		return emailKey != ""
	}
	key, err := contact.ParseEmail(c.Key)
	return err == nil && key.Key() == emailKey
}

// CustomerWalk goes through the customers of a seller.
type CustomerWalk interface {
	// CustomersAfter returns up to limit customers with ids above after, in the order of their ids, deleted ones too.
	CustomersAfter(ctx context.Context, sellerID, after string, limit int) ([]CustomerTraits, error)
	// CustomersByID returns those of some customers that are there, deleted ones too.
	CustomersByID(ctx context.Context, sellerID string, ids []string) ([]CustomerTraits, error)
	// LastCustomer returns the highest id; empty without customers.
	LastCustomer(ctx context.Context, sellerID string) (string, error)
}

// AnswerRef names a stored response to a request with an Idempotency-Key. About are the ids of the leads and customers that the request
// made or changed.
type AnswerRef struct {
	KeyID string
	Hash  [sha256.Size]byte
	About []string
}

// AnswerWalk goes through the stored responses to requests of a seller's keys.
type AnswerWalk interface {
	// AnswersAfter returns up to limit responses behind another one, in the order of their keys.
	AnswersAfter(ctx context.Context, sellerID string, after AnswerRef, limit int) ([]AnswerRef, error)
}

// AnswerErasureRepository forgets stored responses: a request that is repeated afterwards is a new one.
type AnswerErasureRepository interface {
	// DeleteAnswers deletes responses of a seller. One that is not there any more does no harm.
	DeleteAnswers(ctx context.Context, sellerID string, answers []AnswerRef) error
}

// MailErasureRepository takes back mails that are still to be sent.
type MailErasureRepository interface {
	// DeleteMailsTo deletes the mails to those of a seller's partners that have an address (contact.Email.Key), and returns how many
	// there were.
	DeleteMailsTo(ctx context.Context, sellerID, emailKey string) (int, error)
}

// HeldCustomer is all that is held of a person as a customer.
type HeldCustomer struct {
	ID, Key, Email, Name, Surname, Status, PartnerID string
	Tags                                             []string
	CreatedAt, UpdatedAt                             time.Time
}

// HeldPartner is what is held of a person as a partner of the program, whose page has the rest.
type HeldPartner struct {
	ID, Email, Name, Surname, Status string
	CreatedAt                        time.Time
}

// HeldMail is a mail that is still to be sent to a person, at the earliest at DueAt.
type HeldMail struct {
	Recipient, Kind string
	DueAt           time.Time
}

// SubjectReader reads what the partner program holds of a person.
type SubjectReader interface {
	CustomerWalk
	// HeldCustomers returns customers of a seller by their ids.
	HeldCustomers(ctx context.Context, sellerID string, ids []string) ([]HeldCustomer, error)
	// HeldPartners returns the partners of a seller that have an address (contact.Email.Key), and the mails that wait for them.
	HeldPartners(ctx context.Context, sellerID, emailKey string) ([]HeldPartner, []HeldMail, error)
}
