package httpport

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/leadmill/leadmill/application"
	"github.com/leadmill/leadmill/application/bus"
	"github.com/leadmill/leadmill/domain/fault"
)

// BodyRule says what a request's body may be.
type BodyRule uint8

// The rules can be joined, such as Optional|Lenient.
const (
	// Required: the body is a JSON object. Members that nobody asks for are violations.
	Required BodyRule = 0
	// Optional: there may also be no body, which is an object without members.
	Optional BodyRule = 1 << (iota - 1)
	// Lenient: members that nobody asks for are ignored, members of an update may stand beside "update", an empty list is an
	// empty object, which PHP's json_encode writes for one, a PUT without a body changes nothing, and the body may be a form.
	Lenient
)

// Body is a request that changes something: the members of its JSON object and its Idempotency-Key. The members of a PUT may
// stand in a member "update"; the embedded Object has them wherever they stand. Violations in them are told as if they stood
// flat.
type Body struct {
	*Object

	// Outer has the members that stand around the update; it is the embedded Object where there is no "update".
	Outer *Object

	call *Call
	key  string
	raw  []byte
}

// Bind reads a request that changes something: its size, its Idempotency-Key, its JSON and then, by the function given, its
// members. A nil function takes none. When anything is wrong, Bind answers it, every violation at once, and ok is false.
func (k *Call) Bind(rule BodyRule, members func(*Body)) (b *Body, ok bool) {
	b, err := k.begin(rule)
	if err == nil {
		if members != nil {
			members(b)
		}
		b.refuseUnknown()
		err = b.violations.Err()
	}
	if err != nil {
		k.Fail(err)
		return nil, false
	}
	return b, true
}

func (k *Call) begin(rule BodyRule) (*Body, error) {
	var buf bytes.Buffer
	if err := k.ReadBody(&buf); err != nil {
		return nil, err
	}
	b := &Body{call: k, raw: buf.Bytes()}
	var err error
	if b.key, err = k.IdempotencyKey(); err != nil {
		return nil, err
	}
	if rule&Lenient != 0 && k.gin.Request.Method == http.MethodPut {
		rule |= Optional
	}
	root, err := k.parse(b.raw, rule)
	if err != nil {
		return nil, err
	}
	lenient := rule&Lenient != 0
	b.Outer = &Object{violations: &fault.Violations{}, value: root, asked: map[string]bool{}, currency: k.actor.Currency, lenient: lenient}
	b.Object = b.Outer
	if update := root.members["update"]; k.gin.Request.Method == http.MethodPut && update != nil {
		inner := asObject(update, lenient)
		switch {
		case inner != nil && (lenient || len(root.members) == 1):
			b.Object = b.Outer.inner("", inner)
		case lenient && update.kind != 'n':
			b.Outer.WrongType("update", "an object")
		}
	}
	return b, nil
}

// parse reads the object that a body is.
func (k *Call) parse(body []byte, rule BodyRule) (*Value, error) {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(trimmed) == 0 && rule&Optional != 0:
		return &Value{kind: '{'}, nil
	case len(trimmed) > 0 && trimmed[0] != '{' && rule&Lenient != 0 && k.MediaType() == formType:
		root := parseForm(string(trimmed))
		if root == nil {
			return nil, errInvalidJSON
		}
		return root, nil
	case len(trimmed) > 0 && trimmed[0] != '{' && !mayBeJSON(k.MediaType()):
		return nil, ErrMediaType
	}
	root := parseObject(body, rule&Lenient != 0)
	if root == nil {
		return nil, errInvalidJSON
	}
	return root, nil
}

func mayBeJSON(mediaType string) bool {
	return mediaType == "" || mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
}

// Inside returns the object in which the members stand: in "update", else in the member of a name, else flat. Violations in
// it are told as if they stood flat.
func (b *Body) Inside(name string) *Object {
	if b.Object != b.Outer {
		return b.Object
	}
	v := b.Value(name)
	if v == nil {
		return b.Object
	}
	inner := asObject(v, b.lenient)
	if inner == nil {
		b.WrongType(name, "an object")
		return b.Object
	}
	return b.inner("", inner)
}

// AlsoCheck adds what else is at fault in a request of which something is at fault already, so that a client learns of all
// at once; what was said of a member stands. A request without fault is checked by its command.
func (b *Body) AlsoCheck(check func() error) {
	if b.violations.Any() {
		b.Check(check)
	}
}

// Check adds what else is at fault in a request, whether something is at fault already or not; what was said of a member stands.
func (b *Body) Check(check func() error) {
	said := fault.As(b.violations.Err()).Violated()
	for _, v := range fault.As(check()).Violated() {
		if !slices.ContainsFunc(said, func(s fault.Violation) bool {
			f := s.Field
			return f == v.Field || strings.HasPrefix(f, v.Field+".") || strings.HasPrefix(v.Field, f+".")
		}) {
			b.violations.Add(v.Field, v.Code, v.Message)
		}
	}
}

// Do sends a command whose members were bound, and answers what its Once rendered, or the error of its handler. A handler of a
// command that changes something does so by application.DoOnce, which runs it once under an Idempotency-Key.
func Do[C any](b *Body, h bus.Handler[C, application.Done], c C) {
	done, err := h.Handle(b.call.ctx, c)
	if err != nil {
		b.call.Fail(err)
		return
	}
	b.call.Respond(done)
}

// Once makes a command replayable under the request's Idempotency-Key. show turns its result into what is answered as
// {"data":…,"status":1} with a status such as 201.
func Once[R, D any](b *Body, status int, show func(R) D) application.Once[R] {
	return application.Once[R]{Key: b.key, Fingerprint: b.call.Fingerprint(b.raw), Render: func(r R) application.Response {
		return application.Response{Status: status, Body: Encode(data[D]{Data: show(r), Status: 1})}
	}}
}

// OnceOK is Once for commands that answer {"status":1}.
func OnceOK[R any](b *Body) application.Once[R] {
	return application.Once[R]{Key: b.key, Fingerprint: b.call.Fingerprint(b.raw), Render: func(R) application.Response {
		return application.Response{Status: http.StatusOK, Body: okBody}
	}}
}

// OnceEmpty is Once for commands that answer 204, without a body.
func OnceEmpty[R any](b *Body) application.Once[R] {
	return application.Once[R]{Key: b.key, Fingerprint: b.call.Fingerprint(b.raw), Render: func(R) application.Response {
		return application.Response{Status: http.StatusNoContent}
	}}
}

// OnceSecret is Once for commands whose request holds what must not be guessed from what is stored of it: its fingerprint is made with the
// Idempotency-Key, of which only a hash is stored.
func OnceSecret[R, D any](b *Body, status int, show func(R) D) application.Once[R] {
	once := Once(b, status, show)
	once.Fingerprint = sha256.Sum256(slices.Concat([]byte(b.key), once.Fingerprint[:]))
	return once
}

// ReadBody reads the body into a buffer: ErrBodyTooLarge beyond the limit, without reading the rest, and an error of kind
// invalid for one that breaks off.
func (k *Call) ReadBody(into *bytes.Buffer) error { return k.ReadBodyUpTo(into, k.server.deps.MaxBody) }

// MaxBody is the most bytes that ReadBody reads.
func (k *Call) MaxBody() int64 { return k.server.deps.MaxBody }

// ReadBodyUpTo is ReadBody with a limit of the route's own, in bytes.
func (k *Call) ReadBodyUpTo(into *bytes.Buffer, limit int64) error {
	if k.body != nil {
		into.Write(k.body)
		return nil
	}
	r := k.gin.Request
	if r.Body == nil || r.ContentLength == 0 {
		return nil
	}
	if r.ContentLength <= limit {
		into.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
		body := io.Reader(r.Body)
		if r.ContentLength < 0 {
			body = io.LimitReader(body, limit+1) // one of a known length ends there
		}
		if _, err := into.ReadFrom(body); err != nil {
			k.gin.Writer.Header()["Connection"] = closing
			if k.form == supplierForm {
				return ErrInvalidBody
			}
			return errInvalidJSON
		}
	}
	if r.ContentLength > limit || int64(into.Len()) > limit {
		k.gin.Writer.Header()["Connection"] = closing
		return ErrBodyTooLarge
	}
	k.limit() // what the client took to send it is bounded by itself
	return nil
}

// MediaType is the request's Content-Type in lower case and without parameters, such as application/json; empty when none
// was sent.
func (k *Call) MediaType() string {
	mediaType, _, _ := strings.Cut(k.gin.Request.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}

// Fingerprint identifies the whole request: method, path, raw query and raw body, each with its length.
func (k *Call) Fingerprint(body []byte) [sha256.Size]byte {
	r := k.gin.Request
	return FingerprintOf(r.Method, r.URL.EscapedPath(), r.URL.RawQuery, body)
}

// FingerprintOf is what Call.Fingerprint returns for a request.
func FingerprintOf(method, path, query string, body []byte) [sha256.Size]byte {
	head := make([]byte, 0, 256)
	for _, s := range [...]string{method, path, query} {
		head = binary.BigEndian.AppendUint64(head, uint64(len(s)))
		head = append(head, s...)
	}
	head = binary.BigEndian.AppendUint64(head, uint64(len(body)))
	h := sha256.New()
	h.Write(head)
	h.Write(body)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return sum
}

// IdempotencyKey returns the request's Idempotency-Key: 1 to 255 visible ASCII characters, bare or in quotes; empty when none
// was sent. The error is of kind invalid.
func (k *Call) IdempotencyKey() (string, error) {
	values, sent := k.gin.Request.Header["Idempotency-Key"]
	if !sent {
		return "", nil
	}
	if len(values) != 1 {
		return "", errIdempotencyKey
	}
	key := values[0]
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	if key == "" || len(key) > 255 {
		return "", errIdempotencyKey
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return "", errIdempotencyKey
		}
	}
	return key, nil
}
