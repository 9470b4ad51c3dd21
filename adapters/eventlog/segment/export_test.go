package segment

import (
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Raw returns what a body's frame holds.
func Raw(t testing.TB, body []byte) []byte {
	t.Helper()
	r, err := open(body)
	if err != nil {
		t.Fatal(err)
	}
	return r.raw
}

// Pack returns the body whose frame holds raw.
func Pack(raw []byte) []byte {
	encoder, _ := encoders.Get().(*zstd.Encoder)
	defer encoders.Put(encoder)
	return encoder.EncodeAll(raw, []byte{version1})
}
