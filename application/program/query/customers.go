package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/customer"
)

// Customers asks for a seller's customers, newest first. A given Partner selects the customers of that partner, none if it
// is unknown. Key, ID and Email select the customers that contain these texts.
type Customers struct {
	application.Actor

	Partner        application.PartnerHandle
	Key, ID, Email string
	Page           application.Page
}

// Needs implements application.Message.
func (Customers) Needs() application.Scope { return application.Program }

// Customer is a customer as queries return it (docs/partner-program.md).
type Customer struct {
	ID, Key, PartnerID, Name, Surname, Email, Status string
	Tags                                             []string
	CreatedAt, UpdatedAt, DeletedAt                  time.Time
}

// CustomerOf returns the Customer of a stored customer.
func CustomerOf(s customer.Snapshot) Customer {
	return Customer{
		ID: s.ID, Key: s.Key, PartnerID: s.Attribution.PartnerID, Name: s.Name, Surname: s.Surname, Email: s.Email,
		Status: string(s.Status), Tags: s.Tags, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, DeletedAt: s.DeletedAt,
	}
}
