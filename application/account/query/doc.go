// Package query holds what can be asked in the room of whoever uses the installation: sellers, their settings and API keys: one file a question, with its answer.
// Queries skip the domain: an adapter turns rows into answers.
package query
