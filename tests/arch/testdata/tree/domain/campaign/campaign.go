// Package campaign is planted.
//
// Stability: experimental.
package campaign

import e "github.com/leadmill/leadmill/domain/event"

// Campaign knows the Recorder under another name.
type Campaign struct {
	*e.Recorder
	ID string // want aggregates-private
}
