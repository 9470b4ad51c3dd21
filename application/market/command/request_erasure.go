package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/lead"
)

// RequestErasure asks to erase what a seller holds of somebody. Exactly one member says of whom: an email, a phone, or a customer's key
// or id. What is there when it is asked is erased soon after, by RunErasures.
type RequestErasure struct {
	application.Actor

	Email, Phone, Customer string
	Once                   application.Once[ErasureRequested]
}

// Needs implements application.Message.
func (RequestErasure) Needs() application.Scope { return application.Program }

// ErasureRequested is the id under which the receipt of an erasure is asked for.
type ErasureRequested struct{ ID string }

// Check returns fault.ErrValidation with the members at fault, or nil.
func (c RequestErasure) Check() error {
	_, err := c.person()
	return err
}

func (c RequestErasure) person() (lead.Person, error) {
	return market.ParseSubject(c.Email, c.Phone, market.Named{Name: "customer", Value: c.Customer})
}

func (c RequestErasure) subject() market.ErasureSubject {
	switch {
	case c.Email != "":
		return market.SubjectEmail
	case c.Phone != "":
		return market.SubjectPhone
	default:
		return market.SubjectCustomer
	}
}

// RequestErasureHandler handles RequestErasure.
type RequestErasureHandler struct {
	market.Deps
	market.Erasing
}

// Handle implements bus.Handler. Errors: fault.ErrValidation. Somebody whom the seller does not know is no error.
func (h RequestErasureHandler) Handle(ctx context.Context, c RequestErasure) (application.Done, error) {
	who, err := c.person()
	if err != nil {
		return application.Done{}, err
	}
	e := market.Erasure{SellerID: c.Actor.SellerID, ID: h.IDs.New("erasure"), Subject: c.subject(), Person: who, RequestedAt: h.Clock.Now()}
	if e.LastLead, err = h.Reader.LastLead(ctx, e.SellerID); err != nil {
		return application.Done{}, err
	}
	if e.LastCustomer, err = h.Customers.LastCustomer(ctx, e.SellerID); err != nil {
		return application.Done{}, err
	}
	return application.DoOnce(ctx, h.Deps, c.Actor, c.Once, func(ctx context.Context, tx market.Tx) (ErasureRequested, error) {
		e := e
		if c.Customer != "" {
			found, err := findCustomer(ctx, tx, c.Actor.SellerID, c.Customer)
			if err != nil && !isNotFound(err) {
				return ErasureRequested{}, err
			}
			if found != nil {
				e.CustomerID, e.LastCustomer = found.ID(), max(e.LastCustomer, found.ID())
				e.Person = lead.RestorePerson(found.Snapshot().EmailKey, "")
			}
		}
		return ErasureRequested{e.ID}, tx.Erasures().Add(ctx, e)
	})
}

// findCustomer returns the customer of a key, else of an id: customer.ErrNotFound.
func findCustomer(ctx context.Context, tx market.Tx, sellerID, name string) (*customer.Customer, error) {
	found, err := tx.Customers().Lock(ctx, sellerID, application.CustomerHandle{Key: name})
	if isNotFound(err) {
		found, err = tx.Customers().Lock(ctx, sellerID, application.CustomerHandle{ID: name})
	}
	return found, err
}

func isNotFound(err error) bool { return errors.Is(err, customer.ErrNotFound) }
