// Package command is planted.
//
// Stability: experimental.
package command // want stability

import (
	_ "context"
	_ "database/sql"                               // want application-imports
	_ "github.com/ThreeDotsLabs/watermill/message" // want application-imports vendor-watermill
	_ "net/http"                                   // want application-imports
	clock "time"

	_ "github.com/leadmill/leadmill"                   // want application-imports
	_ "github.com/leadmill/leadmill/adapters/sqlstore" // want application-imports
	_ "github.com/leadmill/leadmill/application"
	_ "github.com/leadmill/leadmill/application/market"
	_ "github.com/leadmill/leadmill/application/market/query"
	_ "github.com/leadmill/leadmill/application/program"
	_ "github.com/leadmill/leadmill/application/program/command" // want rooms-apart
	_ "github.com/leadmill/leadmill/domain/lead"
	_ "github.com/leadmill/leadmill/ports/http" // want application-imports
)

var (
	_ = clock.Since               // want wall-clock
	_ = clock.Until(clock.Time{}) // want wall-clock
	_ = clock.UTC
)
