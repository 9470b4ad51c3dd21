// Package command is planted.
//
// Stability: stable.
package command // want layout stability
