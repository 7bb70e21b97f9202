package rueidisentra_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// span is for how long the tests of everything at once run: six lives of their tokens, or
// what the environment has in SOAK.
func span(t *testing.T) time.Duration {
	t.Helper()
	s := os.Getenv("SOAK")
	if s == "" {
		return 6 * time.Second
	}
	d, err := time.ParseDuration(s)
	require.NoError(t, err)
	return d
}

func TestEveryKindOfConnectionSurvivesSixLives(t *testing.T) {
	for name, plaintext := range map[string]bool{"plaintext": true, "TLS": false} {
		t.Run(name, func(t *testing.T) {
			entra := testutil.NewEntra(t, nil)
			entra.SetLifetime(time.Second)
			redis := testutil.NewRedisServer(t, entra, &testutil.RedisServerOptions{Plaintext: plaintext})
			source := tokenSource(t, entra)
			told := make(chan struct{}, 1)
			var works []*works
			for i, adjust := range []func(*rueidis.ClientOption){
				func(*rueidis.ClientOption) {},
				func(o *rueidis.ClientOption) { o.DisableAutoPipelining, o.PipelineMultiplex = true, 1 },
				func(o *rueidis.ClientOption) { o.BlockingPipeline, o.PipelineMultiplex = 5, 2 },
				func(o *rueidis.ClientOption) { o.PipelineMultiplex = 3 },
				func(o *rueidis.ClientOption) {
					o.ClientTrackingOptions = []string{"BCAST", "PREFIX", "{4}"}
					o.OnInvalidations = func([]rueidis.RedisMessage) {
						select {
						case told <- struct{}{}:
						default:
						}
					}
				},
			} {
				option := redis.ClientOption()
				option.BlockingPoolSize = poolSize
				adjust(&option)
				client, err := rueidisentra.NewClient(option, source, &rueidisentra.Options{AllowPlaintext: plaintext})
				require.NoError(t, err)
				t.Cleanup(client.Close)
				w := newWorks(t, client, fmt.Sprintf("{%d}", i))
				if option.OnInvalidations != nil {
					w.told = told
				}
				works = append(works, w)
			}
			requireNothingNoticed(t, works, redis.Stats)
		})
	}
}

// requireNothingNoticed runs works and requires that no command fails, that nothing is lost, and that once all
// are warm no connection is opened or closed.
func requireNothingNoticed(t *testing.T, works []*works, stats func() testutil.GatewayStats) {
	t.Helper()
	for _, w := range works {
		w.warmUp()
	}
	warm := stats()
	for _, w := range works {
		w.start()
	}
	<-time.After(span(t))
	for _, w := range works {
		close(w.enough)
	}
	var commands int64
	for _, w := range works {
		w.wg.Wait()
		commands += w.commands.Load()
	}
	s := stats()
	require.Zero(t, s.ClosedOnExpiry)
	require.Zero(t, s.Queued)
	require.Zero(t, s.Refused)
	require.Equal(t, warm.Opened, s.Opened, "connections were opened")
	require.Equal(t, warm.Open, s.Open)
	require.GreaterOrEqual(t, s.Auths-warm.Auths, 6*s.Open)
	t.Logf("%d commands, 0 failed, %d connections, %d AUTHs", commands, s.Open, s.Auths)
}
