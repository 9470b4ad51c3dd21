package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/leadmill/leadmill/application"
)

var errRequest = errors.New("the request cannot be sent as it is: a header or the address")

var errFull = errors.New("there was no room for the request in time")

var errSwitched = errors.New("the answer is no HTTP: the host goes over to another protocol")

// handshakeError says that a connection was made, but no TLS on it.
type handshakeError struct{ cause error }

func (e *handshakeError) Error() string { return "no TLS" }

func (e *handshakeError) Unwrap() error { return e.cause }

// failure turns what went wrong into an error of the application. caller is the context that Send was given, within the one that ends with
// the exchange. The texts of other packages repeat addresses and what was answered, so that none of them is passed on.
func failure(caller, within context.Context, err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, application.ErrAddressRefused):
		return application.ErrAddressRefused.Because(errDialled)
	case errors.Is(err, application.ErrOutboundBusy):
		return application.ErrOutboundBusy.Because(errFull)
	case errors.Is(caller.Err(), context.Canceled):
		return application.ErrOutboundFailed.Because(context.Canceled)
	case within.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return application.ErrOutboundTimeout.Because(context.DeadlineExceeded)
	}
	return application.ErrOutboundFailed.Because(errors.New(why(err)))
}

// why says what went wrong in words of our own.
func why(err error) string {
	var (
		lookup    *net.DNSError
		handshake *handshakeError
		number    syscall.Errno
		on        *net.OpError
	)
	switch {
	case errors.Is(err, errSwitched):
		return errSwitched.Error()
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "the host has no address"
	case errors.As(err, &lookup):
		return "the host's address could not be looked up"
	case errors.As(err, &handshake):
		return whyNoTLS(handshake.cause)
	case errors.As(err, &number):
		return number.Error()
	case errors.As(err, &on) && on.Op == "dial":
		return "no connection could be made"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer was complete"
	}
	return "the answer is no HTTP, or its headers are too large"
}

func whyNoTLS(err error) string {
	var (
		unverified *tls.CertificateVerificationError
		name       x509.HostnameError
		unknown    x509.UnknownAuthorityError
		invalid    x509.CertificateInvalidError
		record     tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &name):
		return "the certificate is for another host"
	case errors.As(err, &unknown):
		return "the certificate is signed by nobody who is trusted"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate is not valid now"
	case errors.As(err, &unverified):
		return "the certificate is not trusted"
	case errors.As(err, &record):
		return "the host does not speak TLS there"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before there was TLS on it"
	}
	return "no TLS could be agreed upon"
}
