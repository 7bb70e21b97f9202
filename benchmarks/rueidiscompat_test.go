package benchmarks_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis/rueidiscompat"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// It is here and not in package rueidisentra because rueidiscompat requires ginkgo, a mock and
// more, which users' module graphs must not have from us.
func TestRueidiscompatDoesNotNoticeRotations(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	entra.SetLifetime(time.Second)
	redis := testutil.NewRedisServer(t, entra, nil)
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	require.NoError(t, err)
	source, err := auth.NewTokenSource(t.Context(), cred, nil)
	require.NoError(t, err)
	defer source.Close()
	client, err := rueidisentra.NewClient(redis.ClientOption(), source, nil)
	require.NoError(t, err)
	defer client.Close()
	compat := rueidiscompat.NewAdapter(client)

	ctx := context.Background()
	inbox := compat.Subscribe(ctx, "news") // on a dedicated connection
	defer inbox.Close()
	messages := inbox.Channel()
	require.Eventually(t, func() bool { return compat.Publish(ctx, "news", "warm").Val() == 1 }, time.Minute, time.Millisecond)

	incrOf := func(key string) func(rueidiscompat.Pipeliner) error {
		return func(p rueidiscompat.Pipeliner) error {
			p.Incr(ctx, key)
			return nil
		}
	}
	incr := func(cmds []rueidiscompat.Cmder, err error) (int64, error) {
		if err != nil {
			return 0, err
		}
		return cmds[0].(*rueidiscompat.IntCmd).Result()
	}
	enough := time.Now().Add(3500 * time.Millisecond)
	var works sync.WaitGroup
	for name, work := range map[string]func(n int64) (got int64, err error){
		"Incr":        func(int64) (int64, error) { return compat.Incr(ctx, "incr").Result() },
		"Pipelined":   func(int64) (int64, error) { return incr(compat.Pipelined(ctx, incrOf("pipelined"))) },
		"TxPipelined": func(int64) (int64, error) { return incr(compat.TxPipelined(ctx, incrOf("txpipelined"))) },
		"Watch": func(int64) (got int64, err error) {
			err = compat.Watch(ctx, func(tx rueidiscompat.Tx) error {
				<-time.After(300 * time.Millisecond) // so that tokens become due meanwhile
				got, err = incr(tx.TxPipelined(ctx, incrOf("watch")))
				return err
			}, "watch")
			return got, err
		},
		"Cache": func(n int64) (int64, error) {
			if err := compat.Set(ctx, "cache:"+strconv.FormatInt(n, 10), n, time.Minute).Err(); err != nil {
				return 0, err
			}
			return compat.Cache(time.Minute).Get(ctx, "cache:"+strconv.FormatInt(n, 10)).Int64()
		},
		"BLPop": func(n int64) (int64, error) {
			if err := compat.RPush(ctx, "list", n).Err(); err != nil {
				return 0, err
			}
			got, err := compat.BLPop(ctx, 0, "list").Result()
			if err != nil {
				return 0, err
			}
			return strconv.ParseInt(got[1], 10, 64)
		},
		"Publish": func(n int64) (int64, error) {
			if err := compat.Publish(ctx, "news", n).Err(); err != nil {
				return 0, err
			}
			for {
				select {
				case m := <-messages:
					if m.Payload != "warm" {
						return strconv.ParseInt(m.Payload, 10, 64)
					}
				case <-time.After(10 * time.Second):
					return 0, context.DeadlineExceeded
				}
			}
		},
	} {
		works.Go(func() {
			for n := int64(1); time.Now().Before(enough); n++ {
				if got, err := work(n); err != nil || got != n {
					t.Errorf("%s number %d returned %d: %v", name, n, got, err)
					return
				}
				<-time.After(5 * time.Millisecond)
			}
		})
	}
	works.Wait()
	require.GreaterOrEqual(t, len(entra.Issued()), 4)
	require.Zero(t, redis.Stats().ClosedOnExpiry)
	require.Zero(t, redis.Stats().Queued)
}
