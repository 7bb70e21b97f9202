package retry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth"
)

// Class is what an error means for another try.
type Class int

const (
	// Permanent errors come again whenever the operation is tried: it is not.
	Permanent Class = iota
	// ConnectionLost: there was a connection and it is gone, or there could be none. Whether the server
	// did what it was asked to is unknown.
	ConnectionLost
	// AuthFailed: the server wants another login than it got, or one at all (WRONGPASS, NOAUTH).
	AuthFailed
	// Busy: something that is there asks to come back later.
	Busy
)

// String implements [fmt.Stringer].
func (c Class) String() string {
	switch c {
	case Permanent:
		return "permanent"
	case ConnectionLost:
		return "connection lost"
	case AuthFailed:
		return "auth failed"
	case Busy:
		return "busy"
	}
	return "class " + strconv.Itoa(int(c))
}

// Classify says what err means, by its type or, where it is an error reply of a server, by its
// first word:
//
//   - AuthFailed: WRONGPASS, NOAUTH.
//   - Busy: LOADING, TRYAGAIN, CLUSTERDOWN, MASTERDOWN; rueidis.ErrNoSlot; an [*auth.TokenError]
//     that is Temporary, as then it is Entra ID and no connection that needs time.
//   - ConnectionLost: the end of a stream; errors and time-outs of package net, look-ups of names
//     included; system calls that failed because of the network; rueidis.ErrDoCacheAborted.
//   - Permanent: all other replies, NOPERM, READONLY, MOVED and nil included; the end of a context; certificates
//     that do not verify, TLS alerts and ports that do not speak TLS; addresses that are none;
//     closed clients and token sources; any other TokenError, and an [*auth.ConfigError].
//   - Permanent is also what it does not know, and nil.
//
// Replies are errors of rueidis' type, those that have a method RedisError(), as in go-redis and in this
// module's pool/resp, and, for clients whose errors are mere strings, those that wrap nothing and begin
// with one of the six words above.
//
// The end of a context is context.Canceled or context.DeadlineExceeded itself. Package net's own time-outs,
// of which errors.Is says that they are DeadlineExceeded, are lost connections. But it need not be the end of the ctx
// that Do was given: it may be that of a deadline within the operation, of a TLS handshake that took longer than the Timeout
// of its dialer, or of another command, with which rueidis shares a dial. As Do ends with its own ctx in any
// case, a [Policy].Classify of your own may well call these ConnectionLost.
//
// Of several errors that one wraps, each counts. Any that is known wins over those that are not, so that
// errors of your own may be put around it. Of those that are known Permanent wins, because what one of them
// rules out another try cannot bring, and then AuthFailed, because for that alone something is done.
func Classify(err error) Class {
	c, _ := judge(err)
	return c
}

// judge is [Classify], and reports whether it knows anything about err.
func judge(err error) (c Class, known bool) {
	c, known = own(err)
	var parts []error
	switch e := err.(type) {
	case *Error, *net.DNSError: // they have summed up what they wrap
	case interface{ Unwrap() error }:
		parts = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		parts = e.Unwrap()
	}
	for _, part := range parts {
		if p, ok := judge(part); ok && (!known || weight(p) > weight(c)) {
			c, known = p, true
		}
	}
	return c, known
}

// weight says which of several known classes wins.
func weight(c Class) int {
	switch c {
	case Permanent:
		return 3
	case AuthFailed:
		return 2
	case ConnectionLost:
		return 1
	}
	return 0
}

// own classifies err without what it wraps.
func own(err error) (c Class, known bool) {
	switch err {
	case nil:
		return Permanent, false
	case context.Canceled, context.DeadlineExceeded, rueidis.ErrClosing, auth.ErrClosed:
		return Permanent, true
	case io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, os.ErrDeadlineExceeded, rueidis.ErrDoCacheAborted:
		return ConnectionLost, true
	case rueidis.ErrNoSlot:
		return Busy, true
	}
	switch e := err.(type) {
	case *rueidis.RedisError, interface{ RedisError() }:
		c, _ = reply(err)
		return c, true
	case *Error:
		if e.Ended != nil {
			return Permanent, true
		}
		return e.Class, true
	case *auth.TokenError:
		if e.Temporary() {
			return Busy, true
		}
		return Permanent, true
	case *auth.ConfigError, *net.AddrError, net.UnknownNetworkError, net.InvalidAddrError, tls.RecordHeaderError, tls.AlertError,
		*tls.CertificateVerificationError, x509.HostnameError, x509.UnknownAuthorityError, x509.CertificateInvalidError,
		x509.ConstraintViolationError, x509.SystemRootsError, x509.InsecureAlgorithmError, x509.UnhandledCriticalExtension:
		return Permanent, true
	case *net.OpError:
		if e.Op == "remote error" || e.Op == "local error" { // a TLS alert, whose type is not exported
			return Permanent, true
		}
		return ConnectionLost, true
	case *net.DNSError:
		if errors.Is(e, context.Canceled) {
			return Permanent, true
		}
		return ConnectionLost, true
	case syscall.Errno:
		if lost(e) {
			return ConnectionLost, true
		}
		return Permanent, false
	case interface{ Is(error) bool }:
		if e.Is(context.Canceled) { // what package net makes of it
			return Permanent, true
		}
	}
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return ConnectionLost, true
	}
	if wrapsNothing(err) {
		return reply(err)
	}
	return Permanent, false
}

// reply classifies an error reply. known is whether its first word alone says that it is one.
func reply(err error) (c Class, known bool) {
	word, _, _ := strings.Cut(err.Error(), " ")
	switch word {
	case "WRONGPASS", "NOAUTH":
		return AuthFailed, true
	case "LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN":
		return Busy, true
	}
	return Permanent, false
}

// lost reports whether a system call failed because of the network or the other side.
func lost(e syscall.Errno) bool {
	switch e {
	case syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.ECONNABORTED, syscall.EPIPE, syscall.ETIMEDOUT, syscall.ENOTCONN,
		syscall.EHOSTUNREACH, syscall.EHOSTDOWN, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.ENETRESET:
		return true
	}
	return false
}

func wrapsNothing(err error) bool {
	switch err.(type) {
	case interface{ Unwrap() error }, interface{ Unwrap() []error }:
		return false
	}
	return true
}
