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
