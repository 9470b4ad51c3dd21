// Package password hashes passwords with argon2id.
//
// Stability: unsupported; it may change at any time.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Argon2id hashes with the parameters that OWASP's password storage cheat sheet gives as its minimum: 19 MiB, two passes,
// one lane.
type Argon2id struct{}

const (
	memoryKiB = 19 * 1024
	passes    = 2
	lanes     = 1
	saltSize  = 16
	keySize   = 32
)

// Hash implements application.PasswordHasher. The hash is a text in the PHC string format.
func (Argon2id) Hash(password string) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key := argon2.IDKey([]byte(password), salt, passes, memoryKiB, lanes, keySize)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, lanes, b64(salt), b64(key)), nil
}

// errHash does not repeat the hash.
var errHash = errors.New("the stored hash of a password is none of argon2id")

// The most that a stored hash may ask for, so that none makes this process use up its memory or time.
const (
	maxMemoryKiB = 256 * 1024
	maxPasses    = 16
	maxLanes     = 16
	maxKeySize   = 128
)

// Verify implements application.PasswordVerifier, with the parameters that the hash names.
func (Argon2id) Verify(password, hash string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, errHash
	}
	var memory, times, threads uint32
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &times, &threads); err != nil || n != 3 || memory < 8 || memory > maxMemoryKiB ||
		times < 1 || times > maxPasses || threads < 1 || threads > maxLanes {
		return false, errHash
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(key) < 16 || len(key) > maxKeySize {
		return false, errHash
	}
	got := argon2.IDKey([]byte(password), salt, times, memory, uint8(threads), uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1, nil
}
