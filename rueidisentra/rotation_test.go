package rueidisentra_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// tokenSource is a source of a new principal of entra.
func tokenSource(t testing.TB, entra *testutil.Entra) *auth.TokenSource {
	t.Helper()
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	require.NoError(t, err)
	s, err := auth.NewTokenSource(t.Context(), cred, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

var native = &rueidisentra.Options{Reauth: rueidisentra.Native}

// eachMode runs f with options of each way to re-authenticate.
func eachMode(t *testing.T, f func(t *testing.T, opts *rueidisentra.Options)) {
	t.Helper()
	t.Run("InStream", func(t *testing.T) { f(t, nil) })
	t.Run("Native", func(t *testing.T) { f(t, native) })
}

// newClient is a client of redis that ends with the test.
func newClient(t *testing.T, redis *testutil.Redis, source auth.Source, opts *rueidisentra.Options) rueidis.Client {
	t.Helper()
	c, err := rueidisentra.NewClient(redis.ClientOption(), source, opts)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestPipelinedLoadDoesNotNoticeEightRotations(t *testing.T) { eachMode(t, pipelinedLoad) }

func pipelinedLoad(t *testing.T, opts *rueidisentra.Options) {
	entra := testutil.NewEntra(t, nil)
	entra.SetLifetime(2 * time.Second)
	redis := testutil.NewRedis(t, entra, nil)
	client := newClient(t, redis, tokenSource(t, entra), opts)

	// Warm up: rueidis opens its connections as they are needed.
	load(t, client, func(n int64) bool { return n >= 1000 })
	warm := redis.Stats()
	first := len(entra.Issued())
	commands := load(t, client, func(n int64) bool { return n >= 130_000 && len(entra.Issued()) >= first+8+1 })

	stats := redis.Stats()
	require.Equal(t, warm.Opened, stats.Opened, "connections were opened")
	require.Equal(t, warm.Open, stats.Open)
	require.Zero(t, stats.ClosedOnExpiry)
	require.Zero(t, stats.Refused)
	require.GreaterOrEqual(t, stats.Auths, 8*stats.Open)
	t.Logf("%d commands, 0 failed, %d tokens, %d connections, %d AUTHs", commands, len(entra.Issued()), stats.Open, stats.Auths)
}

// load sends pipelines from 16 goroutines until enough says so of the number of
// commands, all of which must succeed, and returns that number.
func load(t *testing.T, client rueidis.Client, enough func(int64) bool) int64 {
	t.Helper()
	var n atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for !enough(n.Load()) {
				cmds := make(rueidis.Commands, 0, 50)
				for range cap(cmds) / 2 {
					cmds = append(cmds, client.B().Incr().Key("n").Build(), client.B().Set().Key("k").Value("v").Build())
				}
				for _, r := range client.DoMulti(context.Background(), cmds...) {
					if err := r.Error(); err != nil {
						t.Errorf("a command failed: %v", err)
						return
					}
				}
				n.Add(int64(cap(cmds)))
			}
		})
	}
	wg.Wait()
	return n.Load()
}

func TestLongPipelinesOfNativeUseTheConnectionsThatStayAuthenticated(t *testing.T) {
	virtual(t, time.Hour, func(t *testing.T, entra *testutil.Entra, redis *testutil.Redis) {
		option := redis.ClientOption()
		option.PipelineMultiplex = -1 // one connection, unless a pool opens more
		client, err := rueidisentra.NewClient(option, tokenSource(t, entra), native)
		require.NoError(t, err)
		defer client.Close()
		for range 20 {
			cmds := make(rueidis.Commands, 0, rueidis.DefaultBlockingPipeline+10)
			for range cap(cmds) {
				cmds = append(cmds, client.B().Incr().Key("n").Build())
			}
			for _, r := range client.DoMulti(t.Context(), cmds...) {
				require.NoError(t, r.Error())
			}
			time.Sleep(9 * time.Minute)
		}
		require.Equal(t, 1, redis.Stats().Opened)
		require.Zero(t, redis.Stats().ClosedOnExpiry)
	})
}

// virtual runs f in virtual time with a fake Entra ID and a Redis that enforces
// its tokens.
func virtual(t *testing.T, lifetime time.Duration, f func(t *testing.T, entra *testutil.Entra, redis *testutil.Redis)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		entra := testutil.NewEntra(t, &testutil.EntraOptions{InMemory: true})
		entra.SetLifetime(lifetime)
		f(t, entra, testutil.NewRedis(t, entra, &testutil.RedisOptions{InMemory: true}))
	})
}

// requireUndisturbed uses client for d and fails if it notices anything.
func requireUndisturbed(t *testing.T, client rueidis.Client, redis *testutil.Redis, d time.Duration) {
	t.Helper()
	for range 50 { // rueidis opens its connections as chance needs them
		require.NoError(t, client.Do(t.Context(), client.B().Incr().Key("n").Build()).Error())
	}
	warm := redis.Stats()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(d / 200) {
		require.NoError(t, client.Do(t.Context(), client.B().Incr().Key("n").Build()).Error())
	}
	stats := redis.Stats()
	require.Equal(t, warm.Opened, stats.Opened, "connections were opened")
	require.Zero(t, stats.ClosedOnExpiry)
}

func TestHoursOfOneHourTokens(t *testing.T) { eachMode(t, hours) }

func hours(t *testing.T, opts *rueidisentra.Options) {
	virtual(t, time.Hour, func(t *testing.T, entra *testutil.Entra, redis *testutil.Redis) {
		client := newClient(t, redis, tokenSource(t, entra), opts)
		requireUndisturbed(t, client, redis, 6*time.Hour)
		require.InDelta(t, 7, len(entra.Issued()), 1)
		for _, a := range redis.Auths() {
			require.True(t, a.OK)
		}
		require.LessOrEqual(t, redis.Stats().Auths, redis.Stats().Open*7, "one AUTH for each token and connection")
	})
}

func TestConnectionsReauthenticateSpreadAndThreeMinutesBeforeTheEnd(t *testing.T) {
	eachMode(t, spread)
}

func spread(t *testing.T, opts *rueidisentra.Options) {
	virtual(t, time.Hour, func(t *testing.T, entra *testutil.Entra, redis *testutil.Redis) {
		source := tokenSource(t, entra)
		option := redis.ClientOption()
		option.Dialer.KeepAlive = 10 * time.Minute // fewer PINGs
		for range 100 {
			client, err := rueidisentra.NewClient(option, source, opts)
			require.NoError(t, err)
			defer client.Close()
		}
		open := redis.Stats().Open
		expires := entra.Issued()[0].ExpiresAt
		time.Sleep(time.Until(expires))
		perSecond := map[time.Time]int{}
		reauths := redis.Auths()[open:]
		require.Len(t, reauths, open)
		for _, a := range reauths {
			before := expires.Sub(a.At)
			require.LessOrEqual(t, before, 4*time.Minute)
			require.GreaterOrEqual(t, before, 179*time.Second)
			perSecond[a.At.Truncate(time.Second)]++
		}
		for at, n := range perSecond {
			require.LessOrEqual(t, n, 4*open/60+8, "at %v", at)
		}
		require.Zero(t, redis.Stats().ClosedOnExpiry)
	})
}

func TestASourceThatFailsHangsOrRepeatsItselfIsNotNoticed(t *testing.T) {
	for name, behave := range map[string]func(ctx context.Context, release chan struct{}, c auth.Credentials) (auth.Credentials, error){
		"fails": func(context.Context, chan struct{}, auth.Credentials) (auth.Credentials, error) {
			return auth.Credentials{}, errors.New("down")
		},
		"hangs": func(ctx context.Context, _ chan struct{}, _ auth.Credentials) (auth.Credentials, error) {
			<-ctx.Done()
			return auth.Credentials{}, ctx.Err()
		},
		"ignores ctx": func(_ context.Context, release chan struct{}, c auth.Credentials) (auth.Credentials, error) {
			<-release
			return c, nil
		},
		"same token": func(_ context.Context, _ chan struct{}, c auth.Credentials) (auth.Credentials, error) { return c, nil },
		"expired ones": func(context.Context, chan struct{}, auth.Credentials) (auth.Credentials, error) {
			return auth.Credentials{Username: "u", Password: "p", ExpiresAt: time.Now().Add(-time.Hour)}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, time.Hour, func(t *testing.T, entra *testutil.Entra, redis *testutil.Redis) {
				release := make(chan struct{})
				tokens := tokenSource(t, entra)
				first, err := tokens.Credentials(t.Context())
				require.NoError(t, err)
				bad := first.ExpiresAt.Add(-5 * time.Minute)
				source := auth.SourceFunc(func(ctx context.Context) (auth.Credentials, error) {
					if now := time.Now(); now.After(bad) && now.Before(first.ExpiresAt.Add(-time.Minute)) {
						return behave(ctx, release, first)
					}
					return tokens.Credentials(ctx)
				})
				client := newClient(t, redis, source, nil)
				time.AfterFunc(time.Until(first.ExpiresAt)-time.Minute, func() { close(release) })
				requireUndisturbed(t, client, redis, 2*time.Hour)
				require.LessOrEqual(t, len(redis.Auths()), 40*redis.Stats().Open, "no AUTH loop")
			})
		})
	}
}

func TestAnOutageOfEntraIsNotNoticedByAClient(t *testing.T) {
	virtual(t, time.Hour, func(t *testing.T, entra *testutil.Entra, redis *testutil.Redis) {
		client := newClient(t, redis, tokenSource(t, entra), nil)
		time.Sleep(55 * time.Minute)
		entra.Fail(testutil.Failure{})
		requireUndisturbed(t, client, redis, 4*time.Minute)
		entra.Recover()
		requireUndisturbed(t, client, redis, 2*time.Hour)
	})
}

func TestAClientComesBackAfterAnOutageThatOutlivesTheToken(t *testing.T) {
	virtual(t, time.Hour, func(t *testing.T, entra *testutil.Entra, redis *testutil.Redis) {
		client := newClient(t, redis, tokenSource(t, entra), nil)
		entra.Fail(testutil.Failure{})
		time.Sleep(2 * time.Hour)
		var failed *auth.TokenError
		require.ErrorAs(t, client.Do(t.Context(), client.B().Incr().Key("n").Build()).Error(), &failed)
		entra.Recover()
		time.Sleep(31 * time.Second)
		require.NoError(t, client.Do(t.Context(), client.B().Incr().Key("n").Build()).Error())
	})
}
