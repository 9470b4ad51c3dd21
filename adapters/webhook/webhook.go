// Package webhook signs requests as Standard Webhooks 1.0 says, and tells whether one is signed so.
//
// Stability: unsupported; it may change at any time.
package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed request.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// prefix begins every secret, so that one is known where it should not be.
const prefix = "whsec_"

// The bounds of a secret's key in bytes, as the standard has them; NewSecret makes keys of secretSize.
const (
	minKey     = 24
	maxKey     = 64
	secretSize = 32
)

// tolerance is how far from now a signature's time may be.
const tolerance = 5 * time.Minute

// errSecret does not repeat the secret.
var errSecret = errors.New("must be whsec_ with 24 to 64 bytes in base64 behind it")

// What is wrong with a request that is not signed as it should be.
var (
	ErrUnsigned  = errors.New("a header of the signature is missing or cannot be read")
	ErrTime      = errors.New("the signature is of another time")
	ErrSignature = errors.New("the signature is wrong")
)

// NewSecret returns a new secret.
func NewSecret() string {
	key := make([]byte, secretSize)
	_, _ = rand.Read(key) // it never fails
	return prefix + base64.StdEncoding.EncodeToString(key)
}

// CheckSecret reports what is wrong with a text that should be a secret, or several with spaces between them.
func CheckSecret(secret string) error {
	_, err := keys(secret)
	return err
}

// Sign returns the headers of a request with an id and a body. secret is one secret, or several with spaces between them, as while one is
// replaced: each gives a signature, and a receiver is content with any. A text that is no secret signs nothing: there are no headers then.
func Sign(secret, id string, at time.Time, body []byte) http.Header {
	all, err := keys(secret)
	if err != nil {
		return http.Header{}
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(all))
	for i, key := range all {
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac(key, id, timestamp, body))
	}
	return http.Header{HeaderID: {id}, HeaderTimestamp: {timestamp}, HeaderSignature: {strings.Join(signatures, " ")}}
}

// Verify reports whether a request is signed with one of the secrets, not long before or after now. It fails with ErrUnsigned, ErrTime or
// ErrSignature, and with another error when secret is none.
func Verify(secret string, h http.Header, now time.Time, body []byte) error {
	all, err := keys(secret)
	if err != nil {
		return err
	}
	id, timestamp, signatures := h.Get(HeaderID), h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" || signatures == "" {
		return ErrUnsigned
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > tolerance || off < -tolerance {
		return ErrTime
	}
	for signature := range strings.SplitSeq(signatures, " ") {
		encoded, is := strings.CutPrefix(signature, "v1,")
		given, err := base64.StdEncoding.DecodeString(encoded)
		if !is || err != nil {
			continue
		}
		for _, key := range all {
			if hmac.Equal(given, mac(key, id, timestamp, body)) {
				return nil
			}
		}
	}
	return ErrSignature
}

func mac(key []byte, id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(id + "." + timestamp + "."))
	_, _ = h.Write(body)
	return h.Sum(nil)
}

func keys(secret string) (all [][]byte, err error) {
	for one := range strings.FieldsSeq(secret) {
		encoded, is := strings.CutPrefix(one, prefix)
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !is || err != nil || len(key) < minKey || len(key) > maxKey {
			return nil, errSecret
		}
		all = append(all, key)
	}
	if len(all) == 0 {
		return nil, errSecret
	}
	return all, nil
}
