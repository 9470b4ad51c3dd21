package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/campaign"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/money"
)

// What a contract's secrets are sealed for. The id is the contract's, that of a header with its name in lower case behind a slash.
const (
	SealDeliverySecret = "delivery_secret"
	SealDeliveryHeader = "delivery_header"
)

// DeliverySigner signs requests that deliver leads as Standard Webhooks says.
type DeliverySigner interface {
	// NewSecret makes a secret that the receiver is given.
	NewSecret() string
	// Sign returns the headers of a request with a body that is sent at a time. secrets are one secret, or several with spaces between them, of
	// which each signs it.
	Sign(secrets, id string, at time.Time, body []byte) map[string][]string
}

// DeliveryAttempt is an attempt as it is kept. Request and Answer hold nothing personal as far as that is known. Status is 0 without an answer; Reason
// is empty when it succeeded.
type DeliveryAttempt struct {
	SellerID, DeliveryID, LeadID string
	Number                       int64
	At                           time.Time
	Took                         time.Duration
	Status                       int
	Reason                       delivery.Reason
	Request, Answer              []byte
}

// DeliveryRepository stores deliveries. They are locked behind the lead of their sale.
type DeliveryRepository interface {
	// Lock loads and locks a delivery: delivery.ErrNotFound.
	Lock(ctx context.Context, sellerID, id string) (*delivery.Delivery, error)
	// LockAll loads and locks deliveries by id. Unknown ones are left out.
	LockAll(ctx context.Context, refs []application.Ref) (map[string]*delivery.Delivery, error)
	// SaveAll stores locked deliveries and when they are due.
	SaveAll(ctx context.Context, all []*delivery.Delivery) error
	// AddAttempts keeps attempts. Who adds them holds the locks of their leads.
	AddAttempts(ctx context.Context, all []DeliveryAttempt) error
	// LockErased locks leads and returns those whose personal data is gone.
	LockErased(ctx context.Context, leads []application.Ref) (map[string]bool, error)
}

// DueDelivery is a delivery that is due since NextAt, with what is sent. Sale is the sale's status, or lead.ReservationReserved while its buyer is
// asked, which it is until Deadline; zero when it is told only. Unreadable says why there are no fields.
type DueDelivery struct {
	SellerID, ID, SaleID, LeadID, ContractID string
	Tries, Attempts                          int64
	Sale                                     string
	Price                                    money.Micros
	Currency                                 string
	SoldAt, NextAt, Deadline                 time.Time
	Category                                 string
	Fields                                   field.Set
	Erased, Test                             bool
	Unreadable                               error
	BidReference                             string // what the buyer called its bid, as long as the ping is kept
}

// DeliveryReader reads deliveries outside of a transaction.
type DeliveryReader interface {
	// DueEndpoints returns the contracts of all sellers of which a delivery is due at a time, the longest due first.
	DueEndpoints(ctx context.Context, now time.Time) ([]application.Ref, error)
	// DueDeliveries returns up to limit deliveries of a contract that are due at a time, but for some, the longest due first, and how it delivers; nil
	// when it does not, or nothing is due.
	DueDeliveries(ctx context.Context, contract application.Ref, now time.Time, without []string, limit int) (*campaign.Delivery, []DueDelivery, error)
	// ContractDelivery returns how a contract of a campaign delivers, and the campaign's category; nil when it does not: campaign.ErrNotFound,
	// campaign.ErrContractNotFound.
	ContractDelivery(ctx context.Context, sellerID, campaignID, id string) (d *campaign.Delivery, k campaign.ContractSnapshot, category string, err error)
	// WaitingDeliveries returns how many deliveries are pending, counted up to limit, and since when the oldest is due; zero when none is.
	WaitingDeliveries(ctx context.Context, limit int64) (n int64, oldest time.Time, err error)
}
