package program

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	"github.com/leadmill/leadmill/application"
	programquery "github.com/leadmill/leadmill/application/program/query"
	"github.com/leadmill/leadmill/domain/contact"
	"github.com/leadmill/leadmill/domain/lead"
)

// formLeadRow is a form lead with its submitter and the customer it became; CustomerID is empty when it became none.
type formLeadRow struct {
	reviewRow

	MarketStatus    string `db:"market_status"`
	CreatedAt       int64  `db:"created_at"`
	ErasedAt        int64  `db:"erased_at"`
	PartnerID       string `db:"partner_id"`
	PartnerName     string `db:"partner_name"`
	PartnerSurname  string `db:"partner_surname"`
	PartnerEmail    string `db:"partner_email"`
	CustomerKey     string `db:"customer_key"`
	CustomerName    string `db:"customer_name"`
	CustomerSurname string `db:"customer_surname"`
	CustomerEmail   string `db:"customer_email"`
}

// selectFormLeads joins from the left, so that MySQL reads the reviews first, in the order of their numbers.
func (r *Reader) selectFormLeads() string {
	return "SELECT f." + strings.ReplaceAll(reviewColumns, ", ", ", f.") + ", COALESCE(l.status, '') AS market_status, " +
		"COALESCE(l.created_at, 0) AS created_at, COALESCE(l.erased_at, 0) AS erased_at, COALESCE(l.partner_id, '') AS partner_id, COALESCE(p.name, '') AS partner_name, " +
		"COALESCE(p.surname, '') AS partner_surname, COALESCE(p.email, '') AS partner_email, COALESCE(c.customer_key, '') AS customer_key, " +
		"COALESCE(c.name, '') AS customer_name, COALESCE(c.surname, '') AS customer_surname, COALESCE(c.email, '') AS customer_email " +
		"FROM lead_reviews f" + r.db.UseKey("lead_reviews_number") + " LEFT JOIN leads l ON l.seller_id = f.seller_id AND l.id = f.lead_id " +
		"LEFT JOIN partners p ON p.seller_id = f.seller_id AND p.id = l.partner_id LEFT JOIN customers c ON c.seller_id = f.seller_id AND c.id = f.customer_id " +
		"WHERE f.seller_id = ? AND f.status <> 'deleted'"
}

func (n formLeadRow) answer() (programquery.FormLead, error) {
	answers, err := n.answers()
	if err != nil {
		return programquery.FormLead{}, err
	}
	out := programquery.FormLead{
		Number: n.Number, LeadID: n.LeadID, Status: n.Status, Name: n.Name, Email: n.Email, Answers: answers,
		Submitter:    programquery.Person{ID: n.PartnerID, Name: contact.FullName(n.PartnerName, n.PartnerSurname), Email: n.PartnerEmail},
		MarketStatus: n.MarketStatus, CreatedAt: engine.Time(n.CreatedAt), Erased: n.ErasedAt > 0,
	}
	if n.CustomerID != "" {
		// A deleted customer has no key any more.
		out.ConvertedTo = &programquery.Person{ID: cmp.Or(n.CustomerKey, n.CustomerID), Name: contact.FullName(n.CustomerName, n.CustomerSurname), Email: n.CustomerEmail}
	}
	return out, nil
}

// FormLeadByNumber answers programquery.FormLeadByNumber: lead.ErrNotFound.
func (r *Reader) FormLeadByNumber(ctx context.Context, q programquery.FormLeadByNumber) (programquery.FormLead, error) {
	var row formLeadRow
	if err := r.db.One(ctx, lead.ErrNotFound, &row, r.selectFormLeads()+" AND f.number = ?", q.SellerID, q.Number); err != nil {
		return programquery.FormLead{}, err
	}
	return row.answer()
}

// numberOf is the key by which form leads are listed.
func numberOf(l programquery.FormLead) string { return strconv.FormatInt(l.Number, 10) }

var byNumber = engine.Order{Columns: []string{"f.number"}, Numbers: true}

// FormLeads answers programquery.FormLeads.
func (r *Reader) FormLeads(ctx context.Context, q programquery.FormLeads) (application.List[programquery.FormLead], error) {
	if q.Status == "" {
		return engine.ListBy(ctx, r.db, byNumber, q.Page, numberOf, formLeadRow.answer, r.selectFormLeads(), q.SellerID)
	}
	return r.reviewed(ctx, q.SellerID, q.Page, programquery.MostReviewed, "f.status = ?", q.Status)
}

// reviewed lists the form leads f of a seller for which a condition holds. The numbers of a seller's form leads follow one another, so a span of them bounds
// what is looked at, to most. Numbers are found first, and the rest is read of those alone that the page shows.
func (r *Reader) reviewed(ctx context.Context, sellerID string, page application.Page, most int64, condition string, arg any) (application.List[programquery.FormLead], error) {
	none := application.List[programquery.FormLead]{}
	var newest int64
	key := r.db.UseKey("lead_reviews_number")
	below := "SELECT f.number FROM lead_reviews f" + key + " WHERE f.seller_id = ?"
	args := []any{sellerID}
	if page.After != "" {
		n, err := strconv.ParseInt(page.After, 10, 64)
		if err != nil {
			return none, engine.ErrCursor()
		}
		below, args = below+" AND f.number < ?", append(args, n)
	}
	if found, err := r.db.Get(ctx, &newest, below+" ORDER BY f.number DESC LIMIT 1", args...); err != nil || !found {
		return none, err
	}
	first := newest - most
	var numbers []int64
	if err := r.db.All(ctx, &numbers, "SELECT f.number FROM lead_reviews f"+key+" WHERE f.seller_id = ? AND f.number > ? AND f.number <= ? AND f.status <> 'deleted' AND "+condition+
		" ORDER BY f.number DESC LIMIT ? OFFSET ?", sellerID, first, newest, arg, page.Limit+1, page.Offset()); err != nil {
		return none, err
	}
	next := ""
	switch {
	case len(numbers) > page.Limit:
		numbers = numbers[:page.Limit]
		next = strconv.FormatInt(numbers[page.Limit-1], 10)
	case first > 0:
		next = strconv.FormatInt(first+1, 10)
	}
	if len(numbers) == 0 {
		return application.List[programquery.FormLead]{Next: next}, nil
	}
	out, err := engine.ListBy(ctx, r.db, byNumber, application.Page{Limit: len(numbers), Number: 1}, numberOf, formLeadRow.answer,
		r.selectFormLeads()+" AND f.number IN ("+engine.Marks(len(numbers))+")", append([]any{sellerID}, engine.Anys(numbers)...)...)
	out.Next = next
	return out, err
}

// LeadFormOfSeller answers programquery.LeadFormOfSeller.
func (r *Reader) LeadFormOfSeller(ctx context.Context, q programquery.LeadFormOfSeller) (programquery.LeadForm, error) {
	n, err := findForm(ctx, r.db, q.SellerID)
	if err != nil {
		return programquery.LeadForm{}, err
	}
	return programquery.LeadForm{FormSnapshot: n}, nil
}
