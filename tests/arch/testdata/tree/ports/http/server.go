// Package http is planted.
//
// Stability: experimental.
package http

import (
	_ "github.com/ThreeDotsLabs/watermill" // want vendor-watermill
	_ "github.com/gin-gonic/gin"
	_ "github.com/gin-gonic/gin/binding"

	_ "github.com/leadmill/leadmill/adapters/clock" // want ports-imports
	_ "github.com/leadmill/leadmill/application"
	_ "github.com/leadmill/leadmill/application/market/command" // want shared-floor room-insides
	_ "github.com/leadmill/leadmill/domain/distribution"        // want ports-imports
	_ "github.com/leadmill/leadmill/domain/fault"
	_ "github.com/leadmill/leadmill/domain/lead"  // want ports-imports
	_ "github.com/leadmill/leadmill/ports/events" // want ports-imports
	_ "github.com/leadmill/leadmill/ports/http/internal/wire"
)
