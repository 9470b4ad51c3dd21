// Package query holds the questions to the event feed: one file a question, with its result.
//
// Stability: experimental.
package query
