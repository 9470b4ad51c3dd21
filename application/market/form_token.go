package market

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/leadmill/leadmill/domain/fault"
	"github.com/leadmill/leadmill/domain/field"
)

// FormToken is the name under which a web page sends the token of its form.
const FormToken = "form_token"

// A token is taken when it is at least formTokenYoungest old, because nobody fills in a form in less, and at most FormTokenLife.
const (
	formTokenYoungest = 2 * time.Second
	FormTokenLife     = 2 * time.Hour
)

// FormTokens makes and checks the tokens of web forms. A token says for which form key it was made and when, and is signed; nothing is
// stored of it, so that it can be sent several times while it is taken.
type FormTokens struct{ secret []byte }

// NewFormTokens makes FormTokens that sign with a secret, which all instances share.
func NewFormTokens(secret []byte) FormTokens { return FormTokens{secret} }

// New makes a token for a form key.
func (t FormTokens) New(keyID string, now time.Time) string {
	made := binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(made, t.sign(keyID, made)...))
}

// Check returns field.ErrInvalid, which says why, for a token that is not to be taken.
func (t FormTokens) Check(token, keyID string, now time.Time) error {
	wrong := func(why string) error {
		return field.ErrInvalid.With(fault.Violation{Field: FormToken, Code: fault.InvalidValue, Message: why})
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != 8+sha256.Size || !hmac.Equal(b[8:], t.sign(keyID, b[:8])) {
		return wrong("is not a token of this form")
	}
	age := now.Sub(time.UnixMilli(int64(binary.BigEndian.Uint64(b))))
	switch {
	case age < formTokenYoungest:
		return wrong("must be at least 2 seconds old; ask for it when the page opens")
	case age > FormTokenLife:
		return wrong("has expired; ask for a new one")
	}
	return nil
}

func (t FormTokens) sign(keyID string, made []byte) []byte {
	mac := hmac.New(sha256.New, t.secret)
	mac.Write([]byte("leadmill form token\n" + keyID + "\n"))
	mac.Write(made)
	return mac.Sum(nil)
}
