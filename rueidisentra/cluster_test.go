package rueidisentra_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// tags are hash tags of one slot in each of three masters.
var tags = []string{"{a}", "{b}", "{c}"}

func TestEveryKindOfConnectionToAClusterSurvivesSixLives(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	entra.SetLifetime(time.Second)
	cluster := testutil.NewRedisCluster(t, entra, nil)
	option := cluster.ClientOption()
	require.Empty(t, option.TLSConfig.ServerName)
	option.BlockingPoolSize = poolSize
	client, err := rueidisentra.NewClient(option, tokenSource(t, entra), nil)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	var all []*works
	for _, tag := range tags {
		all = append(all, newWorks(t, client, tag))
	}
	requireNothingNoticed(t, all, cluster.Stats)
}

func TestAFailoverDuringRotationLosesNoAcknowledgedWrite(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	entra.SetLifetime(time.Second)
	cluster := testutil.NewRedisCluster(t, entra, nil)
	client, err := rueidisentra.NewClient(cluster.ClientOption(), tokenSource(t, entra), nil)
	require.NoError(t, err)
	t.Cleanup(client.Close)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	acknowledged := make([][]string, len(tags))
	var writers sync.WaitGroup
	for i, tag := range tags {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				key := tag + strconv.Itoa(n)
				// A write that fails may have been applied or not; only what was acknowledged counts.
				if client.Do(context.Background(), client.B().Set().Key(key).Value(key).Build()).Error() == nil {
					acknowledged[i] = append(acknowledged[i], key)
				}
				<-time.After(rest)
			}
		})
	}
	for shard := range 3 {
		require.NoError(t, cluster.Failover(t.Context(), shard))
		<-time.After(time.Second) // the life of a token at the new master
	}
	cancel()
	writers.Wait()
	for i := range tags {
		require.Greater(t, len(acknowledged[i]), 50)
		for _, key := range acknowledged[i] {
			got, err := client.Do(t.Context(), client.B().Get().Key(key).Build()).ToString()
			require.NoError(t, err, key)
			require.Equal(t, key, got)
		}
	}
	require.Zero(t, cluster.Stats().ClosedOnExpiry)
	require.Zero(t, cluster.Stats().Refused)
}
