package command

import (
	"context"
	"errors"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/program"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/customer"
	"github.com/leadmill/leadmill/domain/lead"
	"github.com/leadmill/leadmill/domain/partner"
)

// formLeadOf returns the FormLead of a lead, its submitter and the customer it was converted to, which is nil before.
func formLeadOf(l *lead.Lead, by partner.Snapshot, to *customer.Customer) programquery.FormLead {
	r := l.Review()
	f := programquery.FormLead{
		Number: r.Number, LeadID: l.ID(), Status: string(r.Status), Name: r.Name, Email: r.Email, Answers: r.Answers,
		Submitter:    programquery.Person{ID: l.PartnerID(), Name: contact.FullName(by.Name, by.Surname), Email: by.Email},
		MarketStatus: string(l.Status()), CreatedAt: l.CreatedAt(), Erased: !l.Snapshot().ErasedAt.IsZero(),
	}
	if to != nil {
		s := to.Snapshot()
		f.ConvertedTo = &programquery.Person{ID: s.Key, Name: contact.FullName(s.Name, s.Surname), Email: s.Email}
	}
	return f
}

// submitter returns the partner that submitted a lead; nil when the partner was deleted.
func submitter(ctx context.Context, tx program.Tx, l *lead.Lead) (*partner.Partner, error) {
	by, err := tx.Partners().Find(ctx, l.SellerID(), application.PartnerHandle{ID: l.PartnerID()})
	if errors.Is(err, partner.ErrNotFound) {
		return nil, nil
	}
	return by, err
}

func snapshotOf(p *partner.Partner) partner.Snapshot {
	if p == nil {
		return partner.Snapshot{}
	}
	return p.Snapshot()
}
