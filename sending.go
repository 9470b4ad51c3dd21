package leadmill

import (
	"fmt"

	"github.com/leadmill/leadmill/adapters/outbound"
	"github.com/leadmill/leadmill/adapters/secret"
	"github.com/leadmill/leadmill/adapters/sqlstore/dialect"
	"github.com/leadmill/leadmill/application"
)

// newOutbound returns what sends requests to addresses of sellers.
func newOutbound(c Config, closing *closers) application.Outbound {
	client := outbound.New(c.OutboundAllow, Version())
	closing.add("connections to addresses of sellers", client.Close)
	return client
}

// keyEnd is what the name of an SQLite database is followed by in the name of its key file.
const keyEnd = ".key"

// keyFile returns where the key of secrets is without one in the settings; empty on a server.
func (c Config) keyFile() string {
	if file, ok := dialect.SQLiteFile(c.DatabaseURL); ok && c.SecretKey == "" {
		return file + keyEnd
	}
	return ""
}

// newSealer returns what keeps secrets: with the key of the settings, or with the one beside an SQLite database.
func newSealer(c Config) (application.Sealer, error) {
	sealer, err := secret.New(c.SecretKey, c.keyFile())
	if err != nil {
		return nil, fmt.Errorf("LEADMILL_SECRET_KEY %w", err)
	}
	return sealer, nil
}
