package market

import (
	"context"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/delivery"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/money"
)

// ReservationRepository stores reservations: sales that may be made of leads. What becomes of them is stored with their leads, by
// application.LeadRepository. Who changes them holds the locks of these.
type ReservationRepository interface {
	// LockLeads loads and locks leads of a campaign of which buyers are asked, with their reservations, by id. Others are left out.
	LockLeads(ctx context.Context, campaign application.Ref, ids []string) (map[string]*lead.Lead, error)
	// LockLeft loads and locks those of some leads of a seller of which something is held although nobody is asked about them, with their reservations,
	// in whatever status they are. Leads of which buyers are asked must be left out.
	LockLeft(ctx context.Context, sellerID string, ids []string) ([]*lead.Lead, error)
	// SaveReleased stores that everything is released of leads of a seller that LockLeft loaded, and nothing else of them.
	SaveReleased(ctx context.Context, sellerID string, leads []*lead.Lead) error
	// OfLeads returns the reservations of leads of a seller by lead, in their order, without locking.
	OfLeads(ctx context.Context, sellerID string, leads []string) (map[string][]lead.Reservation, error)
	// Forget deletes the reservations of leads of a seller. None of them may be held.
	Forget(ctx context.Context, sellerID string, leads []string) error
	// Uncount gives back what reservations of one seller took of the counters of their contracts, buyers and campaigns, in the spans in which they
	// were made, also those that are over.
	Uncount(ctx context.Context, sellerID string, all []Uncounted) error
	// AnswersUntil returns until when the stored responses of leads of a seller may be replaced; those that are final are left out.
	AnswersUntil(ctx context.Context, sellerID string, leads []string) (map[string]time.Time, error)
	// Answer replaces the stored responses of leads of a seller; the zero response leaves what is stored. Each is final then.
	Answer(ctx context.Context, sellerID string, responses map[string]application.Response) error
}

// Uncounted is what a reservation took that was made at a time and is less now. Whole says that it is none any more.
type Uncounted struct {
	CampaignID, ContractID, BuyerID string
	Price                           money.Micros
	Whole                           bool
	At                              time.Time
}

// OverdueReservation is one whose buyer is still asked though its deadline is over. Tries is that of its delivery, Reason why its last attempt was
// not answered; delivery.Timeout without one.
type OverdueReservation struct {
	SellerID, DeliveryID, LeadID string
	Tries                        int64
	Reason                       delivery.Reason
	Deadline                     time.Time
}

// ReservationReader reads reservations outside of a transaction.
type ReservationReader interface {
	// CampaignsOf returns the campaigns of leads by lead. Unknown ones are left out.
	CampaignsOf(ctx context.Context, leads []application.Ref) (map[string]string, error)
	// OverdueReservations returns up to limit reservations of all sellers whose buyers are asked although the deadline is at a time or before, the
	// longest overdue first. When there are more, half of them are the latest: some that cannot be settled hold up no others.
	OverdueReservations(ctx context.Context, at time.Time, limit int) ([]OverdueReservation, error)
	// FinalAnswers returns the stored responses of those of some leads whose response does not change any more, by lead.
	FinalAnswers(ctx context.Context, leads []application.Ref) (map[string]application.Response, error)
	// MarketLead returns a lead of the market: lead.ErrNotFound.
	MarketLead(ctx context.Context, sellerID, id string) (*lead.Lead, error)
}
