// Package mocks holds mocks of what the application needs from outside, for tests that need an answer no real adapter
// gives. Storage is never mocked: SQLite in a temporary file is the fake.
//
// Stability: unsupported; it may change at any time.
package mocks

//go:generate go tool -modfile=../../tools.mod mockgen -destination ports.gen.go -package mocks github.com/leadmill/leadmill/application KeyReader,PasswordHasher
//go:generate go tool -modfile=../../tools.mod mockgen -destination market.gen.go -package mocks github.com/leadmill/leadmill/application/market ReplayReader,CampaignReader
