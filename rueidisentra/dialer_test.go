package rueidisentra_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// dedicatedPool returns a pool of the dedicated connections of a client of redis.
func dedicatedPool(t *testing.T, redis *testutil.RedisServer, source auth.Source, size int32, opts *rueidisentra.Options) *pool.Pool[*rueidisentra.Conn] {
	t.Helper()
	client, err := rueidisentra.NewClient(redis.ClientOption(), source, opts)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	p, err := pool.New(pool.Config[*rueidisentra.Conn]{Dial: rueidisentra.Dialer(client), Source: source, MaxSize: size})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func TestAPoolOfDedicatedConnectionsOutlivesItsTokens(t *testing.T) {
	for name, reauth := range map[string]rueidisentra.Reauth{"in the stream": rueidisentra.InStream, "native": rueidisentra.Native} {
		t.Run(name, func(t *testing.T) {
			entra := testutil.NewEntra(t, nil)
			entra.SetLifetime(time.Second)
			redis := testutil.NewRedisServer(t, entra, nil)
			source := tokenSource(t, entra)
			p := dedicatedPool(t, redis, source, 8, &rueidisentra.Options{Reauth: reauth})
			var users sync.WaitGroup
			for i := range 16 {
				users.Go(func() {
					key := strconv.Itoa(i)
					for begin, n := time.Now(), int64(1); time.Since(begin) < 3*time.Second; n++ {
						err := p.Do(t.Context(), func(c *rueidisentra.Conn) error {
							if err := c.Do(t.Context(), c.B().Watch().Key(key).Build()).Error(); err != nil {
								return err
							}
							for _, reply := range c.DoMulti(t.Context(), c.B().Multi().Build(), c.B().Incr().Key(key).Build(), c.B().Exec().Build()) {
								if err := reply.Error(); err != nil {
									return err
								}
							}
							return nil
						})
						if err != nil {
							t.Error(err)
							return
						}
						<-time.After(rest)
					}
				})
			}
			users.Wait()
			require.LessOrEqual(t, p.Stat().New, int64(8))
			require.Zero(t, p.Stat().Discarded)
			require.Positive(t, p.Stat().Reauths)
			require.Zero(t, redis.Stats().ClosedOnExpiry)
			require.Zero(t, redis.Stats().Queued)
		})
	}
}

func TestTheDialerReportsWhatItCannotDial(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	redis := testutil.NewRedisServer(t, entra, nil)
	source := tokenSource(t, entra)
	p := dedicatedPool(t, redis, source, 1, nil)
	set := func(c *rueidisentra.Conn) error {
		return c.Do(t.Context(), c.B().Set().Key("k").Value("v").Build()).Error()
	}
	require.NoError(t, p.Do(t.Context(), set))
	require.NoError(t, redis.Kill())
	require.Error(t, p.Do(t.Context(), set))
	require.ErrorContains(t, p.Do(t.Context(), set), "pool: login:")
	require.NoError(t, redis.Restart())
	require.NoError(t, p.Do(t.Context(), set))
}

func TestAPasswordWithoutAUserLogsInAsTheDefaultUser(t *testing.T) {
	mini := miniredis.RunT(t)
	mini.RequireAuth("key")
	source := auth.Static("", "key")
	option := rueidis.ClientOption{InitAddress: []string{mini.Addr()}, DisableCache: true, ForceSingleClient: true}
	client, err := rueidisentra.NewClient(option, source, &rueidisentra.Options{AllowPlaintext: true})
	require.NoError(t, err)
	defer client.Close()
	p, err := pool.New(pool.Config[*rueidisentra.Conn]{Dial: rueidisentra.Dialer(client), Source: source, MaxSize: 1})
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, p.Do(t.Context(), func(c *rueidisentra.Conn) error {
		return c.Do(t.Context(), c.B().Ping().Build()).Error()
	}))
}

func TestAPoolOfDedicatedConnectionsIsBackAtOnceAfterARestart(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	redis := testutil.NewRedisServer(t, entra, nil)
	source := tokenSource(t, entra)
	p := dedicatedPool(t, redis, source, 16, nil)
	var leases [16]pool.Lease[*rueidisentra.Conn]
	for i := range leases {
		var err error
		leases[i], err = p.Acquire(t.Context())
		require.NoError(t, err)
	}
	for _, l := range leases {
		l.Release()
	}
	require.NoError(t, redis.Kill())
	require.NoError(t, redis.Restart())
	for range 20 { // whichever of the 16 are taken, three attempts are enough
		require.NoError(t, retry.Do(t.Context(), retry.Policy{}, func(ctx context.Context) error {
			return p.Do(ctx, func(c *rueidisentra.Conn) error {
				return c.Do(ctx, c.B().Set().Key("k").Value("v").Build()).Error()
			})
		}))
	}
}

func TestTheDialerRefusesAClustersClient(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	cluster := testutil.NewRedisCluster(t, entra, &testutil.RedisClusterOptions{Masters: 1, Replicas: -1})
	client, err := rueidisentra.NewClient(cluster.ClientOption(), tokenSource(t, entra), nil)
	require.NoError(t, err)
	defer client.Close()
	_, err = rueidisentra.Dialer(client)(context.Background())
	var config *auth.ConfigError
	require.ErrorAs(t, err, &config)
}
