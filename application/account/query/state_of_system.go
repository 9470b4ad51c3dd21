package query

import (
	"time"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/domain/operator"
)

// StateOfSystem asks how the installation is. Of one with several sellers it is told to none of them.
type StateOfSystem struct{ application.Actor }

// Needs implements application.Message.
func (StateOfSystem) Needs() application.Scope { return application.Program }

// NeedsRole implements application.RoleNeeding.
func (StateOfSystem) NeedsRole() operator.Role { return operator.Owner }

// System is how an installation is. When it is Shared by several sellers, nothing else is told. Tables are the largest first, as they were at SizedAt;
// a zero SizedAt says that they are measured now, in the background.
type System struct {
	Shared     bool
	Version    string
	Consumers  []SystemConsumer
	Parked     []SystemParked
	Jobs       []SystemJob
	Audit      SystemJob // the last one
	AuditAsked bool      // one was asked for that did not begin yet
	Tables     []SystemTable
	SizedAt    time.Time
}

// SystemConsumer says how far a projection or reaction is.
type SystemConsumer struct {
	Name   string
	Lag    int64     // events behind the head of the log
	Oldest time.Time // when the first of these happened; zero when there is none
	Parked int
	Owned  bool // an instance works on it
}

// SystemParked is an event that a consumer could not handle, or that waits for such a one.
type SystemParked struct {
	Consumer, Type             string
	Position                   int64
	AggregateType, AggregateID string
	Attempts                   int
	Error                      string
}

// SystemJob says how a job went.
type SystemJob struct {
	Name, Schedule string
	Next, Started  time.Time
	Result, Reason string // of the last run that ended: ok or failed, and with what
	Failures       int64
}

// SystemTable is how large a table is, with its indexes.
type SystemTable struct {
	Name        string
	Rows, Bytes int64
}
