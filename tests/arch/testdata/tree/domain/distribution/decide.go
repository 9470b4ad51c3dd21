// Package distribution is planted.
//
// Stability: stable.
package distribution // want stability

import (
	_ "github.com/leadmill/leadmill/domain/buyer"
	_ "github.com/leadmill/leadmill/domain/campaign"
)
