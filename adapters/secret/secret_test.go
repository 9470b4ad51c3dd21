package secret_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/leadmill/leadmill/adapters/secret"
	"github.com/leadmill/leadmill/application"
)

var key = strings.Repeat("k", 32)

func sealer(t *testing.T, key, file string) *secret.Sealer {
	t.Helper()
	s, err := secret.New(key, file)
	require.NoError(t, err)
	return s
}

func TestWhatIsSealedOpensForTheSameAlone(t *testing.T) {
	t.Parallel()
	s := sealer(t, key, "")
	plain := []byte("whsec_canary")
	sealed, err := s.Seal(plain, "delivery", "contract_1")
	require.NoError(t, err)
	assert.NotContains(t, string(sealed), "canary")
	assert.EqualValues(t, 1, sealed[0], "the version")
	again, err := s.Seal(plain, "delivery", "contract_1")
	require.NoError(t, err)
	assert.NotEqual(t, sealed, again, "nobody sees that two secrets are the same")

	for _, other := range []*secret.Sealer{s, sealer(t, key, "ignored"), sealer(t, key, "")} {
		got, err := other.Open(sealed, "delivery", "contract_1")
		require.NoError(t, err)
		assert.Equal(t, plain, got)
	}
	for name, c := range map[string]struct {
		by          *secret.Sealer
		purpose, id string
	}{
		"another row":        {s, "delivery", "contract_2"},
		"another purpose":    {s, "deliver", "contract_1"},
		"the same joined":    {s, "deliveryc", "ontract_1"},
		"nothing":            {s, "", ""},
		"another key":        {sealer(t, key+"k", ""), "delivery", "contract_1"},
		"a key that is like": {sealer(t, strings.ToUpper(key), ""), "delivery", "contract_1"},
	} {
		_, err := c.by.Open(sealed, c.purpose, c.id)
		require.ErrorIs(t, err, application.ErrSecretUnreadable, name)
	}
	for i := range sealed {
		changed := append([]byte(nil), sealed...)
		changed[i] ^= 1
		_, err := s.Open(changed, "delivery", "contract_1")
		require.ErrorIs(t, err, application.ErrSecretUnreadable, "byte %d", i)
		_, err = s.Open(sealed[:i], "delivery", "contract_1")
		require.ErrorIs(t, err, application.ErrSecretUnreadable, "%d bytes", i)
	}
	_, err = s.Open(nil, "delivery", "contract_1")
	require.ErrorIs(t, err, application.ErrSecretUnreadable)
}

// sealedBefore was sealed with key, for the contract_1 of deliveries.
const sealedBefore = "AfqDuwuf32bkXU9kETY2G6YcD6Z8VUibrWVDF+mb57jN8JKgC2f9heg="

// TestWhatEarlierVersionsSealedOpens holds the form that is in databases.
func TestWhatEarlierVersionsSealedOpens(t *testing.T) {
	t.Parallel()
	sealed, err := base64.StdEncoding.DecodeString(sealedBefore)
	require.NoError(t, err)
	got, err := sealer(t, key, "").Open(sealed, "delivery", "contract_1")
	require.NoError(t, err)
	assert.Equal(t, "whsec_canary", string(got))
}

func TestEmptySecrets(t *testing.T) {
	t.Parallel()
	s := sealer(t, key, "")
	sealed, err := s.Seal(nil, "", "")
	require.NoError(t, err)
	got, err := s.Open(sealed, "", "")
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, right := range []string{key, strings.Repeat("~", 255), strings.Repeat("!", 32)} {
		require.NoError(t, secret.CheckKey(right))
	}
	for _, wrong := range []string{"", "canary", strings.Repeat("k", 31), strings.Repeat("k", 256), key + " ", key + "\n", strings.Repeat("é", 32), key + "\x7f"} {
		require.EqualError(t, secret.CheckKey(wrong), "must be 32 to 255 visible ASCII characters")
		if wrong != "" {
			_, err := secret.New(wrong, "")
			require.EqualError(t, err, "must be 32 to 255 visible ASCII characters")
		}
	}
}

func TestWithoutAKey(t *testing.T) {
	t.Parallel()
	s := sealer(t, "", "")
	_, err := s.Seal([]byte("canary"), "delivery", "contract_1")
	require.ErrorIs(t, err, application.ErrSecretKeyMissing)
	sealed, err := sealer(t, key, "").Seal([]byte("canary"), "delivery", "contract_1")
	require.NoError(t, err)
	_, err = s.Open(sealed, "delivery", "contract_1")
	require.ErrorIs(t, err, application.ErrSecretKeyMissing)
}

func TestTheKeyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "leadmill.db.key")
	s := sealer(t, "", file)
	assert.NoFileExists(t, file, "nothing is made before something is sealed")
	sealed, err := s.Seal([]byte("canary"), "delivery", "contract_1")
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing else is left")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Regexp(t, `^[A-Z2-7]{52}\n$`, string(content))

	for _, other := range []*secret.Sealer{sealer(t, "", file), sealer(t, strings.TrimSpace(string(content)), "")} { // the next start; a move to MySQL
		got, err := other.Open(sealed, "delivery", "contract_1")
		require.NoError(t, err)
		assert.Equal(t, "canary", string(got))
	}
	next := sealer(t, "", file)
	_, err = next.Seal(nil, "", "")
	require.NoError(t, err)
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, content, kept, "the key that is there stays")

	require.NoError(t, os.Remove(file))
	_, err = sealer(t, "", file).Open(sealed, "delivery", "contract_1")
	require.ErrorIs(t, err, application.ErrSecretUnreadable)
	assert.ErrorContains(t, errors.Unwrap(err), file+" is gone")
	assert.NoFileExists(t, file, "what is to be opened makes no key")
}

func TestKeyFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	sealed, err := sealer(t, key, "").Seal(nil, "", "")
	require.NoError(t, err)
	for name, content := range map[string]string{"empty": "", "short": "canary\n", "two lines": key + "\n" + key + "\n"} {
		file := filepath.Join(t.TempDir(), "leadmill.db.key")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		for _, err := range []error{second(sealer(t, "", file).Open(sealed, "", "")), second(sealer(t, "", file).Seal(nil, "", ""))} {
			require.ErrorIs(t, err, application.ErrSecretUnreadable, name)
			assert.ErrorContains(t, errors.Unwrap(err), file)
			assert.NotContains(t, errors.Unwrap(err).Error(), "canary")
		}
		kept, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, content, string(kept), "nothing is written over")
	}
	folder := filepath.Join(t.TempDir(), "none", "leadmill.db.key")
	require.ErrorIs(t, second(sealer(t, "", folder).Seal(nil, "", "")), application.ErrUnavailable)
	require.ErrorIs(t, second(sealer(t, "", t.TempDir()).Seal(nil, "", "")), application.ErrUnavailable)

	file := filepath.Join(t.TempDir(), "leadmill.db.key")
	s := sealer(t, "", file)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.ErrorIs(t, second(s.Seal(nil, "", "")), application.ErrSecretUnreadable)
	require.NoError(t, os.WriteFile(file, []byte(key+"\r\n"), 0o600))
	require.NoError(t, second(s.Seal(nil, "", "")), "it is read again once it is mended")
}

func second[T any](_ T, err error) error { return err }

// TestManyMakeOneKey: processes that begin at once on one database seal with one key.
func TestManyMakeOneKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "leadmill.db.key")
	const many = 32
	sealed := make([][]byte, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			var err error
			sealed[i], err = sealer(t, "", file).Seal([]byte("canary"), "delivery", "contract_1")
			assert.NoError(t, err)
		})
	}
	all.Wait()
	s := sealer(t, "", file)
	for i := range many {
		_, err := s.Open(sealed[i], "delivery", "contract_1")
		require.NoError(t, err)
	}
}
