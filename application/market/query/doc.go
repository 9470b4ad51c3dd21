// Package query holds what can be asked in the room of the lead marketplace: one file a question, with its answer.
// Queries skip the domain: an adapter turns rows into answers.
package query
