// Package market is planted.
//
// Stability: unsupported; it may change at any time.
package market

import (
	_ "github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	_ "github.com/leadmill/leadmill/adapters/sqlstore/program" // want rooms-apart
	_ "github.com/leadmill/leadmill/application/market/query"
	_ "github.com/leadmill/leadmill/application/program"
	_ "github.com/leadmill/leadmill/application/program/query" // want rooms-apart
)
