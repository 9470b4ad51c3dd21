// Package contact is planted.
//
// Stability: experimental.
package contact // want stability

import (
	_ "log/slog"
	_ "net/http" // want domain-imports
	_ "net/url"
)
