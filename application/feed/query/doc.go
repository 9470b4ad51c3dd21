// Package query holds what can be asked of the event feed: one file a question, with its answer.
package query
