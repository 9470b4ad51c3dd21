package httpport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
)

// Certificate is the TLS certificate of a server in two files, which are read again when they change: a renewed one is used from the next
// connection on.
type Certificate struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	seen   [2]fs.FileInfo // the files when they were read last, whether they could be used or not
}

// OpenCertificate reads a certificate, with those that it is signed by behind it, and its key, both PEM. The error names what is wrong and
// holds nothing of the key.
func OpenCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{cert: certFile, key: keyFile, log: log}
	seen, err := c.look()
	if err != nil {
		return nil, err
	}
	if c.loaded, err = c.load(); err != nil {
		return nil, err
	}
	c.seen = seen
	return c, nil
}

// Config returns how a server uses the certificate: TLS 1.2 and later.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.current}
}

// current returns the certificate as the files have it. While one of them is missing, half written, or not of the other, that is the one
// before, and the log says so once.
func (c *Certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, err := c.look()
	if err == nil && same(c.seen[0], seen[0]) && same(c.seen[1], seen[1]) || err != nil && c.seen[0] == nil {
		return c.loaded, nil
	}
	c.seen = seen
	var fresh *tls.Certificate
	if err == nil {
		fresh, err = c.load()
	}
	if err != nil {
		c.log.LogAttrs(context.Background(), slog.LevelError, "the TLS certificate cannot be read again; the one before is used", slog.Any("error", err))
		return c.loaded, nil
	}
	c.loaded = fresh
	c.log.LogAttrs(context.Background(), slog.LevelInfo, "the TLS certificate was read again", slog.Time("valid_until", fresh.Leaf.NotAfter))
	return c.loaded, nil
}

func (c *Certificate) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("LEADMILL_TLS_CERT and LEADMILL_TLS_KEY: %w", err)
	}
	return &pair, nil
}

// look returns what the files are now; none of them with an error.
func (c *Certificate) look() (seen [2]fs.FileInfo, err error) {
	for i, name := range []string{c.cert, c.key} {
		var failed error
		seen[i], failed = os.Stat(name)
		err = errors.Join(err, failed)
	}
	if err != nil {
		return [2]fs.FileInfo{}, fmt.Errorf("LEADMILL_TLS_CERT and LEADMILL_TLS_KEY: %w", err)
	}
	return seen, nil
}

// same reports whether a file was not changed or replaced in between.
func same(before, now fs.FileInfo) bool {
	return before != nil && os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size()
}
