package retry_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/rueidisentra"
)

// markedError looks like the error replies of go-redis and pool/resp.
type markedError string

func (e markedError) Error() string { return string(e) }
func (e markedError) RedisError()   {}

// mereString looks like the error replies of redigo.
type mereString string

func (e mereString) Error() string { return string(e) }

// wrapper is an error that wraps another one, and text like that of a reply.
type wrapper struct{ error }

func (w wrapper) Error() string { return "WRONGPASS or so" }
func (w wrapper) Unwrap() error { return w.error }

func opError(err error) error { return &net.OpError{Op: "read", Net: "tcp", Err: err} }

func TestErrorRepliesAreClassifiedByTheirFirstWord(t *testing.T) {
	for class, replies := range map[retry.Class][]string{
		retry.AuthFailed: {"WRONGPASS invalid username-password pair or user is disabled.", "NOAUTH Authentication required."},
		retry.Busy: {
			"LOADING Redis is loading the dataset in memory", "TRYAGAIN Multiple keys request during rehashing of slot",
			"CLUSTERDOWN The cluster is down", "MASTERDOWN Link with MASTER is down", "LOADING",
		},
		retry.Permanent: {
			"NOPERM this user has no permissions to run the 'get' command", "READONLY You can't write against a read only replica.",
			"MOVED 3999 127.0.0.1:6381", "ASK 3999 127.0.0.1:6381", "ERR unknown command", "EXECABORT Transaction discarded", "NOSCRIPT No matching script",
			"WRONGTYPE Operation against a key holding the wrong kind of value", "redis: nil", "LOADINGS", "loading", "ERR LOADING", "", " LOADING",
		},
	} {
		for _, text := range replies {
			for _, err := range []error{markedError(text), mereString(text), errors.New(text)} {
				require.Equal(t, class, retry.Classify(err), "%T %q", err, text)
				require.Equal(t, class, retry.Classify(fmt.Errorf("set: %w", err)), "%T %q", err, text)
			}
		}
	}
	require.Equal(t, retry.Permanent, retry.Classify(errors.New("did not expect WRONGPASS")))
	require.Equal(t, retry.Permanent, retry.Classify(wrapper{errors.New("that")}), "what wraps something is no reply")
	require.Equal(t, retry.Permanent, retry.Classify(rueidis.Nil))
}

func TestErrorsAreClassifiedByTheirType(t *testing.T) {
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	_, cancelled := (&net.Dialer{}).DialContext(dead, "tcp", "127.0.0.1:1")
	_, timeout := (&net.Dialer{Deadline: time.Now().Add(-time.Second)}).Dial("tcp", "127.0.0.1:1")
	_, noPort := net.Dial("tcp", "cache.example")
	_, noNetwork := net.Dial("carrier pigeon", "cache.example:1")
	require.ErrorIs(t, cancelled, context.Canceled)
	require.ErrorIs(t, timeout, context.DeadlineExceeded)

	for _, c := range []struct {
		name  string
		err   error
		class retry.Class
	}{
		{"nil", nil, retry.Permanent},
		{"unknown", errors.New("unknown"), retry.Permanent},

		{"end", io.EOF, retry.ConnectionLost},
		{"end within a reply", io.ErrUnexpectedEOF, retry.ConnectionLost},
		{"closed pipe", io.ErrClosedPipe, retry.ConnectionLost},
		{"closed connection", net.ErrClosed, retry.ConnectionLost},
		{"closed TCP connection", opError(net.ErrClosed), retry.ConnectionLost},
		{"i/o time-out", os.ErrDeadlineExceeded, retry.ConnectionLost},
		{"i/o time-out of a socket", opError(os.ErrDeadlineExceeded), retry.ConnectionLost},
		{"reset", opError(os.NewSyscallError("read", syscall.ECONNRESET)), retry.ConnectionLost},
		{"refused", syscall.ECONNREFUSED, retry.ConnectionLost},
		{"broken pipe", os.NewSyscallError("write", syscall.EPIPE), retry.ConnectionLost},
		{"time-out of TCP", syscall.ETIMEDOUT, retry.ConnectionLost},
		{"no route", syscall.EHOSTUNREACH, retry.ConnectionLost},
		{"another system call", syscall.ENOENT, retry.Permanent},
		{"no such host", opError(&net.DNSError{Err: "no such host", IsNotFound: true}), retry.ConnectionLost},
		{"time-out of DNS", &net.DNSError{Err: "i/o timeout", IsTimeout: true, UnwrapErr: context.DeadlineExceeded}, retry.ConnectionLost},
		{"ended DNS", &net.DNSError{Err: "operation was canceled", UnwrapErr: context.Canceled}, retry.Permanent},
		{"time-out of a dial", timeout, retry.ConnectionLost},
		{"ended dial", cancelled, retry.Permanent},

		{"cancelled", context.Canceled, retry.Permanent},
		{"past the deadline", context.DeadlineExceeded, retry.Permanent},
		{"no port", noPort, retry.Permanent},
		{"no network", noNetwork, retry.Permanent},
		{"no TLS", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, retry.Permanent},
		{"TLS alert", &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, retry.Permanent}, // its type is not exported
		{"TLS alert of ours", &net.OpError{Op: "local error", Err: errors.New("tls: bad certificate")}, retry.Permanent},
		{"TLS alert in QUIC", tls.AlertError(40), retry.Permanent},
		{"certificate", &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "10.0.0.1"}}, retry.Permanent},
		{"authority", opError(x509.UnknownAuthorityError{}), retry.Permanent},

		{"no token now", &auth.TokenError{Kind: auth.Unavailable}, retry.Busy},
		{"no token, rejected", &auth.TokenError{Kind: auth.Rejected}, retry.Permanent},
		{"no token, no identity", &auth.TokenError{Kind: auth.NoIdentity}, retry.Permanent},
		{"no token, login", &auth.TokenError{Kind: auth.LoginRequired}, retry.Permanent},
		{"no token that works", &auth.TokenError{Kind: auth.UnusableToken}, retry.Permanent},
		{"closed source", auth.ErrClosed, retry.Permanent},
		{"mistake", &auth.ConfigError{Field: "f", Problem: "p"}, retry.Permanent},

		{"closed client", rueidis.ErrClosing, retry.Permanent},
		{"slot without a node", rueidis.ErrNoSlot, retry.Busy},
		{"aborted read through the cache", rueidis.ErrDoCacheAborted, retry.ConnectionLost},
		{"options that disagree", rueidis.ErrReplicaOnlyConflict, retry.Permanent},
		{"no address", rueidis.ErrNoAddr, retry.Permanent},
		{"recycled", rueidis.ErrDedicatedClientRecycled, retry.Permanent},
		{"no first connection", &rueidisentra.ConnectError{Err: opError(syscall.ECONNREFUSED)}, retry.ConnectionLost},
		{"no first login", &rueidisentra.ConnectError{Err: markedError("WRONGPASS")}, retry.AuthFailed},

		{"given up", &retry.Error{Class: retry.Busy, Err: io.EOF, Refresh: auth.ErrClosed}, retry.Busy},
		{"ended", &retry.Error{Class: retry.Busy, Err: io.EOF, Ended: errors.New("enough")}, retry.Permanent},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.class, retry.Classify(c.err), "%#v", c.err)
			require.Equal(t, c.class, retry.Classify(fmt.Errorf("op: %w", c.err)))
			require.Equal(t, c.class, retry.Classify(errors.Join(c.err, errors.New("unknown"))), "an unknown error says nothing")
		})
	}
}

func TestOfSeveralKnownErrorsPermanentWinsAndThenAuthFailed(t *testing.T) {
	wrongpass, noperm, loading := markedError("WRONGPASS"), markedError("NOPERM"), markedError("LOADING")
	for _, c := range []struct {
		errs  []error
		class retry.Class
	}{
		{[]error{io.EOF, noperm}, retry.Permanent},
		{[]error{wrongpass, context.Canceled}, retry.Permanent},
		{[]error{loading, rueidis.Nil}, retry.Permanent},
		{[]error{io.EOF, wrongpass}, retry.AuthFailed},
		{[]error{loading, wrongpass}, retry.AuthFailed},
		{[]error{loading, io.EOF}, retry.ConnectionLost},
		{[]error{loading, errors.New("unknown")}, retry.Busy},
	} {
		a, b := c.errs[0], c.errs[1]
		require.Equal(t, c.class, retry.Classify(errors.Join(a, b)), "%v, %v", a, b)
		require.Equal(t, c.class, retry.Classify(fmt.Errorf("%w: %w", b, a)), "%v, %v", b, a)
	}
}

func TestATimeOutOfADialIsALostConnectionButNotOneOfATLSHandshake(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // which never answers
	require.NoError(t, err)
	defer l.Close()
	_, err = (&tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * ms}}).Dial("tcp", l.Addr().String())
	require.Equal(t, context.DeadlineExceeded, err, "if this has changed, the documentation of Classify must, too")
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*ms)))
	require.Equal(t, retry.ConnectionLost, retry.Classify(tls.Client(conn, &tls.Config{ServerName: "localhost"}).Handshake()))
}

func TestClassesHaveNames(t *testing.T) {
	require.Equal(t, "permanent, connection lost, auth failed, busy, class 9",
		fmt.Sprintf("%v, %v, %v, %v, %v", retry.Permanent, retry.ConnectionLost, retry.AuthFailed, retry.Busy, retry.Class(9)))
}
