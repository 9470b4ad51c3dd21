package application

import (
	"time"

	"github.com/leadmill/leadmill/domain/fault"
)

// ErrChangedMeanwhile says that something was changed since it was seen by whoever changes it now. It is only for commands that say what was seen.
var ErrChangedMeanwhile = &fault.Error{
	Kind: fault.Conflict, Code: "changed_meanwhile",
	Message: "Somebody else changed this while you had it open. What you entered is still here: look at what it is now in another window, and save again to replace it.",
}

// CheckSeen returns ErrChangedMeanwhile for what was last changed at another time than somebody saw; the zero time is by whoever did not look.
func CheckSeen(seen, updatedAt time.Time) error {
	if !seen.IsZero() && !seen.Equal(updatedAt) {
		return ErrChangedMeanwhile
	}
	return nil
}
