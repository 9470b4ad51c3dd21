package distribution

import (
	_ "github.com/leadmill/leadmill/domain/buyer"
	_ "github.com/leadmill/leadmill/domain/campaign"
)
