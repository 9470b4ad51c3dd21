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
		Policy: row.Policy, ReferralKey: row.ReferralKey,
		Since: engine.Time(row.AttributedAt), TouchedAt: engine.Time(row.TouchedAt),
	}
	if out.Customer, err = answerCustomer(row); err != nil {
		return programquery.CustomerAttribution{}, err
	}
	people := map[string]programquery.Person{}
	named := func(id string) (programquery.Person, error) {
		if known, is := people[id]; is {
			return known, nil
		}
		p, err := findPartner(ctx, r.db, q.SellerID, application.PartnerHandle{ID: id})
		switch {
		case err == nil:
			people[id] = programquery.Person{ID: id, Name: contact.FullName(p.Name, p.Surname), Email: p.Email}
		case errors.Is(err, partner.ErrNotFound):
			people[id] = programquery.Person{ID: id}
		default:
			return programquery.Person{}, err
		}
		return people[id], nil
	}
	if out.Partner, err = named(row.PartnerID); err != nil {
		return programquery.CustomerAttribution{}, err
	}
	var former []formerRow
	if err := r.db.All(ctx, &former, "SELECT "+formerColumns+" FROM customer_attributions WHERE seller_id = ? AND customer_id = ? ORDER BY version DESC LIMIT ?",
		q.SellerID, row.ID, programquery.MostFormerAttributions); err != nil {
		return programquery.CustomerAttribution{}, err
	}
	for _, f := range former {
		one := programquery.FormerAttribution{
			Policy: f.Policy, ReferralKey: f.ReferralKey, Since: engine.Time(f.AttributedAt), TouchedAt: engine.Time(f.TouchedAt), Until: engine.Time(f.UntilAt),
		}
		if one.Partner, err = named(f.PartnerID); err != nil {
			return programquery.CustomerAttribution{}, err
		}
		out.Former = append(out.Former, one)
	}
	return out, nil
}

type formerRow struct {
	Version      int64  `db:"version"`
	PartnerID    string `db:"partner_id"`
	ReferralKey  string `db:"referral_key"`
	Policy       string `db:"policy"`
	AttributedAt int64  `db:"attributed_at"`
	TouchedAt    int64  `db:"touched_at"`
	UntilAt      int64  `db:"until_at"`
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
