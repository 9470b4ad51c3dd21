package query

import (
	"fmt"

	"github.com/leadmill/leadmill/domain/fault"
)

// ErrPositionArchived says that the events behind a position are no longer in the log.
var ErrPositionArchived = fault.New(fault.Gone, "position_archived", "The events behind this position were archived")

// ArchivedError is ErrPositionArchived with the first position in the log: who goes on after First-1 lacks the events before.
type ArchivedError struct{ First int64 }

// Error implements error.
func (e *ArchivedError) Error() string {
	return fmt.Sprintf("%s; the log begins at %d", ErrPositionArchived.Message, e.First)
}

// Unwrap returns ErrPositionArchived.
func (*ArchivedError) Unwrap() error { return ErrPositionArchived }
