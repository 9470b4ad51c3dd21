package market

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// SpecLinkLife is how long a link to a posting specification works.
const SpecLinkLife = 365 * 24 * time.Hour

// specMAC is how much of the signature a token has, in bytes: 128 bits are not guessed.
const specMAC = 16

// SpecLinks makes and checks the tokens in links to posting specifications, which open one campaign's to whoever has the link. A token says whose
// campaign it is and until when it works, and is signed; nothing is stored of it.
type SpecLinks struct{ secret []byte }

// NewSpecLinks makes SpecLinks that sign with a secret, which all instances share.
func NewSpecLinks(secret []byte) SpecLinks { return SpecLinks{secret} }

// New makes a token for a seller's campaign that works until a time.
func (l SpecLinks) New(sellerID, campaignID string, until time.Time) string {
	b := append(binary.BigEndian.AppendUint64(nil, uint64(until.Unix())), sellerID...)
	return base64.RawURLEncoding.EncodeToString(append(l.sign(campaignID, b), b...))
}

// Check returns whose campaign a token opens; ok is false for one that is over, or of another campaign, or none.
func (l SpecLinks) Check(token, campaignID string, now time.Time) (sellerID string, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < specMAC+8 || !hmac.Equal(b[:specMAC], l.sign(campaignID, b[specMAC:])) {
		return "", false
	}
	b = b[specMAC:]
	return string(b[8:]), now.Before(time.Unix(int64(binary.BigEndian.Uint64(b)), 0))
}

func (l SpecLinks) sign(campaignID string, b []byte) []byte {
	mac := hmac.New(sha256.New, l.secret)
	mac.Write([]byte("leadmill posting specification\n" + campaignID + "\n"))
	mac.Write(b)
	return mac.Sum(nil)[:specMAC]
}
