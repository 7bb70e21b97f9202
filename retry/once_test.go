package retry_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/testutil"
)

// forgetful is a connection that ends when the reply to a command comes, instead of giving it.
type forgetful struct {
	net.Conn
	words [][]byte      // one of which the command has
	count *atomic.Int32 // how many more replies are lost, of all connections
	lose  atomic.Bool
}

func (f *forgetful) Write(p []byte) (int, error) {
	for _, word := range f.words {
		if bytes.Contains(p, word) && f.count.Add(-1) >= 0 {
			f.lose.Store(true)
		}
	}
	return f.Conn.Write(p)
}

func (f *forgetful) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if err == nil && f.lose.Load() {
		_ = f.Conn.Close()
		return 0, io.EOF
	}
	return n, err
}

func TestEachIncrementIsAppliedOnceThoughRepliesAreLost(t *testing.T) {
	t.Parallel()
	s := newServer(t, &testutil.RedisServerOptions{Plaintext: true})
	var lost atomic.Int32
	option := s.ClientOption()
	option.DialCtxFn = func(ctx context.Context, _ string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
		c, err := s.Dial(ctx)
		return &forgetful{Conn: c, words: [][]byte{[]byte("INCR"), []byte("EVALSHA")}, count: &lost}, err
	}
	client := s.connect(t, option)
	const increments, losses = 20, 2
	runs := 0
	count := func(increment func(ctx context.Context, n int) (int64, error)) (replies []int64) {
		runs = 0
		for n := range increments {
			lost.Store(losses)
			reply, err := retry.DoValue(t.Context(), retry.Policy{InitialInterval: ms}, func(ctx context.Context) (int64, error) {
				runs++
				return increment(ctx, n)
			})
			require.NoError(t, err)
			replies = append(replies, reply)
		}
		return replies
	}

	bare := count(func(ctx context.Context, _ int) (int64, error) {
		return client.Do(ctx, client.B().Incr().Key("bare").Build()).AsInt64()
	})
	require.Equal(t, increments*(losses+1), runs)
	require.EqualValues(t, increments*(losses+1), bare[increments-1], "each run was applied, which is what the documentation warns of")

	// Load the script, so that all its runs are EVALSHA.
	require.NoError(t, incrOnce.Exec(t.Context(), client, []string{"other", "{other}"}, []string{"60"}).Error())
	ids := make([]string, increments)
	for i := range ids {
		ids[i] = "{once}:" + rand.Text()
	}
	once := count(func(ctx context.Context, n int) (int64, error) {
		return incrOnce.Exec(ctx, client, []string{"{once}", ids[n]}, []string{"3600"}).AsInt64()
	})
	require.Equal(t, increments*(losses+1), runs)
	for n, reply := range once {
		require.EqualValues(t, n+1, reply, "the reply of the run that counted")
	}
	total, err := client.Do(t.Context(), client.B().Get().Key("{once}").Build()).AsInt64()
	require.NoError(t, err)
	require.EqualValues(t, increments, total)
}
