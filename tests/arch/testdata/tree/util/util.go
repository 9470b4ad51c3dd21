// Package util is planted.
//
// Stability: unsupported; it may change at any time.
package util // want layout
