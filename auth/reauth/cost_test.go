package reauth_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/internal/wire"
)

// instant is a connection to a server that has answered before the client reads.
type instant struct {
	net.Conn
	replies []byte
	read    int
}

func (c *instant) Write(p []byte) (int, error) {
	if nonce := []byte("redisentra:"); bytes.Contains(p, nonce) { // a probe: six of them, and DISCARD
		for _, part := range bytes.Split(p, nonce)[1:] {
			c.replies = fmt.Appendf(c.replies, "-ERR unknown 'redisentra:%s'\r\n", part[:26])
		}
		c.replies = append(c.replies, "-ERR DISCARD without MULTI\r\n"...)
		return len(p), nil
	}
	c.replies = append(c.replies, "+OK\r\n"...)
	return len(p), nil
}

func (c *instant) Read(p []byte) (int, error) {
	n := copy(p, c.replies[c.read:])
	if c.read += n; c.read == len(c.replies) {
		c.replies, c.read = c.replies[:0], 0
	}
	return n, nil
}

func (c *instant) RemoteAddr() net.Addr { return nil }
func (c *instant) Close() error         { return nil }

var hourly = auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
	return auth.Credentials{Username: "user", Password: "token", ExpiresAt: time.Now().Add(time.Hour)}, nil
})

// logIn logs in on conn.
func logIn(t *testing.T, conn *reauth.Conn) {
	creds, err := conn.Credentials(t.Context())
	require.NoError(t, err)
	_, err = conn.Write(wire.AppendCommand(nil, "AUTH", creds.Username, creds.Password))
	require.NoError(t, err)
	var buf [100]byte
	n, err := conn.Read(buf[:])
	require.NoError(t, err)
	require.Equal(t, "+OK\r\n", string(buf[:n]))
}

func TestAnIdleConnectionCostsNoGoroutineAndLittleMemory(t *testing.T) {
	const connections = 2000
	wrap := reauth.Wrap(reauth.Config{Source: hourly})
	inner := make([]*instant, connections)
	for i := range inner {
		inner[i] = &instant{replies: make([]byte, 0, 1024)}
	}
	conns := make([]*reauth.Conn, connections)
	goroutines, before := runtime.NumGoroutine(), heap()
	for i := range conns {
		conns[i] = wrap(inner[i])
		logIn(t, conns[i])
	}
	each := int64(heap()-before) / connections
	t.Logf("%d bytes a connection", each)
	require.Less(t, each, int64(2<<10))
	require.Less(t, runtime.NumGoroutine(), goroutines+connections/10)
	for _, c := range conns {
		require.NoError(t, c.Close())
	}
	runtime.KeepAlive(inner)
}

// heap returns the bytes that are in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestWritingAndReadingAllocateNothing(t *testing.T) {
	conn := reauth.NewConn(&instant{replies: make([]byte, 0, 1024)}, reauth.Config{Source: hourly})
	logIn(t, conn)
	for name, stream := range map[string][]byte{
		"a command":   wire.AppendCommand(nil, "SET", "key", "value"),
		"MULTI, EXEC": bytes.Join([][]byte{wire.AppendCommand(nil, "MULTI"), wire.AppendCommand(nil, "GET", "k"), wire.AppendCommand(nil, "EXEC")}, nil),
		"CLIENT":      bytes.Join([][]byte{wire.AppendCommand(nil, "CLIENT", "CACHING", "YES"), wire.AppendCommand(nil, "GET", "k")}, nil),
	} {
		buf := make([]byte, 100)
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			n, err := conn.Write(stream)
			m, err2 := conn.Read(buf)
			if n != len(stream) || err != nil || m == 0 || err2 != nil {
				panic("it does not work")
			}
		}), name)
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			_, _ = conn.Write(stream[:7])
			_, _ = conn.Write(stream[7:])
			_, _ = conn.Read(buf)
		}), "%s in two", name)
	}
	require.NoError(t, conn.Close())
}
