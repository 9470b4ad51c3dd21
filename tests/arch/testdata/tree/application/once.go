// Package application is planted.
//
// Stability: experimental.
package application

import (
	_ "github.com/leadmill/leadmill/application/bus"
	_ "github.com/leadmill/leadmill/application/market" // want shared-floor
)
