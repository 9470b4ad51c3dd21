// Package query holds the questions about sellers, their settings and API keys: one file a question, with its result.
// Queries skip the domain: an adapter turns rows into results.
//
// Stability: experimental.
package query
