// Package sqlstore is planted.
//
// Stability: unsupported; it may change at any time.
package sqlstore

import (
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/google/cel-go/cel" // want vendor-cel
	_ "github.com/jmoiron/sqlx"
	_ "go.uber.org/mock/gomock" // want vendor-mock
	_ "golang.org/x/oauth2"     // want vendor-oidc

	_ "github.com/leadmill/leadmill/adapters/eventlog" // want adapters-imports
	_ "github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	_ "github.com/leadmill/leadmill/application"
	_ "github.com/leadmill/leadmill/domain/buyer"
	_ "github.com/leadmill/leadmill/ports/http" // want adapters-imports
)
