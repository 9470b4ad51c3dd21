// Package query holds the questions about the lead marketplace: one file a question, with its result. Queries skip the
// domain: an adapter turns rows into results.
//
// Stability: experimental.
package query
