package dbtest

import (
	_ "github.com/jmoiron/sqlx"
	_ "go.uber.org/mock/gomock"
	"time"

	_ "github.com/leadmill/leadmill/adapters/sqlstore"
)

var _ = time.Now
