package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"

	"lindero/store"
)

func failure(code, detail string) store.DeliveryOutcome {
	return store.DeliveryOutcome{Code: code, Detail: detail}
}

// explain tells a tenant why there was no answer, in words of our own: an error's text names addresses that the
// operator's resolver gave. A name that is unknown and one that leads inside are told apart by nothing, or names
// of the operator's network could be guessed.
func explain(err error) store.DeliveryOutcome {
	var name *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, errAddress) || errors.As(err, &name) && name.IsNotFound:
		return failure("address", "the host has no address that deliveries may go to")
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return failure("timeout", "the receiver did not answer in time")
	case errors.As(err, &name):
		return failure("address", "the host's name could not be looked up")
	case isTLS(err):
		return failure("tls", "the receiver's certificate or TLS could not be accepted")
	}
	return failure("connection", "no connection to the receiver, or it broke off")
}

func isTLS(err error) bool {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &verification) ||
		errors.As(err, &authority) || errors.As(err, &host) || errors.Is(err, http.ErrSchemeMismatch)
}
