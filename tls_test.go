package leadmill

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pair is a certificate for leads.example.com that signs itself, and its key, as files have them.
type pair struct{ cert, key []byte }

func newPair(t *testing.T, serial int64) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"leads.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pair{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
}

// lockedLog is a log that a test reads while it is written.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestTLS serves by https alone, with HSTS, and takes renewed files without a restart; broken ones change nothing.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	replace := func(file string, content []byte) {
		t.Helper()
		require.NoError(t, os.WriteFile(file+".new", content, 0o600))
		require.NoError(t, os.Rename(file+".new", file))
	}
	config := Config{
		HTTPAddr: "127.0.0.1:0", DatabaseURL: "sqlite:" + filepath.Join(dir, "leadmill.db"), BatchMax: 1, MailDir: dir, TLSCert: certFile, TLSKey: keyFile,
	}
	_, err := New().Start(t.Context(), config, StartOptions{})
	require.ErrorContains(t, err, "LEADMILL_TLS_CERT")
	first, second := newPair(t, 1), newPair(t, 2)
	replace(certFile, first.cert)
	replace(keyFile, second.key)
	_, err = New().Start(t.Context(), config, StartOptions{})
	require.ErrorContains(t, err, "LEADMILL_TLS_KEY", "a key of another certificate")
	replace(keyFile, first.key)
	var log lockedLog
	i, err := New().Start(t.Context(), config, StartOptions{Logs: &log})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(i.URL(), "https://127.0.0.1:"), i.URL())

	// ask returns what a new connection is told about staying at https, and the serial number of the certificate.
	ask := func(host string) (strict string, serial int64) {
		t.Helper()
		transport := &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // whose it is, is looked at
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.URL()+"/livez", nil)
		require.NoError(t, err)
		r.Host = host
		answer, err := transport.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.GreaterOrEqual(t, answer.TLS.Version, uint16(tls.VersionTLS12))
		require.Equal(t, 2, answer.ProtoMajor)
		return answer.Header.Get("Strict-Transport-Security"), answer.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	strict, serial := ask("leads.example.com")
	assert.Equal(t, int64(1), serial)
	assert.Equal(t, "max-age=31536000", strict)
	strict, _ = ask("localhost")
	assert.Empty(t, strict, "of other programs there too")

	plain, err := http.Get(strings.Replace(i.URL(), "https:", "http:", 1) + "/livez")
	require.NoError(t, err)
	require.NoError(t, plain.Body.Close())
	assert.Equal(t, http.StatusBadRequest, plain.StatusCode, "by http")

	const kept = "the one before is used"
	replace(certFile, second.cert)
	_, serial = ask("")
	assert.Equal(t, int64(1), serial, "half of a renewal")
	_, serial = ask("")
	assert.Equal(t, int64(1), serial)
	assert.Equal(t, 1, strings.Count(log.String(), kept), "said once")
	replace(keyFile, second.key)
	_, serial = ask("")
	assert.Equal(t, int64(2), serial, "renewed")
	require.NoError(t, os.Remove(certFile))
	_, serial = ask("")
	assert.Equal(t, int64(2), serial, "removed")
	_, serial = ask("")
	assert.Equal(t, int64(2), serial)
	assert.Equal(t, 2, strings.Count(log.String(), kept))
	replace(certFile, second.cert)
	_, serial = ask("")
	assert.Equal(t, int64(2), serial)
	assert.NotContains(t, log.String(), "PRIVATE KEY")
	require.NoError(t, i.Stop())
}

func TestTLSNeedsBothFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{{TLSCert: "cert.pem"}, {TLSKey: "key.pem"}} {
		var wrong []string
		c.checkTLS(func(name, _ string, _ ...any) { wrong = append(wrong, name) })
		require.Len(t, wrong, 1)
		assert.Equal(t, c.TLSCert == "", wrong[0] == "LEADMILL_TLS_CERT")
	}
}
