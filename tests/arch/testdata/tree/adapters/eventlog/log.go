// Package eventlog is planted.
//
// Stability: unsupported; it may change at any time.
package eventlog

import (
	_ "github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"

	_ "github.com/leadmill/leadmill/adapters/sqlstore" // want adapters-imports
	_ "github.com/leadmill/leadmill/adapters/sqlstore/dialect"
)
