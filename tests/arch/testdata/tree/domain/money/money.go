// Package money is planted.
//
// Stability: stable.
package money

import (
	_ "github.com/leadmill/leadmill/domain/fault"
	_ "github.com/leadmill/leadmill/domain/lead" // want aggregates-apart stable-on-stable
)
