// Package secret seals secrets that must be readable again, with the key of the installation.
//
// Stability: unsupported; it may change at any time.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"sync"

	"github.com/leadmill/leadmill/application"
)

// The bounds of a key's length, which is of visible ASCII characters.
const (
	minKey = 32
	maxKey = 255
)

// errKey does not repeat the key.
var errKey = errors.New("must be 32 to 255 visible ASCII characters")

// CheckKey reports what is wrong with LEADMILL_SECRET_KEY.
func CheckKey(key string) error {
	if len(key) < minKey || len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errKey
	}
	return nil
}

// version begins what is sealed, so that another way of sealing can be told from this one.
const version = 1

// context of the key's derivation: another use of the same LEADMILL_SECRET_KEY gets another key by another text.
const info = "leadmill seal 1"

// Sealer implements application.Sealer: AES-256-GCM with a random nonce, by a key that HKDF-SHA256 derives. What it seals is the version's
// byte, the nonce, and the secret with its tag.
type Sealer struct {
	// key returns the installation's key; makes says that one may be made.
	key func(makes bool) (string, error)

	mu   sync.Mutex
	aead cipher.AEAD // nil until the key is known
}

var _ application.Sealer = (*Sealer)(nil)

// New returns a Sealer with a key of the settings, or, where that is empty, with the one of a file, which it makes when it seals the first
// time. Without either it seals and opens nothing. A key that CheckKey refuses is an error.
func New(key, file string) (*Sealer, error) {
	switch {
	case key != "":
		if err := CheckKey(key); err != nil {
			return nil, err
		}
		return &Sealer{key: func(bool) (string, error) { return key, nil }}, nil
	case file != "":
		return &Sealer{key: func(makes bool) (string, error) { return fromFile(file, makes) }}, nil
	}
	return &Sealer{key: func(bool) (string, error) { return "", application.ErrSecretKeyMissing }}, nil
}

// Seal implements application.Sealer.
func (s *Sealer) Seal(plain []byte, purpose, id string) ([]byte, error) {
	aead, err := s.ready(true)
	if err != nil {
		return nil, err
	}
	return append([]byte{version}, aead.Seal(nil, nil, plain, bound(purpose, id))...), nil //nolint:gosec // this AEAD draws the nonce itself and takes none
}

var (
	errForm    = errors.New("it is in no form that this version knows")
	errOpening = errors.New("the key is another, it was sealed for something else, or it is damaged")
)

// Open implements application.Sealer.
func (s *Sealer) Open(sealed []byte, purpose, id string) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != version {
		return nil, application.ErrSecretUnreadable.Because(errForm)
	}
	aead, err := s.ready(false)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed[1:], bound(purpose, id))
	if err != nil {
		return nil, application.ErrSecretUnreadable.Because(errOpening)
	}
	return plain, nil
}

// bound is the additional data: no two pairs of purpose and id have the same.
func bound(purpose, id string) []byte {
	b := append([]byte{version}, binary.AppendUvarint(nil, uint64(len(purpose)))...)
	return append(append(b, purpose...), id...)
}

func (s *Sealer) ready(makes bool) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aead != nil {
		return s.aead, nil
	}
	key, err := s.key(makes)
	if err != nil {
		return nil, err
	}
	derived, err := hkdf.Key(sha256.New, []byte(key), nil, info, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	s.aead, err = cipher.NewGCMWithRandomNonce(block)
	return s.aead, err
}
