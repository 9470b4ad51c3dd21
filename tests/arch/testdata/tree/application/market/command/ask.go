// Package command says it a second time.
//
// Stability: experimental.
package command
