// Package market is planted.
//
// Stability: unsupported; it may change at any time.
package market

import (
	_ "github.com/leadmill/leadmill/application/market/command"
	_ "github.com/leadmill/leadmill/application/program"       // want rooms-apart
	_ "github.com/leadmill/leadmill/application/program/query" // want rooms-apart
	_ "github.com/leadmill/leadmill/ports/http"
	_ "github.com/leadmill/leadmill/ports/http/program" // want rooms-apart
)
