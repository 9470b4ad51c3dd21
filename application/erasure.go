package application

import (
	"context"
	"crypto/sha256"
	"time"
)

// CustomerTraits tell whether a customer is somebody that is looked for. EmailKey is the address in the form that is compared.
type CustomerTraits struct {
	ID, Key, EmailKey string
	DeletedAt         time.Time // zero for one that is not deleted
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
