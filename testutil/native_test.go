package testutil_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
)

// What miniredis cannot do, caching and RESP3's pub/sub, on a real server: all kinds of
// multiplexed connections outlive their tokens in Native mode.
func TestNativeKeepsTrackingAndSubscribedConnectionsLoggedIn(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	b.entra.SetLifetime(3 * time.Second)
	cred, err := b.entra.ClientSecret(b.user)
	require.NoError(t, err)
	source, err := auth.NewTokenSource(t.Context(), cred, nil)
	require.NoError(t, err)
	defer source.Close()
	var invalidated atomic.Int64
	client, err := rueidisentra.NewClient(rueidis.ClientOption{
		InitAddress: []string{b.Addr()}, PipelineMultiplex: 1,
		OnInvalidations: func([]rueidis.RedisMessage) { invalidated.Add(1) },
	}, source, &rueidisentra.Options{Reauth: rueidisentra.Native, AllowPlaintext: true})
	require.NoError(t, err)
	defer client.Close()

	ctx, stop := context.WithCancel(t.Context())
	confirmed, got, ended := make(chan bool, 1), make(chan string), make(chan error, 1)
	go func() {
		ctx := rueidis.WithOnSubscriptionHook(ctx, func(rueidis.PubSubSubscription) {
			select {
			case confirmed <- true:
			default: // the end of the subscription
			}
		})
		ended <- client.Receive(ctx, client.B().Subscribe().Channel("news").Build(), func(m rueidis.PubSubMessage) { got <- m.Message })
	}()
	<-confirmed
	first := b.entra.Issued()[0]
	for n := range 50 { // both connections are open now
		require.NoError(t, client.Do(ctx, client.B().Set().Key("k").Value("warm").Build()).Error(), n)
	}
	opened := b.Stats().Opened
	for n := int64(1); time.Now().Before(first.ExpiresAt.Add(6 * time.Second)); n++ {
		require.NoError(t, client.Do(ctx, client.B().Incr().Key("k:n").Build()).Error())
		cached, err := client.DoCache(ctx, client.B().Get().Key("k:n").Cache(), time.Minute).AsInt64()
		require.NoError(t, err)
		require.LessOrEqual(t, cached, n)
		require.NoError(t, client.Do(ctx, client.B().Publish().Channel("news").Message("x").Build()).Error())
		require.Equal(t, "x", <-got)
	}
	require.Positive(t, invalidated.Load())
	require.Equal(t, opened, b.Stats().Opened)
	require.Zero(t, b.Stats().ClosedOnExpiry)
	require.GreaterOrEqual(t, len(b.entra.Issued()), 4)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestNativeKeepsAClusterLoggedInOverAFailover(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	c.entra.SetLifetime(3 * time.Second)
	cred, err := c.entra.ClientSecret(c.user)
	require.NoError(t, err)
	source, err := auth.NewTokenSource(t.Context(), cred, nil)
	require.NoError(t, err)
	defer source.Close()
	option := c.ClientOption()
	option.TLSConfig.ServerName = "localhost"
	client, err := rueidisentra.NewClient(option, source, &rueidisentra.Options{Reauth: rueidisentra.Native})
	require.NoError(t, err)
	defer client.Close()
	failedOver := make(chan error, 1)
	go func() {
		var err error
		for shard := 0; shard < 3 && err == nil; shard++ {
			err = c.Failover(t.Context(), shard)
		}
		failedOver <- err
	}()
	first := c.entra.Issued()[0]
	for done := false; !done || time.Now().Before(first.ExpiresAt.Add(3*time.Second)); {
		c.setAll(client, "v")
		select {
		case err := <-failedOver:
			require.NoError(t, err)
			done = true
		default:
		}
	}
	c.requireAll(client, "v")
	stats := c.Stats()
	require.Zero(t, stats.Refused)
	require.Zero(t, stats.ClosedOnExpiry)
	for shard := range 3 {
		master, err := c.Master(t.Context(), shard)
		require.NoError(t, err)
		require.Same(t, c.Nodes[3+shard], master)
		require.Positive(t, master.Stats().Auths)
	}
}
