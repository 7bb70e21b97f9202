package rueidisentra_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

func TestEndlessBlockingCommandsSurviveFiveExpiriesIfBounded(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	entra.SetLifetime(time.Second)
	redis := testutil.NewRedisServer(t, entra, &testutil.RedisServerOptions{Args: []string{"--hz", "100"}})
	plain, err := rueidisentra.NewClient(redis.ClientOption(), tokenSource(t, entra), nil)
	require.NoError(t, err)
	t.Cleanup(plain.Close)
	bound := rueidisentra.BoundBlocking(plain, 100*time.Millisecond)
	ctx := context.Background()

	// Each item is sent once its reader has waited for longer than a token lives.
	const items = 4
	var readers sync.WaitGroup
	popped, read := make(chan string, items), make(chan string, items)
	readers.Go(func() {
		for range items {
			got, err := bound.Do(ctx, bound.B().Blpop().Key("queue").Timeout(0).Build()).AsStrSlice()
			if err != nil {
				t.Errorf("BLPOP: %v", err)
				return
			}
			popped <- got[1]
		}
	})
	require.NoError(t, plain.Do(ctx, plain.B().Xadd().Key("stream").Id("*").FieldValue().FieldValue("n", "before").Build()).Error())
	readers.Go(func() {
		last := "$"
		for range items {
			got, err := bound.Do(ctx, bound.B().Xread().Block(0).Streams().Key("stream").Id(last).Build()).AsXRead()
			if err != nil || len(got["stream"]) != 1 {
				t.Errorf("XREAD returned %v: %v", got, err)
				return
			}
			last = got["stream"][0].ID
			read <- got["stream"][0].FieldValues["n"]
		}
	})
	for i := range items {
		<-time.After(1300 * time.Millisecond)
		item := strconv.Itoa(i)
		require.NoError(t, plain.Do(ctx, plain.B().Rpush().Key("queue").Element(item).Build()).Error())
		require.NoError(t, plain.Do(ctx, plain.B().Xadd().Key("stream").Id("*").FieldValue().FieldValue("n", item).Build()).Error())
		for name, c := range map[string]chan string{"BLPOP": popped, "XREAD": read} {
			select {
			case got := <-c:
				require.Equal(t, item, got, name)
			case <-time.After(time.Minute):
				t.Fatalf("%s: item %s was lost", name, item)
			}
		}
	}
	readers.Wait()
	require.GreaterOrEqual(t, len(entra.Issued()), 6)
	require.Zero(t, redis.Stats().ClosedOnExpiry)
	require.Zero(t, redis.Stats().Queued)
}

func TestALockOfRueidislockIsHeldWhileTokensRotate(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	entra.SetLifetime(time.Second)
	redis := testutil.NewRedisServer(t, entra, nil)
	option, err := rueidisentra.Configure(redis.ClientOption(), tokenSource(t, entra), nil)
	require.NoError(t, err)
	locker, err := rueidislock.NewLocker(rueidislock.LockerOption{
		ClientOption: option, KeyMajority: 1,
		KeyValidity: 10 * time.Second, ExtendInterval: 100 * time.Millisecond, // for a slow machine, and often in each token's life
	})
	require.NoError(t, err)
	defer locker.Close()
	held, unlock, err := locker.WithContext(t.Context(), "lock")
	require.NoError(t, err)
	for range 5 {
		select {
		case <-held.Done():
			t.Fatalf("the lock was lost: %v", context.Cause(held))
		case <-time.After(time.Second):
		}
		_, _, err := locker.TryWithContext(t.Context(), "lock")
		require.ErrorIs(t, err, rueidislock.ErrNotLocked, "nobody else gets it")
	}
	unlock()
	require.Zero(t, redis.Stats().ClosedOnExpiry)
	require.Zero(t, redis.Stats().Queued)
}

func TestTheClientIsRueidisOwn(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	redis := testutil.NewRedisServer(t, entra, nil)
	client, err := rueidisentra.NewClient(redis.ClientOption(), tokenSource(t, entra), nil)
	require.NoError(t, err)
	defer client.Close()
	plain, err := rueidis.NewClient(redis.AdminOption())
	require.NoError(t, err)
	defer plain.Close()
	require.Equal(t, fmt.Sprintf("%T", plain), fmt.Sprintf("%T", client))
	for key, err := range rueidis.MSet(client, t.Context(), map[string]string{"a": "1", "b": "2"}) {
		require.NoError(t, err, key)
	}
	got, err := rueidis.MGet(client, t.Context(), []string{"a", "b"})
	require.NoError(t, err)
	require.Len(t, got, 2)
	stats, err := plain.Do(t.Context(), plain.B().Info().Section("commandstats").Build()).ToString()
	require.NoError(t, err)
	require.Contains(t, stats, "cmdstat_mset:calls=1,", "one command, which on a wrapper it would not be")
}
