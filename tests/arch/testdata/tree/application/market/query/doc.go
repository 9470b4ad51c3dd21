// Package query says it before its comment ends.
//
// Stability: experimental.
//
// There is more to say.
package query // want stability
