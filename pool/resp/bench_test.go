package resp_test

import (
	"bufio"
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
	"github.com/redisentra/redisentra/pool/resp"
	"github.com/redisentra/redisentra/testutil"
)

// benchServer starts a redis-server and returns a way to connect to it past the gateway,
// which would be measured otherwise, and the password.
func benchServer(tb testing.TB) (dial func(context.Context, string, string) (net.Conn, error), password string) {
	s := testutil.NewRedisServer(tb, testutil.NewEntra(tb, nil), &testutil.RedisServerOptions{Plaintext: true})
	admin := s.AdminOption()
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return admin.DialCtxFn(ctx, "", nil, nil)
	}, admin.Password
}

// tap is a connection that can be used below the client, too.
type tap struct{ net.Conn }

func (t *tap) NetConn() net.Conn { return t.Conn }

// BenchmarkGet compares GETs of this package with the bare Write and Read of the same bytes on the
// same socket, in turns, so that a noisy machine is equally noisy to both.
func BenchmarkGet(b *testing.B) {
	ctx := context.Background()
	dial, password := benchServer(b)
	var raw net.Conn
	c, err := resp.Dial(ctx, "tcp", "", &resp.Options{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var err error
		raw, err = dial(ctx, network, addr)
		return raw, err
	}})
	require.NoError(b, err)
	defer c.Close()
	require.NoError(b, c.Auth(ctx, "", password))
	_, err = c.Do(ctx, "SET", "key", "a value of some twenty bytes")
	require.NoError(b, err)

	request := wire.AppendCommand(nil, "GET", "key")
	answer := len("$28\r\na value of some twenty bytes\r\n")
	buf := make([]byte, 16<<10)
	bare := func() {
		if _, err := raw.Write(request); err != nil {
			b.Fatal(err)
		}
		if n, err := raw.Read(buf); n != answer || err != nil {
			b.Fatal(n, err)
		}
	}
	client := func() {
		if v, err := c.Do(ctx, "GET", "key"); err != nil || v.Kind() != resp.KindString {
			b.Fatal(v, err)
		}
	}
	compare(b, bare, client)
}

// BenchmarkPipeline does the same with 100 GETs at once, which are read through a bufio.Reader.
func BenchmarkPipeline(b *testing.B) {
	ctx := context.Background()
	dial, password := benchServer(b)
	var raw net.Conn
	c, err := resp.Dial(ctx, "tcp", "", &resp.Options{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var err error
		raw, err = dial(ctx, network, addr)
		return &tap{raw}, err
	}})
	require.NoError(b, err)
	defer c.Close()
	require.NoError(b, c.Auth(ctx, "", password))
	_, err = c.Do(ctx, "SET", "key", "a value of some twenty bytes")
	require.NoError(b, err)

	var request []byte
	var cmds [][]string
	for range 100 {
		request = wire.AppendCommand(request, "GET", "key")
		cmds = append(cmds, []string{"GET", "key"})
	}
	answer := 100 * len("$28\r\na value of some twenty bytes\r\n")
	r := bufio.NewReaderSize(nil, 16<<10)
	bare := func() {
		if _, err := raw.Write(request); err != nil {
			b.Fatal(err)
		}
		r.Reset(raw)
		if n, err := r.Discard(answer); n != answer || err != nil {
			b.Fatal(n, err)
		}
	}
	client := func() {
		if v, err := c.Pipeline(ctx, cmds...); err != nil || len(v) != 100 {
			b.Fatal(v, err)
		}
	}
	compare(b, bare, client)
}
