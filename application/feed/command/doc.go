// Package command holds the use cases that change something of webhooks: one file a use case, named after it, with the command, its result and its
// handler. What several use cases share has a file of its own.
//
// Stability: experimental.
package command
