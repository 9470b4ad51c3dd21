// Package leadmill is planted.
//
// Stability: experimental.
package leadmill

import (
	_ "github.com/ThreeDotsLabs/watermill"
	_ "github.com/gin-gonic/gin" // want vendor-gin
	_ "github.com/jmoiron/sqlx"  // want vendor-sql
	_ "go.uber.org/fx"

	_ "github.com/leadmill/leadmill/adapters/sqlstore"
	_ "github.com/leadmill/leadmill/ports/http"
	_ "github.com/leadmill/leadmill/tests/dbtest"
)
