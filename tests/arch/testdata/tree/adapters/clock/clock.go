// Package clock is planted.
//
// Stability: unsupported.
package clock // want stability

import "time"

var _ = time.Now
