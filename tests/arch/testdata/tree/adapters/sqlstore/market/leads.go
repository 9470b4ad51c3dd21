// Package market is planted.
//
// Stability: unsupported; it may change at any time.
package market

import (
	_ "github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
	_ "github.com/leadmill/leadmill/adapters/sqlstore/program" // want rooms-apart
	_ "github.com/leadmill/leadmill/application/market/query"
	_ "github.com/leadmill/leadmill/application/program"
	_ "github.com/leadmill/leadmill/application/program/query" // want rooms-apart
)

const (
	_ = "SELECT l.id, COALESCE(s.id, 'none') FROM leads l LEFT JOIN sales s ON s.lead_id = l.id WHERE l.id = ?"
	_ = "SELECT l.id FROM leads l JOIN sales s ON s.lead_id = COALESCE(l.id, ?)"
	_ = "SELECT l.id FROM leads l LEFT JOIN sales s ON " + // want outer-joins
		"s.lead_id = COALESCE(l.id, ?)"
	_ = `SELECT l.id FROM leads l LEFT JOIN sales s ON s.lead_id = l.id WHERE IFNULL(s.id, '') = ?` // want outer-joins
)
