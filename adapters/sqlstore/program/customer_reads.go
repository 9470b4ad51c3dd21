package program

import (
	"context"
	"errors"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/partner"
)

// CustomerByHandle answers programquery.CustomerByHandle: customer.ErrNotFound.
func (r *Reader) CustomerByHandle(ctx context.Context, q programquery.CustomerByHandle) (programquery.Customer, error) {
	row, err := findCustomer(ctx, r.db, q.SellerID, q.Handle)
	if err != nil {
		return programquery.Customer{}, err
	}
	return answerCustomer(row)
}

// AttributionOfCustomer answers programquery.AttributionOfCustomer: customer.ErrNotFound.
func (r *Reader) AttributionOfCustomer(ctx context.Context, q programquery.AttributionOfCustomer) (programquery.CustomerAttribution, error) {
	row, err := findCustomer(ctx, r.db, q.SellerID, q.Handle)
	if err != nil {
		return programquery.CustomerAttribution{}, err
	}
	out := programquery.CustomerAttribution{
		Partner: programquery.Person{ID: row.PartnerID}, Policy: row.Policy, ReferralKey: row.ReferralKey,
		Since: engine.Time(row.AttributedAt), TouchedAt: engine.Time(row.TouchedAt),
	}
	if out.Customer, err = answerCustomer(row); err != nil {
		return programquery.CustomerAttribution{}, err
	}
	p, err := findPartner(ctx, r.db, q.SellerID, application.PartnerHandle{ID: row.PartnerID})
	if errors.Is(err, partner.ErrNotFound) {
		return out, nil
	}
	out.Partner.Name, out.Partner.Email = contact.FullName(p.Name, p.Surname), p.Email
	return out, err
}

// Customers answers programquery.Customers.
func (r *Reader) Customers(ctx context.Context, q programquery.Customers) (application.List[programquery.Customer], error) {
	f := engine.Filter{Args: []any{q.SellerID}}
	key := "PRIMARY"
	var of string
	if q.Partner != (application.PartnerHandle{}) {
		p, err := findPartner(ctx, r.db, q.SellerID, q.Partner)
		if errors.Is(err, partner.ErrNotFound) {
			return application.List[programquery.Customer]{}, nil
		}
		if err != nil {
			return application.List[programquery.Customer]{}, err
		}
		key, of = "customers_partner", p.ID
	}
	// The key is named so that a page is read in its order, and not sorted from all that another one finds.
	f.WriteString("SELECT " + customerColumns + " FROM customers" + r.db.UseKey(key) + " WHERE seller_id = ? AND status <> 'deleted'")
	if of != "" {
		f.And("partner_id = ?", of)
	}
	f.Contains("customer_key", q.Key)
	f.ContainsID("id", q.ID)
	f.Contains("email_key", strings.ToLower(q.Email))
	return engine.List(ctx, r.db, q.Page, func(c programquery.Customer) string { return c.ID }, answerCustomer, f.String(), f.Args...)
}

func answerCustomer(row customerRow) (programquery.Customer, error) {
	tags, err := row.tags()
	if err != nil {
		return programquery.Customer{}, err
	}
	return programquery.Customer{
		ID: row.ID, Key: row.Key, PartnerID: row.PartnerID, Name: row.Name, Surname: row.Surname, Email: row.Email,
		Status: row.Status, Tags: tags, CreatedAt: engine.Time(row.CreatedAt), UpdatedAt: engine.Time(row.UpdatedAt),
		DeletedAt: engine.Time(row.DeletedAt),
	}, nil
}
