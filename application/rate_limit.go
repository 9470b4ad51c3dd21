package application

import "github.com/leadmill/leadmill/domain/seller"

// RateLimit is how many requests may come in a fixed window. The zero RateLimit is no limit. Ports must not import
// aggregates, so they take it from here.
type RateLimit = seller.RateLimit
