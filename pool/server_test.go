package pool_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/pool/resp"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/testutil"
)

// redis is a real redis-server with a source of tokens for it.
type redis struct {
	*testutil.RedisServer
	source *auth.TokenSource
}

func newRedis(t *testing.T, life time.Duration, opts *testutil.RedisServerOptions) redis {
	t.Helper()
	entra := testutil.NewEntra(t, nil)
	entra.SetLifetime(life)
	server := testutil.NewRedisServer(t, entra, opts)
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	require.NoError(t, err)
	source, err := auth.NewTokenSource(t.Context(), cred, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = source.Close() })
	return redis{server, source}
}

// tokenConn is a connection that knows what it is logged in with.
type tokenConn struct {
	*resp.Conn
	token string
}

func (c *tokenConn) Auth(ctx context.Context, user, token string) error {
	err := c.Conn.Auth(ctx, user, token)
	if err == nil {
		c.token = token
	}
	return err
}

func (r redis) pool(t *testing.T, size int32) *pool.Pool[*tokenConn] {
	t.Helper()
	p, err := pool.New(pool.Config[*tokenConn]{
		Dial: func(ctx context.Context) (*tokenConn, error) {
			c, err := resp.Dial(ctx, "tcp", r.Addr(), &resp.Options{TLSConfig: r.TLSConfig()})
			return &tokenConn{Conn: c}, err
		},
		Source: r.source, MaxSize: size,
	})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func TestABusyPoolOutlivesTenTokens(t *testing.T) {
	t.Parallel()
	r := newRedis(t, time.Second, nil)
	p := r.pool(t, 16)
	var done atomic.Int64
	var users sync.WaitGroup
	for i := range 64 {
		users.Go(func() {
			for begin := time.Now(); time.Since(begin) < 10*time.Second; {
				err := p.Do(t.Context(), func(c *tokenConn) error {
					newest, err := r.source.Credentials(t.Context())
					if err != nil {
						return err
					}
					// The last moment for a new token is 310 ms before the end; the rest is for this machine's pauses.
					if left := time.Until(newest.ExpiresAt); c.token != newest.Password && left < 100*time.Millisecond {
						return fmt.Errorf("handed out on an older token than one with %v left", left)
					}
					_, err = c.Do(t.Context(), "INCR", strconv.Itoa(i))
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
				<-time.After(time.Millisecond) // the machine has other things to do as well
			}
		})
	}
	users.Wait()
	stat, seen := p.Stat(), r.Stats()
	t.Logf("%d commands, %d AUTHs on %d connections", done.Load(), stat.Reauths, stat.New)
	require.LessOrEqual(t, stat.New, int64(16))
	require.Zero(t, stat.Discarded)
	require.Zero(t, stat.FailedReauths)
	require.Zero(t, seen.ClosedOnExpiry)
	require.Zero(t, seen.Refused)
	require.Equal(t, int(stat.New), seen.Opened)
	require.GreaterOrEqual(t, stat.Reauths, 10*stat.New)
}

func TestAnIdlePoolOutlivesTenTokens(t *testing.T) {
	t.Parallel()
	r := newRedis(t, time.Second, nil)
	p := r.pool(t, 16)
	var leases [16]pool.Lease[*tokenConn]
	for i := range leases {
		var err error
		leases[i], err = p.Acquire(t.Context())
		require.NoError(t, err)
	}
	for _, l := range leases {
		l.Release()
	}
	<-time.After(10 * time.Second)
	for i := range leases {
		var err error
		leases[i], err = p.Acquire(t.Context())
		require.NoError(t, err)
		_, err = leases[i].Conn().Do(t.Context(), "PING")
		require.NoError(t, err)
	}
	for _, l := range leases {
		l.Release()
	}
	stat, seen := p.Stat(), r.Stats()
	require.Equal(t, int64(16), stat.New)
	require.Zero(t, stat.Discarded)
	require.Zero(t, seen.ClosedOnExpiry)
	require.Equal(t, 16, seen.Opened)
	require.GreaterOrEqual(t, stat.Reauths, int64(16*10))
}

func TestNoAcknowledgedSetIsLostWhenTheServerIsKilledThreeTimes(t *testing.T) {
	t.Parallel()
	r := newRedis(t, time.Minute, &testutil.RedisServerOptions{Args: []string{"--appendonly", "yes", "--appendfsync", "always"}})
	p := r.pool(t, 8)
	policy := retry.Policy{MaxAttempts: 1000, MaxInterval: 200 * time.Millisecond, Refresh: r.source.Refresh}
	ctx, stop := context.WithCancel(t.Context())
	acknowledged := make([][]string, 16)
	var users sync.WaitGroup
	for i := range acknowledged {
		users.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				key := fmt.Sprintf("%d:%d", i, n)
				err := retry.Do(t.Context(), policy, func(ctx context.Context) error {
					return p.Do(ctx, func(c *tokenConn) error {
						_, err := c.Do(ctx, "SET", key, key)
						return err
					})
				})
				if err != nil {
					t.Error(err)
					return
				}
				acknowledged[i] = append(acknowledged[i], key)
			}
		})
	}
	ping := func(ctx context.Context) error {
		return p.Do(ctx, func(c *tokenConn) error {
			_, err := c.Do(ctx, "PING")
			return err
		})
	}
	for range 3 {
		<-time.After(200 * time.Millisecond)
		require.NoError(t, r.Kill())
		<-time.After(300 * time.Millisecond)
		require.NoError(t, r.Restart())
		// Back at once: three attempts, as the documented loop has them, are enough whatever connections are left.
		require.NoError(t, retry.Do(t.Context(), retry.Policy{}, ping))
	}
	stop()
	users.Wait()
	total := 0
	for _, keys := range acknowledged {
		total += len(keys)
		for _, key := range keys {
			require.NoError(t, p.Do(t.Context(), func(c *tokenConn) error {
				v, err := c.Do(t.Context(), "GET", key)
				if got, _ := v.Text(); err == nil && got != key {
					err = fmt.Errorf("%s is %q", key, got)
				}
				return err
			}))
		}
	}
	t.Logf("%d SETs, %d connections", total, p.Stat().New)
	require.Positive(t, total)
}

func TestWhereConnectionsDropAllTheTimeOperationsEnd(t *testing.T) {
	t.Parallel()
	r := newRedis(t, time.Minute, nil)
	p := r.pool(t, 8)
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var users sync.WaitGroup
	users.Go(func() {
		for ctx.Err() == nil {
			<-time.After(50 * time.Millisecond)
			r.CloseConnections()
		}
	})
	var good, bad atomic.Int64
	for i := range 32 {
		users.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				err := retry.Do(t.Context(), retry.Policy{}, func(ctx context.Context) error {
					return p.Do(ctx, func(c *tokenConn) error {
						_, err := c.Do(ctx, "SET", strconv.Itoa(i), strconv.Itoa(n))
						return err
					})
				})
				var given *retry.Error
				switch {
				case err == nil:
					good.Add(1)
				case errors.As(err, &given) && given.Class == retry.ConnectionLost && given.Attempts == 3:
					bad.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	users.Wait()
	t.Logf("%d good, %d given up, %+v", good.Load(), bad.Load(), p.Stat())
	require.Positive(t, good.Load())
	require.Eventually(t, func() bool { return p.Stat().Acquired == 0 }, 10*time.Second, time.Millisecond, "an idle one may just be getting its AUTH")
}
