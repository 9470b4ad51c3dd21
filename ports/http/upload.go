package httpport

import (
	"errors"
	"io"

	"github.com/leadmill/leadmill/domain/fault"
)

// Upload returns the body of a request to be read while it comes, for what is too large for memory: ErrBodyTooLarge, from here or from the
// reader, beyond a limit in bytes, and an error of kind invalid from the reader for a body that breaks off. Wait gives it the time.
func (k *Call) Upload(limit int64) (io.Reader, error) {
	r := k.gin.Request
	if r.ContentLength > limit {
		k.gin.Writer.Header()["Connection"] = closing
		return nil, ErrBodyTooLarge
	}
	if r.Body == nil {
		return &upload{k: k, left: limit, from: eof{}}, nil
	}
	return &upload{k: k, left: limit, from: r.Body}, nil
}

var errBrokenOff = fault.New(fault.Invalid, errInvalidJSON.Code, "The body breaks off.")

type upload struct {
	k    *Call
	from io.Reader
	left int64
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if u.left -= int64(n); u.left < 0 {
		u.k.gin.Writer.Header()["Connection"] = closing
		return 0, ErrBodyTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		u.k.gin.Writer.Header()["Connection"] = closing
		return n, errBrokenOff
	}
	return n, err
}

type eof struct{}

// Read implements io.Reader.
func (eof) Read([]byte) (int, error) { return 0, io.EOF }
