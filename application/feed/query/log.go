package query

import (
	"fmt"

	"github.com/leadmill/leadmill/domain/fault"
)

var (
	// ErrLogChanged says that a position is of another log than the one that is read, as after the database was restored.
	ErrLogChanged = fault.New(fault.Conflict, "log_changed", "The position is of another log")
	// ErrPositionAhead says that a position is beyond the head of the log, so that it is not of this one.
	ErrPositionAhead = fault.New(fault.Conflict, "position_ahead", "The position is beyond the head of the log")
)

// LogError is ErrLogChanged or ErrPositionAhead with the log that is read and its last position.
type LogError struct {
	Err   *fault.Error
	LogID string
	Head  int64
}

// Error implements error.
func (e *LogError) Error() string {
	return fmt.Sprintf("%s; this is %s, which ends at %d", e.Err.Message, e.LogID, e.Head)
}

// Unwrap returns which of the two it is.
func (e *LogError) Unwrap() error { return e.Err }
