package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/money"
)

// BuyerMail is a mail to a buyer in the queue. Its text is made when it is sent. EventID is the event that caused it; Attempts is how often
// sending it failed.
type BuyerMail struct {
	EventID, SellerID, BuyerID string
	Attempts                   int
}

// BuyerMailQueue keeps mails to buyers until they are sent. Its errors are those of UnitOfWork.Do.
type BuyerMailQueue interface {
	// AddBuyerMail queues a mail that is due at a time, unless it is queued already.
	AddBuyerMail(ctx context.Context, m BuyerMail, due time.Time) error
	// TakeBuyerMails returns up to limit mails that are due at now, the longest due first, and does not return them to others until a time.
	TakeBuyerMails(ctx context.Context, now, until time.Time, limit int) ([]BuyerMail, error)
	// PostponeBuyerMail makes a mail due later, after one more attempt.
	PostponeBuyerMail(ctx context.Context, m BuyerMail, due time.Time) error
	// RemoveBuyerMail forgets a mail that was sent or given up.
	RemoveBuyerMail(ctx context.Context, m BuyerMail) error
}

// Account is a buyer's account as a mail tells it.
type Account struct {
	Seller, Buyer, Email string
	Balance, LowBalance  money.Micros
	Low                  bool // there is a threshold, and the balance is below it
	Currency             string
}

// AccountReader reads accounts for mails: buyer.ErrNotFound.
type AccountReader interface {
	Account(ctx context.Context, sellerID, buyerID string) (Account, error)
}

// BalanceText writes the mail that tells a buyer that the balance is low, so that it can be translated and replaced.
type BalanceText interface {
	// Write returns a mail with its subject and texts; the caller fills in the recipient and the ID.
	Write(a Account) (application.Mail, error)
}
