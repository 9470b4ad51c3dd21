// Package buyer is planted.
//
// Stability: unsupported; it may change at any time.
package buyer // want stability

import (
	"context"          // want domain-imports
	_ "database/sql"   // want domain-imports
	_ "log/slog"       // want domain-imports
	_ "net/http/pprof" // want domain-imports
	"time"

	_ "github.com/gin-gonic/gin" // want domain-imports vendor-gin
	_ "github.com/govalues/decimal"

	_ "github.com/leadmill/leadmill/application"         // want domain-imports
	"github.com/leadmill/leadmill/domain/campaign"       // want aggregates-apart
	_ "github.com/leadmill/leadmill/domain/distribution" // want aggregates-apart
	"github.com/leadmill/leadmill/domain/event"
)

// Buyer has an exported field, a tag, an embedded struct and a float.
type Buyer struct {
	event.Recorder

	Name              string  // want aggregates-private
	balance           float64 // want domain-floats
	id                string  `json:"id"` // want domain-tags
	campaign.Campaign         // want aggregates-private
	ctx               context.Context
}

// Snapshot embeds no Recorder and may have exported fields.
type Snapshot struct{ Name string }

// Pause asks the machine for the time.
func (b *Buyer) Pause() time.Time { return time.Now() } // want wall-clock
