package password_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/argon2"

	"github.com/leadmill/leadmill/adapters/password"
	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/tests/leadmilltest"
)

func TestHash(t *testing.T) {
	t.Parallel()
	hash, err := password.Argon2id{}.Hash("Passw0rd-ü")
	require.NoError(t, err)
	parts := strings.Split(hash, "$")
	require.Len(t, parts, 6)
	assert.Equal(t, []string{"", "argon2id", "v=19", "m=19456,t=2,p=1"}, parts[:4])
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	require.NoError(t, err)
	assert.Len(t, salt, 16)
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	require.NoError(t, err)
	assert.Equal(t, argon2.IDKey([]byte("Passw0rd-ü"), salt, 2, 19456, 1, 32), key)
}

func TestContract(t *testing.T) {
	t.Parallel()
	leadmilltest.TestPasswordHasher(t, func(*testing.T) application.PasswordHasher { return password.Argon2id{} })
}

func TestPasswordsAreVerified(t *testing.T) {
	t.Parallel()
	hasher := password.Limit(password.Argon2id{}, 1, 1)
	hash, err := hasher.Hash("correct horse")
	require.NoError(t, err)
	for given, want := range map[string]bool{"correct horse": true, "correct horsf": false, "": false} {
		same, err := hasher.Verify(given, hash)
		require.NoError(t, err)
		assert.Equal(t, want, same, "%q", given)
	}
	for _, wrong := range []string{
		"", "!", hash[:len(hash)-50], strings.Replace(hash, "argon2id", "argon2i", 1), strings.Replace(hash, "v=19", "v=16", 1), strings.Replace(hash, "m=19456", "m=99999999", 1),
		strings.Replace(hash, "t=2", "t=0", 1), strings.Replace(hash, "p=1", "p=99", 1), strings.Replace(hash, "m=19456", "m=x", 1), hash + "$", "$argon2id$v=19$m=19456,t=2,p=1$?$?",
	} {
		same, err := hasher.Verify("correct horse", wrong)
		require.Error(t, err, wrong)
		assert.False(t, same)
		if wrong != "" {
			assert.NotContains(t, err.Error(), wrong)
		}
	}
}

func TestAHasherThatVerifiesNothingSaysSo(t *testing.T) {
	t.Parallel()
	_, err := password.Limit(&gate{}, 1, 1).Verify("secret", "hash")
	assert.ErrorContains(t, err, "verifies no passwords")
}
