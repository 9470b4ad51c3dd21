package account

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/leadmill/leadmill/adapters/sqlstore/internal/engine"
)

// An answer can hold what is shown only once: the text of a new API key. So it is stored encrypted under its
// Idempotency-Key, of which only a hash is stored: whoever repeats the request can read it, whoever reads the table cannot.

func sealResponse(keyID, idempotencyKey string, body []byte) ([]byte, error) {
	gcm, err := responseCipher(keyID, idempotencyKey)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(body)+gcm.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return gcm.Seal(nonce, nonce, body, nil), nil
}

func openResponse(keyID, idempotencyKey string, sealed []byte) ([]byte, error) {
	gcm, err := responseCipher(keyID, idempotencyKey)
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, fmt.Errorf("sqlstore: a stored answer is %d bytes short", gcm.NonceSize()-len(sealed))
	}
	body, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read a stored answer: %w", err)
	}
	return engine.Blob(body), nil
}

func responseCipher(keyID, idempotencyKey string) (cipher.AEAD, error) {
	key := sha256.Sum256([]byte("answer\x00" + keyID + "\x00" + idempotencyKey))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
