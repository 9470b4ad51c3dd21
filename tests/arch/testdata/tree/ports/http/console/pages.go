// Package console is planted.
//
// Stability: unsupported; it may change at any time.
package console

import (
	_ "github.com/leadmill/leadmill/application/market/command"
	_ "github.com/leadmill/leadmill/application/market/job" // want rooms-apart
	_ "github.com/leadmill/leadmill/application/program/query"

	_ "github.com/leadmill/leadmill/ports/http/program" // want rooms-apart
)
