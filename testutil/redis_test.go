package testutil_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

func TestStartRedisWantsAnEntra(t *testing.T) {
	t.Parallel()
	_, err := testutil.StartRedis(nil, nil)
	require.ErrorContains(t, err, "needs an Entra")
}

func TestRevokeRefusesLoginsUntilAssignAndLeavesConnectionsAlone(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	r := testutil.NewRedis(t, e.Entra, &testutil.RedisOptions{Plaintext: true})
	p, other := e.NewPrincipal(), e.NewPrincipal()
	token := newToken(t, e, p)
	c := connect(t, r.Dial)
	c.login(p.ObjectID, token)
	r.Revoke(p)
	requirePrefix(t, wrongpass, connect(t, r.Dial).do("AUTH", p.ObjectID, token))
	requirePrefix(t, wrongpass, c.do("AUTH", p.ObjectID, token))
	require.Equal(t, ok, c.do("SET", "k", "v"))
	connect(t, r.Dial).login(other.ObjectID, newToken(t, e, other))
	r.Assign(p)
	connect(t, r.Dial).login(p.ObjectID, token)
	require.Equal(t, testutil.GatewayStats{Opened: 4, Open: 4, Auths: 3, Refused: 2}, r.Stats())
}

func TestTokensOfAnotherEntraAreRefused(t *testing.T) {
	t.Parallel()
	e, foreign := borrowEntra(t), borrowEntra(t)
	r := testutil.NewRedis(t, e.Entra, &testutil.RedisOptions{Plaintext: true})
	p := foreign.NewPrincipal()
	requirePrefix(t, wrongpass, connect(t, r.Dial).do("AUTH", p.ObjectID, newToken(t, foreign, p)))
}

func TestMiniHoldsTheData(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	r := testutil.NewRedis(t, e.Entra, &testutil.RedisOptions{Plaintext: true})
	require.NoError(t, r.Mini.Set("k", "v"))
	p := e.NewPrincipal()
	c := connect(t, r.Dial)
	c.login(p.ObjectID, newToken(t, e, p))
	require.Equal(t, "$1\r\nv\r\n", c.do("GET", "k"))
	require.Equal(t, ok, c.do("SET", "k", "w"))
	r.Mini.CheckGet(t, "k", "w")
	requirePrefix(t, "-ERR This instance has cluster support disabled", c.do("CLUSTER", "SLOTS"))
}

func TestTheCertificateNamesLocalhostOnly(t *testing.T) {
	t.Parallel()
	r := testutil.NewRedis(t, borrowEntra(t).Entra, nil)
	require.True(t, strings.HasPrefix(r.Addr(), "localhost:"))
	dial := func(name string) (*tls.Conn, error) {
		conn, err := r.Dial(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		cfg := r.TLSConfig()
		require.Empty(t, cfg.ServerName)
		cfg.ServerName = name
		c := tls.Client(conn, cfg)
		return c, c.HandshakeContext(t.Context())
	}
	c, err := dial("localhost")
	require.NoError(t, err)
	leaf := c.ConnectionState().PeerCertificates[0]
	require.Equal(t, []string{"localhost"}, leaf.DNSNames)
	require.Empty(t, leaf.IPAddresses)
	for _, name := range []string{"127.0.0.1", "redis.example.com"} {
		_, err = dial(name)
		var wrong x509.HostnameError
		require.ErrorAs(t, err, &wrong, name)
	}
	_, err = (&tls.Dialer{}).DialContext(t.Context(), "tcp", r.Addr())
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown, "nobody else trusts it")
}

func TestWithPlaintextThereIsNoTLS(t *testing.T) {
	t.Parallel()
	r := testutil.NewRedis(t, borrowEntra(t).Entra, &testutil.RedisOptions{Plaintext: true})
	require.Nil(t, r.TLSConfig())
	require.Nil(t, r.ClientOption().TLSConfig)
	conn, err := net.Dial("tcp", r.Addr())
	require.NoError(t, err)
	defer conn.Close()
	requirePrefix(t, noauth, newClient(t, conn).do("PING"))
}

// It is not parallel, as nothing else runs while the race detector looks at 64 MiB at
// once, which may take longer than other tests' tokens live.
func TestAValueOf64MiBPasses(t *testing.T) {
	e := borrowEntra(t)
	r := testutil.NewRedis(t, e.Entra, &testutil.RedisOptions{Plaintext: true})
	p := e.NewPrincipal()
	c := connect(t, r.Dial)
	c.login(p.ObjectID, newToken(t, e, p))
	const n = 1024 // parts of 64 KiB
	part := []byte(strings.Repeat("64 bytes that are repeated until there are a million such lines\n", 1024))
	c.write("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$67108864\r\n")
	for range n {
		_, err := c.conn.Write(part)
		require.NoError(t, err)
	}
	c.write("\r\n")
	require.Equal(t, ok, c.reply())

	c.send("GET", "k")
	length, err := c.r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "$67108864\r\n", length)
	got := make([]byte, len(part))
	for range n {
		_, err := io.ReadFull(c.r, got)
		require.NoError(t, err)
		require.True(t, bytes.Equal(part, got))
	}
	_, err = c.r.Discard(len("\r\n"))
	require.NoError(t, err)
	require.Equal(t, "+PONG\r\n", c.do("PING"))
}

func TestRueidisReachesItOverTLS(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	r := testutil.NewRedis(t, e.Entra, nil)
	p := e.NewPrincipal()
	option := r.ClientOption()
	option.Username, option.Password = p.ObjectID, newToken(t, e, p)
	c, err := rueidis.NewClient(option)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Do(t.Context(), c.B().Set().Key("k").Value("v").Build()).Error())
	r.Mini.CheckGet(t, "k", "v")
}

func TestCloseOfRedisMayBeCalledAgain(t *testing.T) {
	e := newEntra(t, false)
	r, err := testutil.StartRedis(e.Entra, nil)
	require.NoError(t, err)
	addr := r.Addr()
	conn, err := tls.Dial("tcp", addr, r.TLSConfig())
	require.NoError(t, err)
	defer conn.Close()
	p := e.NewPrincipal()
	newClient(t, conn).login(p.ObjectID, newToken(t, e, p))
	r.Close()
	r.Close()
	newClient(t, conn).requireClosed()
	_, err = net.Dial("tcp", addr)
	require.Error(t, err)
	requireNoGoroutineIn(t, "testutil.(*gatewayConn).")
	requireNoGoroutineIn(t, "miniredis/v2/server.(*Server).")
}

func TestInMemoryARueidisClientRunsForHoursAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // which does not end before the last goroutine
		e := newEntra(t, true)
		r := testutil.NewRedis(t, e.Entra, &testutil.RedisOptions{InMemory: true})
		cred, err := e.ClientSecret(e.NewPrincipal())
		require.NoError(t, err)
		source, err := auth.NewTokenSource(t.Context(), cred, nil)
		require.NoError(t, err)
		defer source.Close()
		option := r.ClientOption()
		option.PipelineMultiplex = -1              // one connection
		option.Dialer.KeepAlive = 10 * time.Minute // how often rueidis pings
		c, err := rueidisentra.NewClient(option, source, &rueidisentra.Options{Reauth: rueidisentra.Native})
		require.NoError(t, err)
		defer c.Close()
		for range 8 * 60 {
			require.NoError(t, c.Do(t.Context(), c.B().Incr().Key("k").Build()).Error())
			time.Sleep(time.Minute)
		}
		r.Mini.CheckGet(t, "k", "480")
		stats := r.Stats()
		require.GreaterOrEqual(t, stats.Auths, 8)
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: stats.Auths}, stats)
		require.GreaterOrEqual(t, len(e.Issued()), 8)
	})
}

func TestInMemoryNothingIsDialledAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newMiniredis(t, true)
		c := b.login(time.Hour)
		c.send("BLPOP", "q", "0")
		b.Close()
		c.requireClosed()
		_, err := b.Dial(t.Context())
		require.ErrorIs(t, err, net.ErrClosed)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = b.Dial(ctx)
		require.Error(t, err)
	})
}
