package markethttp

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	marketquery "github.com/leadmill/leadmill/application/market/query"
	httpport "github.com/leadmill/leadmill/ports/http"
)

// subjectTime is how long making a file may take, and subjectPiece how much of it is held in memory.
const (
	subjectTime  = 10 * time.Minute
	subjectPiece = 64 << 10
)

// getSubjectAccess answers a file. What fails before the first piece was sent is answered like any error; after that the connection is
// cut, so that half a file does not look like a whole one.
func (h Handlers) getSubjectAccess(k *httpport.Call) {
	values := k.Query()
	ctx, release := k.Wait(subjectTime)
	defer release()
	f := subjectFile{k: k}
	f.b.WriteString(`{"seller":`)
	f.b.Write(httpport.AppendString(nil, k.Actor().SellerCode))
	f.b.WriteString(`,"created_at":`)
	f.b.Write(httpport.Encode(Timestamp(k.Now())))
	held, err := h.SubjectAccess.Handle(ctx, marketquery.SubjectAccess{Actor: k.Actor(), Email: values.Get("email"), Phone: values.Get("phone"), Tell: f.tell})
	switch {
	case err == nil:
		f.end(held)
	case f.sent:
		panic(http.ErrAbortHandler)
	default:
		k.Fail(err)
	}
}

// subjectFile writes a file in pieces: lists one after another, in the order of subjectLists.
type subjectFile struct {
	k     *httpport.Call
	b     bytes.Buffer
	list  int // how many lists were begun
	items int // of the list that was begun last
	sent  bool
}

var subjectLists = []string{"customers", "partners", "mails", "suppressions", "leads"}

// begin ends the list before and begins lists up to the one with a number.
func (f *subjectFile) begin(number int) {
	for f.list <= number {
		if f.list > 0 {
			f.b.WriteByte(']')
		}
		if f.items = 0; f.list < len(subjectLists) {
			f.b.WriteString(`,"` + subjectLists[f.list] + `":[`)
		}
		f.list++
	}
}

// tell adds one item, and sends what there is when it is a piece.
func (f *subjectFile) tell(held marketquery.Held) error {
	number, item := f.show(held)
	f.begin(number)
	if f.items++; f.items > 1 {
		f.b.WriteByte(',')
	}
	f.b.Write(item)
	if f.b.Len() < subjectPiece {
		return nil
	}
	if !f.sent {
		f.sent = true
		f.head()
		f.k.Writer().Header().Set("Content-Type", "application/json")
		f.k.Writer().WriteHeader(http.StatusOK)
	}
	_, err := f.k.Writer().Write(f.b.Bytes())
	f.b.Reset()
	return err
}

func (f *subjectFile) head() {
	f.k.Writer().Header().Set("Content-Disposition", `attachment; filename="subject-access.json"`)
}

// end writes the rest.
func (f *subjectFile) end(held marketquery.SubjectHeld) {
	f.begin(len(subjectLists))
	f.b.WriteString(`,"claims":` + strconv.FormatInt(held.Claims, 10) + `,"complete":` + strconv.FormatBool(held.Complete) + `}`)
	if !f.sent {
		f.head()
		f.k.Send(http.StatusOK, "application/json", f.b.Bytes())
		return
	}
	_, _ = f.k.Writer().Write(f.b.Bytes()) // a client that went away needs no rest
}

// show returns the number of the list of an item, and the item.
func (f *subjectFile) show(held marketquery.Held) (list int, item []byte) {
	switch {
	case held.Customer != nil:
		c := held.Customer
		return 0, httpport.Encode(SubjectCustomer{
			Id: c.ID, Key: c.Key, Email: c.Email, Name: c.Name, Surname: c.Surname, Tags: c.Tags, Status: c.Status, Partner: c.PartnerID,
			CreatedAt: Timestamp(c.CreatedAt), UpdatedAt: Timestamp(c.UpdatedAt),
		})
	case held.Partner != nil:
		p := held.Partner
		return 1, httpport.Encode(SubjectPartner{Id: p.ID, Email: p.Email, Name: p.Name, Surname: p.Surname, Status: p.Status, CreatedAt: Timestamp(p.CreatedAt)})
	case held.Mail != nil:
		m := held.Mail
		return 2, httpport.Encode(SubjectMail{Recipient: m.Recipient, Kind: m.Kind, DueAt: Timestamp(m.DueAt)})
	case held.Suppression != nil:
		return 3, httpport.Encode(showSuppression(*held.Suppression))
	default:
		return 4, httpport.Encode(f.showLead(held.Lead))
	}
}

func (f *subjectFile) showLead(l *marketquery.SubjectLead) SubjectLead {
	out := SubjectLead{
		Id: l.ID, Origin: l.Origin, Status: httpport.TextOrNil(l.Status), Category: httpport.TextOrNil(l.Category), PartnerId: httpport.TextOrNil(l.PartnerID),
		ExternalId: httpport.TextOrNil(l.ExternalID), Test: l.Test, CreatedAt: Timestamp(l.CreatedAt), UpdatedAt: Timestamp(l.UpdatedAt), Fields: LeadFields(l.Fields),
	}
	for _, s := range l.Sales {
		out.Sales = append(out.Sales, SubjectSale{
			Id: s.ID, BuyerId: s.BuyerID, BuyerName: s.BuyerName, Status: s.Status, Price: httpport.Amount(s.Price, f.k.Currency()), Currency: s.Currency, SoldAt: Timestamp(s.SoldAt),
		})
	}
	if l.Form != nil {
		out.Form = &SubjectForm{Number: l.Form.Number, Status: l.Form.Status, Name: l.Form.Name, Email: l.Form.Email, CustomerId: httpport.TextOrNil(l.Form.CustomerID)}
		for _, a := range l.Form.Answers {
			out.Form.Answers = append(out.Form.Answers, SubjectAnswer{Question: a.Question, Answer: a.Answer})
		}
	}
	return out
}
