package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// poster posts leads over one keep-alive connection. The generator shares its machine with the server and the database,
// so a request is two numbers patched into a prepared text, and an answer is searched for its few words.
type poster struct {
	conn   net.Conn
	answer []byte
}

// request is the text of a request.
type request struct {
	text  []byte
	leads []place
}

// place is where a lead of a request is told from others.
type place struct {
	phones [2]int // where the ten digits of the phone number are in text; 0: it has none
	zip    int    // where the five digits of the ZIP code are; 0: all leads have the same
}

// digits of a phone number; a lead is told from others by it.
const digits = 10

// The ZIP codes of leads that are scattered follow one another by so much, so that neighbours in time are none on the map.
const (
	zipDigits = 5
	scatter   = 7919
	usualZip  = `"zip":"75001"`
)

// scattered gives each lead of the request a ZIP code of its own.
func (r request) scattered() request {
	for i := range r.leads {
		p := &r.leads[i]
		p.zip = p.phones[1] + bytes.Index(r.text[p.phones[1]:], []byte(usualZip)) + len(`"zip":"`)
	}
	return r
}

func bearer(key string) string { return "Authorization: Bearer " + key + "\r\n" }

// leadRequest writes the request that submits a lead to a seller, whose phone and e-mail hold the same ten digits.
func leadRequest(target *url.URL, key, seller string) request {
	return newRequest(target, "/api/leads", bearer(key), seller, 1)
}

// bulkRequest writes the request that submits so many leads.
func bulkRequest(target *url.URL, key, seller string, leads int) request {
	return newRequest(target, "/api/leads/bulk", bearer(key), seller, leads)
}

// pingRequest writes the request that asks what a lead is worth. Nothing tells it from others, and nothing needs to.
func pingRequest(target *url.URL, key, seller string) (r request) {
	r.write(target, "/api/leads/ping", bearer(key), `{"seller":"`+seller+`","category":"`+category+`","state":"TX",`+usualZip+`}`)
	r.leads = make([]place, 1)
	return r
}

// recordRequest writes the request that stores the same fields as a bare record.
func recordRequest(target *url.URL) request {
	return newRequest(target, recordsPath, "", "RECORDS1", 1)
}

// newRequest writes a request with one lead as its body, or with a list of several.
func newRequest(target *url.URL, path, header, seller string, leads int) (r request) {
	const blank = "0000000000"
	one := `{"seller":"` + seller + `","category":"` + category + `","firstName":"John","lastName":"Doe","phone":"` + blank +
		`","email":"john.` + blank + `@example.com","state":"TX",` + usualZip + `}`
	body := one
	if leads > 1 {
		body = `{"leads":[` + strings.Repeat(one+",", leads-1) + one + `]}`
	}
	at := r.write(target, path, header, body)
	for range leads {
		var p place
		for i := range p.phones {
			p.phones[i] = at + bytes.Index(r.text[at:], []byte(blank))
			at = p.phones[i] + digits
		}
		r.leads = append(r.leads, p)
	}
	return r
}

// write writes the text of a request and returns where its body begins.
func (r *request) write(target *url.URL, path, header, body string) (at int) {
	r.text = fmt.Appendf(nil, "POST %s%s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n", target.EscapedPath(), path, target.Host, header, len(body))
	at = len(r.text)
	r.text = append(r.text, body...)
	return at
}

func dial(ctx context.Context, target *url.URL) (net.Conn, error) {
	address := target.Host
	if target.Port() == "" {
		address = net.JoinHostPort(target.Hostname(), target.Scheme)
	}
	if target.Scheme == "https" {
		return new(tls.Dialer).DialContext(ctx, "tcp", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// number makes a lead of the request that of a number.
func (r *request) number(lead int, number int64) {
	p := &r.leads[lead]
	for _, at := range p.phones {
		if at == 0 {
			continue
		}
		n := number
		for i := at + digits - 1; i >= at; i-- {
			r.text[i] = byte('0' + n%10)
			n /= 10
		}
	}
	if p.zip > 0 {
		n := number * scatter
		for i := p.zip + zipDigits - 1; i >= p.zip; i-- {
			r.text[i] = byte('0' + n%10)
			n /= 10
		}
	}
}

// post sends the request and returns the answer's status and body. The body is valid until the next post.
func (p *poster) post(r *request) (status int, body []byte, err error) {
	if _, err := p.conn.Write(r.text); err != nil {
		return 0, nil, err
	}
	return p.read()
}

var (
	headerEnd     = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
	lineEnd       = []byte("\r\n")
	errAnswer     = errors.New("the answer is not HTTP/1.1 with a Content-Length")
)

func (p *poster) read() (status int, body []byte, err error) {
	buf, end, length := p.answer[:0], -1, 0
	for end < 0 || len(buf) < end+length {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := p.conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && n == 0 {
			return 0, nil, err
		}
		if end >= 0 {
			continue
		}
		if end = bytes.Index(buf, headerEnd); end < 0 {
			continue
		}
		if status, length, err = parseHeader(buf[:end+2]); err != nil {
			return 0, nil, err
		}
		end += len(headerEnd)
	}
	p.answer = buf
	if len(buf) > end+length {
		return 0, nil, errAnswer
	}
	return status, buf[end:], nil
}

// parseHeader reads the status and the length of the body from a header with the end of its last line.
func parseHeader(header []byte) (status, length int, err error) {
	const start = len("HTTP/1.1 ")
	if len(header) < start+3 || !bytes.HasPrefix(header, []byte("HTTP/1.1 ")) {
		return 0, 0, errAnswer
	}
	if status, err = strconv.Atoi(string(header[start : start+3])); err != nil {
		return 0, 0, errAnswer
	}
	_, after, ok := bytes.Cut(header, contentLength)
	if !ok {
		return 0, 0, errAnswer
	}
	value, _, _ := bytes.Cut(after, lineEnd)
	if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
		return 0, 0, errAnswer
	}
	return status, length, nil
}

// phoneOf spreads the leads of all connections over numbers that no two of them share, after those that were used before:
// possible American ones for the first billions.
func phoneOf(used int64, connection, connections int, n int64) int64 {
	return 2_000_000_000 + used + n*int64(connections) + int64(connection)
}

// patience is how long an answer may take at most; half of it is certain.
const patience = time.Minute
