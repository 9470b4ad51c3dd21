package query

import (
	"context"
	"slices"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/market"
	"github.com/leadmill/leadmill/domain/lead"
)

// SubjectAccess asks for all that a seller holds of a person, for a file to give to that person. Exactly one of email and phone says of
// whom. What is found is told to Tell at once, customers, partners, mails and suppressions first, so that however much it is, little is held in memory. An
// error of Tell ends the question.
type SubjectAccess struct {
	application.Actor

	Email, Phone string
	Tell         func(Held) error
}

// Needs implements application.Message.
func (SubjectAccess) Needs() application.Scope { return application.Program }

// Held is one thing that is held of a person: one member is not nil.
type Held struct {
	Customer *application.HeldCustomer
	Partner  *application.HeldPartner
	Mail     *application.HeldMail
	Lead     *SubjectLead

	Suppression *market.Suppression
}

// SubjectLead is a lead of a person as a file tells it. Form is nil for one that did not come by the lead form.
type SubjectLead struct {
	MarketplaceLead

	Sales []SubjectSale
	Form  *SubjectForm
}

// SubjectSale is a sale of a person's lead, with who bought it; also one that is reserved or was released, whose buyer was asked.
type SubjectSale struct {
	Sale

	BuyerName, Currency string
}

// SubjectForm is what a form lead holds of a person besides its fields.
type SubjectForm struct {
	Number              int64
	Status, Name, Email string
	Answers             []lead.Answer
	CustomerID          string
}

// SubjectHeld says how many claims are held of the leads that were told. Complete is false when there are more than MostTold leads.
type SubjectHeld struct {
	Claims   int64
	Complete bool
}

// MostTold is how many leads of a person are told.
const MostTold = 100_000

// SubjectReader reads for SubjectAccess what the marketplace holds.
type SubjectReader interface {
	market.ErasureReader
	market.SuppressionReader
	// SubjectLeads returns leads of a seller by their ids, in their order.
	SubjectLeads(ctx context.Context, sellerID string, ids []string) ([]SubjectLead, error)
}

// SubjectAccessHandler handles SubjectAccess.
type SubjectAccessHandler struct {
	Reader SubjectReader
	People application.SubjectReader
}

// read is how many rows are read at a time.
const read = 500

// Handle answers the question. Errors: fault.ErrValidation, those of Tell.
func (h SubjectAccessHandler) Handle(ctx context.Context, q SubjectAccess) (SubjectHeld, error) {
	person, err := market.ParseSubject(q.Email, q.Phone)
	if err != nil {
		return SubjectHeld{}, err
	}
	email, _ := person.Keys()
	customers, err := h.customers(ctx, q, email)
	if err != nil {
		return SubjectHeld{}, err
	}
	if email != "" {
		partners, mails, err := h.People.HeldPartners(ctx, q.SellerID, email)
		if err != nil {
			return SubjectHeld{}, err
		}
		for _, p := range partners {
			if err := q.Tell(Held{Partner: &p}); err != nil {
				return SubjectHeld{}, err
			}
		}
		for _, m := range mails {
			if err := q.Tell(Held{Mail: &m}); err != nil {
				return SubjectHeld{}, err
			}
		}
	}
	suppressions, err := h.Reader.SuppressionsOf(ctx, q.SellerID, market.SuppressedValues(person))
	if err != nil {
		return SubjectHeld{}, err
	}
	for _, s := range suppressions {
		if err := q.Tell(Held{Suppression: &s}); err != nil {
			return SubjectHeld{}, err
		}
	}
	leads := map[string]bool{}
	complete := true
	for after := ""; complete; {
		all, err := h.Reader.HeldLeadsAfter(ctx, q.SellerID, after, read)
		if err != nil {
			return SubjectHeld{}, err
		}
		if len(all) == 0 {
			break
		}
		after = all[len(all)-1].ID
		var ids []string
		for _, l := range all {
			if !l.Erased && (l.Holds(person) || customers[l.CustomerID]) {
				ids = append(ids, l.ID)
			}
		}
		if len(leads)+len(ids) > MostTold {
			ids, complete = ids[:MostTold-len(leads)], false
		}
		if err := h.leads(ctx, q, ids); err != nil {
			return SubjectHeld{}, err
		}
		for _, id := range ids {
			leads[id] = true
		}
	}
	claims, err := h.claims(ctx, q.SellerID, leads)
	return SubjectHeld{claims, complete}, err
}

// customers tells the customers that have the person's email, as such or as their key.
func (h SubjectAccessHandler) customers(ctx context.Context, q SubjectAccess, email string) (told map[string]bool, err error) {
	told = map[string]bool{}
	if email == "" {
		return told, nil
	}
	for after := ""; ; {
		all, err := h.People.CustomersAfter(ctx, q.SellerID, after, read)
		if err != nil || len(all) == 0 {
			return told, err
		}
		after = all[len(all)-1].ID
		var ids []string
		for _, c := range all {
			if c.DeletedAt.IsZero() && c.Has(email) {
				ids = append(ids, c.ID)
			}
		}
		held, err := h.People.HeldCustomers(ctx, q.SellerID, ids)
		if err != nil {
			return nil, err
		}
		for _, c := range held {
			told[c.ID] = true
			if err := q.Tell(Held{Customer: &c}); err != nil {
				return nil, err
			}
		}
	}
}

func (h SubjectAccessHandler) leads(ctx context.Context, q SubjectAccess, ids []string) error {
	for some := range slices.Chunk(ids, read/5) {
		leads, err := h.Reader.SubjectLeads(ctx, q.SellerID, some)
		if err != nil {
			return err
		}
		for _, l := range leads {
			if err := q.Tell(Held{Lead: &l}); err != nil {
				return err
			}
		}
	}
	return nil
}

// claims counts the claims of leads.
func (h SubjectAccessHandler) claims(ctx context.Context, sellerID string, leads map[string]bool) (n int64, err error) {
	if len(leads) == 0 {
		return 0, nil
	}
	for after := []byte(nil); ; {
		marks, err := h.Reader.MarksAfter(ctx, market.MarkClaims, sellerID, after, 2*read)
		if err != nil || len(marks) == 0 {
			return n, err
		}
		for _, m := range marks {
			if leads[m.LeadID] {
				n++
			}
		}
		after = slices.Clone(marks[len(marks)-1].Key[:])
	}
}
