// Package sdk generates the clients in sdk/go and sdk/typescript from the OpenAPI document and the schemas of the events. What needs
// Node.js is written by scripts/generate-typescript.sh, which make generate runs.
//
// Stability: unsupported; it may change at any time.
package sdk

//go:generate ./generate.sh
