package market

import (
	"context"
	"slices"
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
	"github.com/leadmill/leadmill/domain/lead"
)

// ErrErasureNotFound says that a seller has no erasure of an id.
var ErrErasureNotFound = fault.New(fault.NotFound, "erasure_not_found", "Erasure not found.")

// ErasureSubject says what an erasure was asked to erase.
type ErasureSubject string

// The subjects of erasures. SubjectRestore is what a database that was restored from a backup holds again.
const (
	SubjectEmail    ErasureSubject = "email"
	SubjectPhone    ErasureSubject = "phone"
	SubjectCustomer ErasureSubject = "customer"
	SubjectLead     ErasureSubject = "lead"
	SubjectRestore  ErasureSubject = "restore"
)

// ErasureState is where an erasure stands.
type ErasureState string

// The states of an erasure.
const (
	ErasurePending ErasureState = "pending"
	ErasureRunning ErasureState = "running"
	ErasureDone    ErasureState = "done"
)

// Erasure is a request to erase what a seller holds of somebody. Person and CustomerID say of whom; both are forgotten when it is done.
// Leads above LastLead and customers above LastCustomer came after the request and are left alone.
type Erasure struct {
	SellerID, ID           string
	Subject                ErasureSubject
	Person                 lead.Person
	CustomerID             string
	LastLead, LastCustomer string
	RequestedAt            time.Time
}

// ErasureCounts are how much an erasure erased. FormAnswers are answers to questions of the lead form, Answers stored responses under
// Idempotency-Keys, Requests those of the last minute by which double clicks are known.
type ErasureCounts struct{ Leads, FormAnswers, Customers, Mails, Answers, Claims, Requests int64 }

// ErasureRun is how far the open erasures of a seller came: they go through its rows together. Stage is empty while none runs. Step grows
// with each change, so that of two who go on from the same place one does nothing.
type ErasureRun struct {
	SellerID     string
	Stage, Place string
	Step         int64
}

// HeldLead is a lead with all that tells whose it is.
type HeldLead struct {
	ID         string
	Erased     bool
	Fields     field.Set
	Email      string // of a form lead
	Answers    []string
	CustomerID string // of a form lead that became a customer
}

// Holds reports whether the lead holds something of a person: in its fields, as the email of a form lead, or as one of its answers.
func (l HeldLead) Holds(p lead.Person) bool {
	return p.Is(l.Email) || p.In(l.Fields) || slices.ContainsFunc(l.Answers, p.Is)
}

// ErasedLead is a lead that holds nothing of a person any more.
type ErasedLead struct {
	ID string
	At time.Time
}

// HeldReview is what a form lead has besides its row: how many answers, and the customer that it became.
type HeldReview struct {
	Answers    int
	CustomerID string
}

// MarkKind is a kind of marks by which a lead is found again.
type MarkKind string

// The kinds of marks.
const (
	MarkClaims   MarkKind = "claims"
	MarkRequests MarkKind = "requests"
)

// Mark is a claim or a recent request of a lead.
type Mark struct {
	Key    [32]byte
	LeadID string
}

// ErasureReader reads for erasures, outside of a transaction.
type ErasureReader interface {
	// SellersToErase returns the sellers that have open erasures.
	SellersToErase(ctx context.Context) ([]string, error)
	// ErasureRun returns how far those of a seller came.
	ErasureRun(ctx context.Context, sellerID string) (ErasureRun, error)
	// RunningErasures returns those of a seller that go through its rows now.
	RunningErasures(ctx context.Context, sellerID string) ([]Erasure, error)
	// ErasedBy returns, for those of some ids whose lead or customer an erasure erased, that erasure's id.
	ErasedBy(ctx context.Context, sellerID string, ids []string) (map[string]string, error)
	// ErasedLeadsAfter looks at up to limit leads with ids above after, in the order of their ids, and returns those that are erased, and
	// the id of the last one that it looked at; empty behind the last.
	ErasedLeadsAfter(ctx context.Context, sellerID, after string, limit int) (erased []ErasedLead, last string, err error)
	// LastLead returns the highest id of a seller's leads; empty without leads.
	LastLead(ctx context.Context, sellerID string) (string, error)
	// HeldLeadsAfter returns up to limit leads with ids above after, in the order of their ids.
	HeldLeadsAfter(ctx context.Context, sellerID, after string, limit int) ([]HeldLead, error)
	// MarksAfter returns up to limit marks with keys above after, in the order of their keys; a nil after is before the first.
	MarksAfter(ctx context.Context, kind MarkKind, sellerID string, after []byte, limit int) ([]Mark, error)
}

// ErasureRepository stores erasures and how far they came. Runs are locked before all that an erasure changes.
type ErasureRepository interface {
	// Add stores a new, pending erasure.
	Add(ctx context.Context, e Erasure) error
	// LockRun locks how far the erasures of a seller came.
	LockRun(ctx context.Context, sellerID string) (ErasureRun, error)
	// SaveRun stores a locked run; its Step becomes one more.
	SaveRun(ctx context.Context, r ErasureRun) error
	// Start lets up to limit pending erasures of a seller run, the oldest first, and returns them.
	Start(ctx context.Context, sellerID string, limit int) ([]Erasure, error)
	// Finish says that the running erasures of a seller are done, and forgets whom they were about.
	Finish(ctx context.Context, sellerID string, at time.Time) error
	// Count adds to the counts of an erasure.
	Count(ctx context.Context, sellerID, erasureID string, more ErasureCounts) error
	// Note keeps that leads and customers were erased because of an erasure.
	Note(ctx context.Context, sellerID, erasureID string, leads, customers []string) error
	// Leads returns those of some leads that are there, and whether they are erased.
	Leads(ctx context.Context, sellerID string, ids []string) (erased map[string]bool, err error)
	// Reviews returns what the form leads among some leads have.
	Reviews(ctx context.Context, sellerID string, ids []string) (map[string]HeldReview, error)
	// DeleteMarks deletes marks as long as they are of the leads that are given with them.
	DeleteMarks(ctx context.Context, kind MarkKind, sellerID string, marks []Mark) error
}

// Erasing is what the commands that erase need of other rooms.
type Erasing struct {
	Reader    ErasureReader
	Customers application.CustomerWalk
	Answers   application.AnswerWalk
}
