package rueidisentra_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

func TestAFailedFirstConnectionSaysWhatToDo(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	redis := testutil.NewRedis(t, entra, nil)
	plain := testutil.NewRedis(t, entra, &testutil.RedisOptions{Plaintext: true})
	source := tokenSource(t, entra)
	stranger := testutil.NewEntra(t, nil)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())

	chatty, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer chatty.Close()
	go func() {
		for conn, err := chatty.Accept(); err == nil; conn, err = chatty.Accept() {
			_, _ = conn.Write([]byte("-ERR Protocol error\r\n"))
			_ = conn.Close()
		}
	}()

	rude, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer rude.Close()
	go func() {
		for conn, err := rude.Accept(); err == nil; conn, err = rude.Accept() {
			_, _ = conn.Read(make([]byte, 64<<10)) // so that it ends with EOF, not a reset
			_ = conn.Close()
		}
	}()

	nameless := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, syscall.ECONNREFUSED
	}}

	for _, c := range []struct {
		name   string
		option rueidis.ClientOption
		source auth.Source
		says   string
	}{
		{"WRONGPASS", redis.ClientOption(), tokenSource(t, stranger), "not assigned to this cache"},
		{"NOAUTH", redis.ClientOption(), auth.Static("", ""), "empty"},
		{"unknown authority", rueidis.ClientOption{InitAddress: []string{redis.Addr()}, DisableCache: true}, source, "RootCAs"},
		{"certificate of another host", rueidis.ClientOption{InitAddress: []string{redis.Gateway.Addr()}, TLSConfig: redis.TLSConfig(), DisableCache: true}, source, "ServerName"},
		{"plaintext port", rueidis.ClientOption{InitAddress: []string{plain.Addr()}, Dialer: net.Dialer{Timeout: time.Second}, DisableCache: true}, source, "which speak TLS"},
		{"plaintext port that answers", rueidis.ClientOption{InitAddress: []string{chatty.Addr().String()}, DisableCache: true}, source, "this port does not speak TLS"},
		{"closes at once", rueidis.ClientOption{InitAddress: []string{rude.Addr().String()}, DisableCache: true}, source, "ended the connection"},
		{"nobody there", rueidis.ClientOption{InitAddress: []string{closed.Addr().String()}, DisableCache: true}, source, "check the host and the port"},
		{"no name server", rueidis.ClientOption{InitAddress: []string{"cache.invalid:6380"}, Dialer: net.Dialer{Resolver: nameless}, DisableCache: true}, source, "check the host and the port"},
		{"no answer", rueidis.ClientOption{InitAddress: []string{"cache.example:6380"}, DialCtxFn: func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
		}}, source, "firewall"},
		{"no token", redis.ClientOption(), auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
			return auth.Credentials{Username: "u", Password: "p", ExpiresAt: time.Now().Add(-time.Hour)}, nil
		}), "credentials that have expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := rueidisentra.NewClient(c.option, c.source, nil)
			require.Nil(t, client)
			var failed *rueidisentra.ConnectError
			require.ErrorAs(t, err, &failed)
			require.Contains(t, err.Error(), c.says)
			require.Contains(t, err.Error(), c.option.InitAddress[0])
			require.NotContains(t, err.Error(), "eyJ")
		})
	}
}

func TestAReplicaThatCannotBeReachedIsNamed(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	redis := testutil.NewRedis(t, entra, nil)
	option := redis.ClientOption()
	option.Standalone.ReplicaAddress = []string{"localhost:1"}
	option.SendToReplicas = func(cmd rueidis.Completed) bool { return cmd.IsReadOnly() }
	_, err := rueidisentra.NewClient(option, tokenSource(t, entra), nil)
	var failed *rueidisentra.ConnectError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, redis.Addr()+",localhost:1", failed.Addr)
}

func TestTheTokenErrorOfASourceIsReachable(t *testing.T) {
	mine := &auth.TokenError{Kind: auth.Rejected, Code: "invalid_client", Hint: "mend it"}
	option := rueidis.ClientOption{InitAddress: []string{"cache.example:10000"}}
	_, err := rueidisentra.NewClient(option, auth.SourceFunc(func(context.Context) (auth.Credentials, error) { return auth.Credentials{}, mine }), nil)
	var failed *auth.TokenError
	require.ErrorAs(t, err, &failed)
	require.True(t, failed == mine)
	require.Equal(t, 1, strings.Count(err.Error(), "mend it"))
}

func TestAConnectionThatFailsIsLoggedWithoutSecrets(t *testing.T) {
	var logged bytes.Buffer
	opts := &rueidisentra.Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))}
	leaky := auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
		return auth.Credentials{}, errors.New("the vault said eyJhbGciOiJSUzI1NiJ9.e30.c2ln")
	})
	o, err := rueidisentra.Configure(rueidis.ClientOption{InitAddress: []string{"cache.example:10000"}}, leaky, opts)
	require.NoError(t, err)
	_, err = o.DialCtxFn(t.Context(), "cache.example:10000", &o.Dialer, o.TLSConfig)
	require.Error(t, err)
	_, err = o.AuthCredentialsFn(rueidis.AuthCredentialsContext{})
	require.Error(t, err)
	require.Equal(t, 2, strings.Count(logged.String(), "the vault said"))
	require.NotContains(t, logged.String(), "eyJ")
}

func TestAClientThatFailedIsClosed(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	redis := testutil.NewRedis(t, entra, nil)
	redis.SetRefusing(true)
	option := redis.ClientOption()
	option.ForceSingleClient = true // with it rueidis returns a client besides its error
	client, err := rueidisentra.NewClient(option, tokenSource(t, entra), nil)
	require.Nil(t, client)
	require.ErrorContains(t, err, "WRONGPASS")
	require.Eventually(t, func() bool { return redis.Stats().Open == 0 }, time.Minute, time.Millisecond)
}

func TestAServerThatRepeatsTheTokenIsNotQuoted(t *testing.T) {
	token := "eyJhbGciOiJSUzI1NiJ9." + strings.Repeat("abc", 40)
	option := rueidis.ClientOption{InitAddress: []string{"cache.example:10000"}, DialCtxFn: func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
		return nil, errors.New("ERR unknown command `AUTH`, with args beginning with: `oid` `" + token + "`")
	}}
	_, err := rueidisentra.NewClient(option, auth.Static("user", token), nil)
	require.NotContains(t, err.Error(), "eyJ")
	require.NotContains(t, err.Error(), "abcabc")
	require.Contains(t, err.Error(), "unknown command")
}
