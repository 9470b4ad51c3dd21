// Package dbtest is planted.
//
// Stability: unsupported; it may change at any time.
//
// Stability: unsupported; it may change at any time.
package dbtest // want stability

import (
	_ "github.com/jmoiron/sqlx"
	_ "go.uber.org/mock/gomock"
	"time"

	_ "github.com/leadmill/leadmill/adapters/sqlstore"
)

var _ = time.Now
