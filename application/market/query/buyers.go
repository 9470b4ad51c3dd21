package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/buyer"
	"github.com/leadmill/leadmill/domain/money"
)

// Buyers asks for a seller's buyers, newest first.
type Buyers struct {
	application.Actor

	Page application.Page
}

// Needs implements application.Message.
func (Buyers) Needs() application.Scope { return application.Program }

// Buyer is a buyer as queries return it. Money is in micro-units of the seller's currency.
type Buyer struct {
	ID, Name, Email, Status, TimeZone string
	Balance, Held, CreditLimit        money.Micros
	LowBalance                        buyer.Threshold
	Returns                           buyer.ReturnRules
	Portal                            buyer.Portal
	Caps                              []Cap
	CapZone                           string // the zone in which its caps are counted; empty without caps
	CreatedAt, UpdatedAt              time.Time
}

// BuyerOf returns the Buyer of a stored buyer.
func BuyerOf(s buyer.Snapshot) Buyer {
	return Buyer{
		ID: s.ID, Name: s.Name, Email: s.Email, Status: string(s.Status), TimeZone: s.TimeZone, Balance: s.Balance,
		Held: s.Held, CreditLimit: s.CreditLimit, Caps: capsOf(s.Caps), CapZone: s.CapZone, LowBalance: s.LowBalance, Returns: s.Returns, Portal: s.Portal, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
	}
}
