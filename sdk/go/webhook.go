package leadmill

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What is wrong with a message that claims to be from a webhook.
var (
	ErrSignature = errors.New("leadmill: the signature is not of any of the secrets")
	ErrTimestamp = errors.New("leadmill: the message is too old, or from the future")
)

// WebhookTolerance is how much older or newer than now a message may be.
const WebhookTolerance = 5 * time.Minute

// longestMessage bounds what is read of a message.
const longestMessage = 4 << 20

// Webhook checks messages that are signed as Standard Webhooks 1.0 says: those of webhooks, and deliveries to buyers.
type Webhook struct {
	secrets [][]byte
	now     func() time.Time
}

// NewWebhook takes the secret, which begins with whsec_, or several: while one is rotated, the old and the new.
func NewWebhook(secrets ...string) (*Webhook, error) {
	w := &Webhook{now: time.Now}
	for i, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) == 0 {
			return nil, fmt.Errorf("leadmill: secret %d is not whsec_ and base64", i+1)
		}
		w.secrets = append(w.secrets, key)
	}
	if len(w.secrets) == 0 {
		return nil, errors.New("leadmill: a webhook needs a secret")
	}
	return w, nil
}

// Message is what was signed. An ID comes again when the message is sent again: whoever handled it already passes over it.
type Message struct {
	ID   string
	Sent time.Time
	Body []byte
}

// Verify checks the headers of a message against its body, byte by byte as it came. Its errors are ErrSignature and ErrTimestamp.
func (w *Webhook) Verify(h http.Header, body []byte) (Message, error) {
	id, sent := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(sent, 10, 64)
	if id == "" || err != nil {
		return Message{}, ErrSignature
	}
	if !w.signed(h.Get("Webhook-Signature"), id, sent, body) {
		return Message{}, ErrSignature
	}
	at := time.Unix(seconds, 0)
	if away := w.now().Sub(at); away > WebhookTolerance || away < -WebhookTolerance {
		return Message{}, ErrTimestamp
	}
	return Message{ID: id, Sent: at, Body: body}, nil
}

// signed reports whether one of the signatures, which stand side by side with spaces between, is of one of the secrets.
func (w *Webhook) signed(signatures, id, sent string, body []byte) bool {
	ok := false
	for one := range strings.FieldsSeq(signatures) {
		version, text, _ := strings.Cut(one, ",")
		given, err := base64.StdEncoding.DecodeString(text)
		if version != "v1" || err != nil {
			continue
		}
		for _, secret := range w.secrets {
			mac := hmac.New(sha256.New, secret)
			_, _ = io.WriteString(mac, id+"."+sent+".")
			_, _ = mac.Write(body)
			ok = hmac.Equal(mac.Sum(nil), given) || ok
		}
	}
	return ok
}

// Read reads the body of a request and checks it. Answer 400 to what it refuses, and 2xx when the message was handled.
func (w *Webhook) Read(r *http.Request) (Message, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, longestMessage))
	if err != nil {
		return Message{}, fmt.Errorf("leadmill: read a message: %w", err)
	}
	return w.Verify(r.Header, body)
}

// Event reads a message as an event.
func (m Message) Event() (Event, error) {
	var e Event
	if err := json.Unmarshal(m.Body, &e.CloudEvent); err != nil {
		return Event{}, fmt.Errorf("leadmill: the message is no event: %w", err)
	}
	return e, nil
}
