// Package eventsv1 is planted.
//
// Stability: stable.
package eventsv1

import (
	_ "encoding/json"

	_ "github.com/govalues/decimal"               // want eventsv1-alone application-imports
	_ "github.com/leadmill/leadmill/domain/money" // want eventsv1-alone
)
