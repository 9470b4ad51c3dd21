package money

import (
	_ "github.com/leadmill/leadmill/domain/fault"
	_ "github.com/leadmill/leadmill/domain/lead" // want aggregates-apart
)
